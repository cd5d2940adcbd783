"""What every spec and configuration section shares: frozen, strict, and one line of JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from lossbench.errors import UserError, nearest


class Strict(BaseModel):
    """A frozen record that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def canonical(self) -> str:
        """Return the record as one line of JSON with sorted keys: equal records give equal text."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @classmethod
    def parse(cls, data: Any, where: str) -> Self:
        """Build the record from plain values; `where` names the file or section in the UserError on bad input."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise UserError(f"{where}: {'; '.join(_explain(cls, error))}") from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build the record from `canonical()` text; raises UserError on anything else."""
        try:
            return cls.parse(json.loads(text), cls.__name__)
        except json.JSONDecodeError as error:
            raise UserError(f"{cls.__name__}: not JSON ({error})") from None


def _explain(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            known = _known_keys(model, problem["loc"][:-1])
            yield f"unknown key '{key}'; {nearest(str(problem['loc'][-1]), known)}"
        elif problem["type"] == "missing":
            yield f"key '{key}' is missing"
        elif problem["type"] == "value_error":
            yield f"{key or 'value'}: {problem['ctx']['error']}"
        else:
            yield f"{key or 'value'}: {problem['msg']} (got {problem['input']!r})"


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
