"""Which predictions belong to which targets: two files, or the pictures of two folders by their names."""

import difflib
import os
import warnings
from pathlib import Path

from lossbench.errors import Notice, UserError
from lossbench.formats.listing import Listing, listed
from lossbench.images import EXTENSIONS
from lossbench.names import lookalike, natural, natural_path

Files = dict[str, tuple[Path, Path | None]]
"""Predictions with their targets, by name."""
NAMED = 3
"""Names that an error says of pictures without a partner."""
LIKENESS = 0.5
"""Of the name that an error calls the nearest, by difflib's measure in 0..1."""


def partners(prediction: Path, target: Path | None, suffix: str = "") -> Files:
    """Return the files of two folders by name, or the two files themselves.

    Where the folders hold no picture themselves but sub-folders, their pictures go by their paths below the folders,
    such as `set5/baby`. `suffix` is left out of the names of predictions that end in it. Raises UserError for an empty
    folder and a file without a partner.
    """
    if not prediction.is_dir():
        return {prediction.stem: (prediction, target)}
    below = nested(prediction, *([target] if target else []))
    ours = named(prediction, below, suffix)
    if target is None:
        return {name: (path, None) for name, path in ours.items()}
    theirs = named(target, below)
    require_the_same(ours, target, theirs)
    require_the_same(theirs, prediction, ours)
    return {name: (path, theirs[name]) for name, path in ours.items()}


def require_the_same(some: dict[str, Path], folder: Path, others: dict[str, Path]) -> None:
    """Raise UserError naming those of `some` that are not among the `others`, which lie in `folder`."""
    missing = [name for name in some if name not in others]
    if missing:
        # one that has a partner is not meant
        alone = [name for name in others if name not in some]
        match = difflib.get_close_matches(missing[0], alone, n=1, cutoff=LIKENESS)
        also = ", ".join(str(some[name].name) for name in missing[1:NAMED])
        rest = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        more = f" (and {len(missing) - 1} more files: {also}{rest})" if missing[1:] else ""
        hint = f"the nearest is {others[match[0]].name}; " if match else ""
        raise UserError(
            f"{some[missing[0]]} has no partner in {folder}{more}; {hint}name both alike, up to the extension"
            f"{lookalike(missing[0], others)}"
        )


def nested(*folders: Path) -> bool:
    """Return whether each of `folders` holds no picture itself, but sub-folders."""
    found = [listed(folder, EXTENSIONS, said=False) for folder in folders]
    return all(not each.pictures and each.folders for each in found)


def named(folder: Path, below: bool = False, suffix: str = "") -> dict[str, Path]:
    """Return the pictures of `folder`, or all `below` it, by their paths in it without extension, in natural order.

    A `suffix` of a name is left out. Raises UserError when there are none, or two of one name.
    """
    paths = _listed_below(folder) if below else listed_by_number(folder)
    found: dict[str, Path] = {}
    for path in paths:
        stem = path.stem.removesuffix(suffix) or path.stem
        name = (path.relative_to(folder).parent / stem).as_posix()
        if found.setdefault(name, path) != path:
            raise UserError(f"{found[name]} and {path} have one name; leave one of them")
    return found


def listed_by_number(folder: Path) -> list[Path]:
    """List the pictures of a folder in natural order; raises UserError when there are none, or two of one name."""
    listing = listed(folder, EXTENSIONS)
    if not listing.pictures:
        held = f" but {beside}" if (beside := listing.passed_over()) else ""
        raise UserError(f"{folder} holds no picture ({', '.join(sorted(EXTENSIONS))}){held}; give another folder")
    return _by_number(listing)


def _by_number(listing: Listing) -> list[Path]:
    first: dict[str, Path] = {}
    for path in listing.pictures:
        if first.setdefault(path.stem, path) != path:
            raise UserError(f"{first[path.stem]} and {path} have one name; leave one of them")
    return sorted(listing.pictures, key=natural_path)


def _listed_below(folder: Path) -> list[Path]:
    """List the pictures in all sub-folders of `folder`, those of one after those of another."""
    found = _walked(folder, ())
    if not found:
        raise UserError(f"{folder} holds no picture ({', '.join(sorted(EXTENSIONS))}), nor do its sub-folders")
    return found


def _walked(folder: Path, above: tuple[str, ...]) -> list[Path]:
    # a link may lead back to a folder above it
    place = os.path.realpath(folder)
    if place in above:
        return []
    listing = listed(folder, EXTENSIONS, said=False)
    if listing.pictures and listing.others:
        beside = Listing(folder, [], [], listing.others).passed_over()
        warnings.warn(Notice(folder, f"{beside} passed over"), stacklevel=2)
    inner = [_walked(folder / name, (*above, place)) for name in sorted(listing.folders, key=natural)]
    return [*_by_number(listing), *(path for paths in inner for path in paths)]
