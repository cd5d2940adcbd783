"""Arithmetic of a loss network: the modes that a loss offers, as configurations name them and tables print them."""

from lossbench.errors import UserError, nearest, quoted

PRECISIONS = {
    "exact": "float32 (TF32 on GPUs)",
    "difference": "bfloat16 products, the prediction's difference from the target apart from the target, else float32",
    "fast": "bfloat16 products and features",
}
"""By name, in the order of their accuracy."""


def checked_precision(owner: str, precision: object) -> str:
    """Return `precision`; raises UserError with the nearest match when `owner` asks for one that there is not."""
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise UserError(f"{owner}: unknown precision {quoted(precision)}; {nearest(str(precision), PRECISIONS)}")
    return precision
