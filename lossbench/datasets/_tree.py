"""Finding the files of a data set that the user keeps: what is missing is named with its split and the whole tree."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from lossbench.datasets import Card, Source
from lossbench.errors import UserError
from lossbench.formats.listing import is_there, listed


def base(root: Path | None, card: Card, *nested: str) -> Path:
    """Return the first of `nested` that is a folder of `root`, else `root`; raises UserError when no root is given."""
    if root is None:
        raise UserError(f"data set '{card.name}' needs 'root', the folder that holds it; {remedy(card)}")
    return next((root / name for name in nested if is_there(root / name) and (root / name).is_dir()), root)


def remedy(card: Card) -> str:
    """Say which tree is expected and where to get it."""
    return f"expected: {card.layout}; get it: {card.where}"


def require_folder(folder: Path, split: str, card: Card) -> Path:
    """Return `folder`; raises UserError naming it and its split when it is not there."""
    if not (is_there(folder) and folder.is_dir()):
        raise UserError(f"{folder}: folder of split '{split}' of data set '{card.name}' is missing; {remedy(card)}")
    return folder


def require_file(path: Path, split: str, card: Card) -> Path:
    """Return `path`; raises UserError naming it and its split when it is not there."""
    if not (is_there(path) and path.is_file()):
        raise UserError(f"{path}: file of split '{split}' of data set '{card.name}' is missing; {remedy(card)}")
    return path


def read_list(path: Path, split: str, card: Card) -> list[str]:
    """Return the names in a published list, one a line; raises UserError naming the file and what is wrong with it."""
    try:
        # an editor may have put a mark of its own at the start
        return require_file(path, split, card).read_text("utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: list of split '{split}' can't be read ({error}); save it as UTF-8 text") from None


def require_apart(splits: Mapping[str, Iterable[str]], where: Path) -> None:
    """Raise UserError naming the splits and the name where one is listed twice, in one split or in two."""
    first: dict[str, str] = {}
    for split, names in splits.items():
        for name in names:
            if name in first:
                both = split if first[name] == split else f"{first[name]} and {split}"
                raise UserError(f"{where}: '{name}' is listed twice (split {both}); keep one")
            first[name] = split


def require_count(found: int, expected: int, folder: Path, split: str, card: Card, what: str = "pictures") -> None:
    """Raise UserError naming the folder, its split and both numbers unless `folder` holds the published number."""
    if found != expected:
        raise UserError(
            f"{folder}: {found} {what} of split '{split}' of data set '{card.name}' where {expected} are published;"
            f" {remedy(card)}"
        )


def require_unique(sources: Iterable[Source], split: str) -> None:
    """Raise UserError naming the split and both files when two sources have one name."""
    first: dict[str, Source] = {}
    for source in sources:
        other = first.setdefault(source.name, source)
        if other is not source:
            raise UserError(f"{source.path} and {other.path} (split {split}) are both '{source.name}'; rename one")


def pictures(folder: Path, split: str, card: Card, extensions: Collection[str]) -> dict[str, Path]:
    """Return the files of `folder` with one of `extensions` (lower case, with the dot) by name, sorted.

    Hidden files are passed over; so are sub-folders and other extensions, which a Notice names. Raises UserError naming
    the split and a missing folder, two files of one name, or a link that leads nowhere.
    """
    found: dict[str, Path] = {}
    for path in listed(require_folder(folder, split, card), extensions).pictures:
        if path.stem in found:
            raise UserError(f"{path} and {found[path.stem].name} (split {split}) have the same name; remove one")
        found[path.stem] = path
    return dict(sorted(found.items()))
