"""The schemas that editors read are those of the records, and the shipped files keep to them."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from _repository import ROOT

from pipeline.config.schema import FOLDER, schemas

FILES = {
    "losses": [ROOT / "config/losses.yaml"],
    "config": [ROOT / "config/config.yaml"],
    "scale": sorted((ROOT / "config/scale").glob("*.yaml")),
    "table": sorted((ROOT / "config/tables").rglob("*.yaml")),
}
SHIPPED = [(kind, file) for kind, files in FILES.items() for file in files]
SMALL: dict[str, Any] = {"title": "small", "seeds": [0], "gpus": 0, "loss_networks": {}, "evaluation": {}}


def schema(kind: str) -> dict[str, Any]:
    """Return the schema of one kind of file."""
    found: dict[str, Any] = json.loads(schemas()[f"{kind}.schema.json"])
    return found


def test_the_files_are_those_that_the_records_give() -> None:
    found = {file.name: file.read_text(encoding="utf-8") for file in (ROOT / FOLDER).iterdir()}
    assert found == schemas(), "run python -m pipeline.config.schema"


@pytest.mark.parametrize(("kind", "file"), SHIPPED, ids=lambda value: getattr(value, "stem", value))
def test_every_shipped_file_keeps_to_its_schema_and_names_it(kind: str, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(text))), schema(kind))
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == ROOT / FOLDER / f"{kind}.schema.json"


@pytest.mark.parametrize("kind", FILES)
def test_an_unknown_entry_is_refused_and_a_known_one_is_described(kind: str) -> None:
    made = schema(kind)
    made = made["additionalProperties"] if kind == "losses" else made
    assert made["additionalProperties"] is False
    assert any("description" in entry or "$ref" in entry for entry in made["properties"].values())


@pytest.mark.parametrize(
    ("content", "accepted"),
    [
        ({"extends": "demo"}, True),
        ({"extends": "demo", "networks": {"edsr": {"recipe": {"steps": 9}}}}, True),
        ({"extends": "demo", "networks": {"edsr": {"recipe": {"stepz": 9}}}}, False),
        ({"extends": "demo", "seedz": [0]}, False),
        ({}, False),
        ({**SMALL, "networks": {}}, True),
        ({**SMALL, "networks": {"edsr": {"recipe": {"steps": 9}}}}, False),
        ({**SMALL, "networks": {"edsr_wide": {"network": "edsr", "arguments": {"channels": 9}}}}, True),
        ({"extends": "demo", "networks": {"edsr_wide": {"network": "edsr", "recipe": {"steps": 9}}}}, True),
    ],
)
def test_a_scale_that_extends_another_may_say_in_part_what_differs(content: dict[str, Any], accepted: bool) -> None:
    assert jsonschema.Draft202012Validator(schema("scale")).is_valid(content) is accepted
