"""JSON has neither infinity nor NaN."""

import json
import math
from pathlib import Path

import pytest

from lossbench.measuring.json_text import as_json


def test_what_is_no_number_of_json_is_text_or_null() -> None:
    given = {"a": math.inf, "b": (-math.inf, math.nan, 1.5, 2), "c": {"d": None, 3: "inf", "e": True}}

    def refused(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads(as_json(given), parse_constant=refused)
    assert found == {"a": "inf", "b": ["-inf", None, 1.5, 2], "c": {"d": None, "3": "inf", "e": True}}


def test_what_is_no_plain_value_is_an_error() -> None:
    with pytest.raises(TypeError):
        as_json({"a": Path("a")})
