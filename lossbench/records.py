"""What every spec and configuration section shares: frozen, strict, and one line of JSON."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from lossbench.errors import UserError, as_written, nearest
from lossbench.formats.numerals import as_number

PARSED = "parsed"
"""Key of pydantic's context for values that a user wrote."""


class Strict(BaseModel):
    """A frozen record that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def canonical(self) -> str:
        """Return the record as one line of JSON with sorted keys: equal records give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @model_validator(mode="before")
    @classmethod
    def _no_type_stands_for_another(cls, data: Any, info: ValidationInfo) -> Any:
        """Refuse what pydantic would turn: true and false into numbers; what is parsed, text into either too."""
        types = _types(cls)
        for name, value in data.items() if isinstance(data, dict) else ():
            leaves = types.get(name, (Any,))
            numbers, truth = {int, float} & {*leaves}, bool in leaves
            if Any in leaves or not (numbers or truth):
                continue
            if numbers and not truth and _holds_truth(value):
                raise _WrongTypeError(name, "a number", as_written(value))
            if not info.context:
                continue
            if truth and not numbers and isinstance(value, int | float) and not isinstance(value, bool):
                raise _WrongTypeError(name, "true or false", as_written(value))
            if not isinstance(value, str) or _takes_entries(cls.model_fields[name].annotation):
                continue
            if not any(leaf is str or isinstance(leaf, str) for leaf in leaves):
                written = as_number(value, float not in numbers) if numbers else None
                words = "true or false" if not numbers else "a number" if float in numbers else "a whole number"
                raise _WrongTypeError(name, words, repr(value), f"; write {written}" if written else "")
        return data

    @classmethod
    def parse(cls, data: Any, where: str) -> Self:
        """Build the record from plain values; `where` names the file or section in the UserError on bad input."""
        try:
            return cls.model_validate(data, context={PARSED: True})
        except RecursionError:
            raise UserError(f"{where}: an entry that holds itself, or too many in one another") from None
        except ValidationError as error:
            raise UserError(f"{where}: {'; '.join(dict.fromkeys(_explain(cls, error, data)))}") from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build the record from `canonical()` text; raises UserError on anything else."""
        try:
            return cls.parse(json.loads(text), cls.__name__)
        except json.JSONDecodeError as error:
            raise UserError(f"{cls.__name__}: not JSON ({error})") from None


class Sparse(Strict):
    """A record of whose text the fields `OPTIONAL` are no part while they are None."""

    OPTIONAL: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_unset(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialise(self)
        return {name: value for name, value in content.items() if name not in self.OPTIONAL or value is not None}


def refuse_twice(entry: str, values: Sequence[Any]) -> None:
    """Raise ValueError naming the first of `values`, those of the list `entry`, that stands there twice."""
    if twice := [value for place, value in enumerate(values) if value in values[:place]]:
        raise ValueError(f"{entry}: {as_written(twice[0])} is given twice; keep one")


class _WrongTypeError(ValueError):
    """A value in the entry `name` that is of another type than that takes."""

    def __init__(self, name: str, words: str, got: str, remedy: str = "") -> None:
        super().__init__(f"{words} is expected (got {got}){remedy}")
        self.name = name


EXPECTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "finite_number": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping of entries",
    "model": "a mapping of entries",
    "none": "nothing",
}
"""What a value should have been, by the first word of pydantic's name for the mistake."""


