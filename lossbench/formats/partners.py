"""Which predictions belong to which targets: two files, or the pictures of two folders by their names."""

import difflib
from pathlib import Path

from lossbench.errors import UserError
from lossbench.formats.listing import listed
from lossbench.images import EXTENSIONS
from lossbench.names import lookalike, natural_path


def partners(prediction: Path, target: Path | None) -> dict[str, tuple[Path, Path | None]]:
    """Return the files of two folders by name, or the two files themselves.

    Raises UserError for an empty folder and a file without a partner.
    """
    if not prediction.is_dir():
        return {prediction.stem: (prediction, target)}
    ours = {path.stem: path for path in listed_by_number(prediction)}
    if target is None:
        return {name: (path, None) for name, path in ours.items()}
    theirs = {path.stem: path for path in listed_by_number(target)}
    for some, folder, others in ((ours, target, theirs), (theirs, prediction, ours)):
        missing = [name for name in some if name not in others]
        if missing:
            match = difflib.get_close_matches(missing[0], others, n=1, cutoff=0)
            more = f" (and {len(missing) - 1} more files)" if missing[1:] else ""
            hint = f"the nearest is {others[match[0]].name}; " if match else ""
            raise UserError(
                f"{some[missing[0]]} has no partner in {folder}{more}; {hint}name both alike, up to the extension"
                f"{lookalike(missing[0], others)}"
            )
    return {name: (path, theirs[name]) for name, path in ours.items()}


def listed_by_number(folder: Path) -> list[Path]:
    """List the pictures of a folder in natural order; raises UserError when there are none, or two of one name."""
    listing = listed(folder, EXTENSIONS)
    if not listing.pictures:
        held = f" but {beside}" if (beside := listing.passed_over()) else ""
        raise UserError(f"{folder} holds no picture ({', '.join(sorted(EXTENSIONS))}){held}; give another folder")
    first: dict[str, Path] = {}
    for path in listing.pictures:
        if first.setdefault(path.stem, path) != path:
            raise UserError(f"{first[path.stem]} and {path} have one name; leave one of them")
    return sorted(listing.pictures, key=natural_path)
