"""Values as JSON can hold them, which has no NaN and no infinity."""

import json
from typing import Any


def finite(value: Any) -> Any:
    """Return `value`, of dictionaries, lists and plain values, with null in the place of what is not finite."""
    return json.loads(json.dumps(value), parse_constant=lambda _: None)
