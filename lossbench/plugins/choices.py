"""Constants of plugins that are one of a few words: the same check for who reads them and for who imports them."""

from lossbench.errors import UserError, nearest, quoted

CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "metrics": {"better": ("up", "down"), "OVER": ("picture", "clip", "set")},
}
"""By shelf and constant."""


def check_choice(where: str, folder: str, variable: str, value: object) -> None:
    """Raise UserError, beginning with `where`, for a `value` that the constant `variable` may not have."""
    known = CHOICES.get(folder, {}).get(variable)
    if known and not (isinstance(value, str) and value in known):
        raise UserError(f"{where}: {variable} = {quoted(value)} is none of its words; {nearest(str(value), known)}")