def _explain(model: type[BaseModel], error: ValidationError, data: Any) -> Iterator[str]:
    if data is None:
        yield "value: it is empty, a mapping of entries is expected (got None)"
        return
    wrong: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False):
        location = _present(problem["loc"], data)
        key, kind = ".".join(str(part) for part in location), problem["type"]
        if kind == "extra_forbidden":
            known = _known_keys(model, location[:-1])
            yield f"unknown key '{key}'; {nearest(str(location[-1]), known)}"
        elif kind == "missing":
            yield f"key '{'.'.join(map(str, (*location, problem['loc'][-1])))}' is missing"
        elif kind == "value_error":
            said = problem["ctx"]["error"]
            place = ".".join([key, said.name] if key else [said.name]) if isinstance(said, _WrongTypeError) else key
            yield f"{place}: {said}" if place else str(said)
        elif kind == "literal_error" and isinstance(problem["input"], str):
            known = re.findall("'([^']*)'", problem["ctx"]["expected"])
            yield f"{key}: {problem['msg']} (got {problem['input']!r}); {nearest(problem['input'], known)}"
        elif kind in ("too_short", "too_long"):
            least = kind == "too_short"
            if least and len(problem["input"]) >= problem["ctx"]["min_length"]:
                # entries that are wrong, each named on its own, don't count
                continue
            limit = f"least {problem['ctx']['min_length']}" if least else f"most {problem['ctx']['max_length']}"
            yield f"{key}: a list of at {limit} is expected (got {as_written(problem['input'])})"
        elif (expected := _expected(kind)) is not None:
            # what may be of several types is refused once for each of them
            parts = wrong.setdefault(f"{key or 'value'}\0{_got(problem['input'], kind)}", [])
            parts += [expected] if expected not in parts else []
        else:
            yield f"{key or 'value'}: {problem['msg']} (got {problem['input']!r})"
    for place, parts in wrong.items():
        key, got = place.split("\0")
        yield f"{key}: {' or '.join(parts)} is expected {got}"


def _expected(kind: str) -> str | None:
    """Return in words what is expected where pydantic finds the mistake `kind`; None for one that is no wrong type."""
    known = kind.endswith(("_type", "_parsing", "_required")) or kind in ("int_from_float", "finite_number")
    return next((words for name, words in EXPECTED.items() if known and kind.startswith(name)), None)


def _got(value: Any, kind: str) -> str:
    """Return what stands in the place of what is expected, with what to write where that is clear."""
    got = f"(got {as_written(value)})"
    whole = kind.startswith("int")
    if (whole or kind.startswith("float")) and isinstance(value, str) and (number := as_number(value, whole)):
        return f"{got}; write {number}"
    if kind.startswith("string") and isinstance(value, bool | int | float):
        return f"{got}; put it in quotes"
    if kind.startswith(("tuple", "list")) and isinstance(value, str):
        return f"{got}; write [{value}]"
    return got


def _present(location: tuple[int | str, ...], data: Any) -> tuple[int | str, ...]:
    """Return the parts of a place that are keys of `data`, without pydantic's own names of types that it tried."""
    found: list[int | str] = []
    for part in location:
        inside = (
            part in data if isinstance(data, Mapping) else isinstance(data, list | tuple) and part in range(len(data))
        )
        if inside:
            data = data[part]
            found.append(part)
    return tuple(found)


def _holds_truth(value: Any) -> bool:
    """Return whether `value` is true or false, or a list or mapping with one of them."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, bool) or any(map(_holds_truth, parts))


def _takes_entries(annotation: Any) -> bool:
    """Return whether `annotation` is a list or a mapping, or may be one."""
    return get_origin(annotation) in (tuple, list, dict) or any(map(_takes_entries, get_args(annotation)))


@cache
def _types(model: type[BaseModel]) -> dict[str, tuple[Any, ...]]:
    """Return by the name of each field the types that it is made of."""
    return {name: tuple(_leaves(field.annotation)) for name, field in model.model_fields.items()}


def _leaves(annotation: Any) -> list[Any]:
    """List the types that `annotation` is made of."""
    arguments = [argument for argument in get_args(annotation) if argument is not ...]
    return [leaf for argument in arguments for leaf in _leaves(argument)] if arguments else [annotation]


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Walk the annotations along `location` and list the fields of the model found there."""
    annotation: Any = model
    for part in location:
        nested = models(annotation)
        fields: Mapping[str, Any] = nested[0].model_fields if nested else {}
        annotation = fields[str(part)].annotation if str(part) in fields else annotation
    return [name for found in models(annotation) for name in found.model_fields]


def models(annotation: Any) -> list[type[BaseModel]]:
    """List the records that a type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in models(argument)]
