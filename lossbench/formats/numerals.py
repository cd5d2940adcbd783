"""How YAML writes numbers."""

import math


def as_number(text: str, whole: bool = False) -> str | None:
    """Return how YAML has the number that `text` means, such as `100.0 or 1.0e+2` for `1e2`; None where it is none.

    YAML takes an exponent without a point or a sign for text. One that must be `whole` and is not is none.
    """
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value) or (whole and value != int(value)):
        return None
    if whole:
        return f"{int(value)} without quotes" if text.strip() == str(int(value)) else str(int(value))
    if "e" not in text.casefold():
        return f"{text.strip()} without quotes"
    mantissa, exponent = f"{value:e}".split("e")
    mantissa = mantissa.rstrip("0")
    mantissa += "0" if mantissa.endswith(".") else ""
    scientific = f"{mantissa}e{int(exponent):+d}"
    plain = f"{value!r}"
    return scientific if "e" in plain else f"{plain} or {scientific}"
