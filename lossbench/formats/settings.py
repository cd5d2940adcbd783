"""Settings of a command line, `key=value`."""

import json
from collections.abc import Iterable
from typing import Any

from lossbench.errors import UserError


def assigned(assignments: Iterable[str], option: str, example: str) -> dict[str, Any]:
    """Return what `assignments` say by key, values in JSON or plain words.

    Raises UserError naming the `option` with an `example` for what is no key=value.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        key, sign, value = assignment.partition("=")
        if not key or not sign:
            raise UserError(f"{option} {assignment}: no key=value; write it as {option} {example}")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
