"""What verbs print by `--json`: infinities are text and what is no number is null, since JSON has neither."""

import json
import math
from collections.abc import Mapping
from typing import Any


def as_json(value: Any) -> str:
    """Return `value`, of mappings, lists and plain values, as JSON over several lines."""
    return json.dumps(jsonable(value), indent=1, allow_nan=False)


def jsonable(value: Any) -> Any:
    """Return `value` with `inf` and `-inf` as text and NaN as null."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
