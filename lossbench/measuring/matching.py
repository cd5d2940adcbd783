"""Which pictures are scored against which, where the restored ones have a suffix behind the names of their targets."""

from collections.abc import Sequence
from pathlib import Path

from lossbench.errors import UserError
from lossbench.formats.listing import listed
from lossbench.images import EXTENSIONS
from lossbench.measuring.scoring import Unit, units


def matched(path: Path, target: Path | None, clip: bool, suffix: str) -> list[Unit]:
    """List what is to be scored in `path`, as `units`; an error says what the suffix has to do with it."""
    try:
        return units(path, target, clip, suffix)
    except UserError as error:
        if target is None or not path.is_dir():
            raise
        ours, theirs = (
            [each.stem for each in listed(folder, EXTENSIONS, said=False).pictures] for folder in (path, target)
        )
        raise UserError(f"{error.args[0]}{_about_suffix(ours, theirs, suffix)}") from None


def check_suffix(suffix: str, first: Path, folders: Sequence[Sequence[Path]]) -> None:
    """Raise UserError where no picture has the `suffix`, or some of a folder have it and others do not.

    `folders` are the pictures of each, `first` the folder of which an error speaks.
    """
    if suffix and not any(path.stem.endswith(suffix) for paths in folders for path in paths):
        raise UserError(f"--suffix {suffix}: no picture in {first} is called so at its end; leave it out")
    for paths in folders if suffix else ():
        having = [path for path in paths if path.stem.endswith(suffix)]
        others = [path for path in paths if not path.stem.endswith(suffix)]
        if having and others:
            raise UserError(f"--suffix {suffix}: {having[0]} has it, {others[0]} does not; name all of a folder alike")


def _about_suffix(ours: Sequence[str], theirs: Sequence[str], suffix: str) -> str:
    """Say that no name has the `suffix`, or which one all have behind the names of their targets."""
    if suffix:
        return "" if any(stem.endswith(suffix) for stem in ours) else f"; no name there ends in --suffix {suffix}"
    ends = [{stem.removeprefix(other) for other in theirs if stem.startswith(other)} for stem in ours]
    common = sorted(set.intersection(*ends) - {""}, key=len) if ends else []
    return f"; or give --suffix {common[0]}" if common else ""
