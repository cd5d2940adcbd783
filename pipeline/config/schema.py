"""JSON schemas of the configuration files, made from the records that read them: `python -m pipeline.config.schema`."""

import ast
import inspect
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lossbench.files import write_text
from lossbench.records import Strict, models
from pipeline.config.config import Config
from pipeline.config.extending import KEY
from pipeline.config.losses import Loss
from pipeline.config.scale import Network, Scale
from pipeline.config.table import Table

FOLDER = Path("workflow/schemas")
DRAFT = "https://json-schema.org/draft/2020-12/schema"
RECORDS: dict[str, type[Strict]] = {"config": Config, "scale": Scale, "table": Table}
"""What each kind of file holds; that of the losses holds a record by each name."""


def schemas() -> dict[str, str]:
    """Return the text of every schema by the name of its file; editors show their descriptions beside the entries."""
    found = {name: _schema(record) for name, record in RECORDS.items()}
    found["scale"] = _extending(_with_variants(found["scale"]))
    loss = _schema(Loss)
    # references are from the top of a file
    parts = {"$defs": loss.pop("$defs")} if "$defs" in loss else {}
    found["losses"] = {"type": "object", **parts, "additionalProperties": loss}
    return {
        f"{name}.schema.json": f"{json.dumps({'$schema': DRAFT, **schema}, indent=1)}\n"
        for name, schema in found.items()
    }


def _schema(record: type[Strict]) -> dict[str, Any]:
    made = record.model_json_schema()
    for kind, part in (*made.get("$defs", {}).items(), (record.__name__, made)):
        for name, text in _texts(_reachable(record)[kind]):
            part["properties"][name]["description"] = text
    return made


def _with_variants(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a scale in which a network that names its file may leave out what others must have."""
    network = whole["$defs"][Network.__name__]
    network["anyOf"] = [{"required": ["network"]}, {"required": network.pop("required")}]
    return whole


def _extending(whole: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a record that is `whole`, or says in part what differs from the one in its `extends`."""
    part = _optional(json.loads(json.dumps(whole).replace("#/$defs/", "#/$defs/Partial")))
    parts = {f"Partial{name}": one for name, one in part.pop("$defs").items()}
    deep = {name: one for name, one in whole["properties"].items() if "$ref" in json.dumps(one)}
    otherwise = {"required": whole["required"], "properties": deep}
    return {"$defs": {**whole["$defs"], **parts}, **part, "if": {"required": [KEY]}, "else": otherwise}


def _optional(schema: Any) -> Any:
    """Return `schema` without what it requires."""
    if isinstance(schema, list):
        return [_optional(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    # an entry may be called so too, and is no list
    kept = {name: one for name, one in schema.items() if name != "required" or not isinstance(one, list)}
    return {name: _optional(one) for name, one in kept.items()}


def _reachable(record: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Return `record` and the records inside it by name."""
    found = {record.__name__: record}
    for field in record.model_fields.values():
        for inner in models(field.annotation):
            found |= _reachable(inner)
    return found


def _texts(record: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Give the name of each field that has a text below it, there or in a base, and the text on one line."""
    for part in (part for part in reversed(record.__mro__) if issubclass(part, Strict)):
        [body] = ast.parse(inspect.getsource(part)).body
        assert isinstance(body, ast.ClassDef)
        for field, below in pairwise(body.body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    yield name, " ".join(text.split())


if __name__ == "__main__":
    for name, text in schemas().items():
        write_text(FOLDER / name, text)
