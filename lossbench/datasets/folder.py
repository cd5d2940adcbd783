"""A user's own pictures, and low-quality partners where there are any: ROOT/{train,val,test}/target, or undivided."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossbench.datasets import Dataset, Source, Splits, card
from lossbench.datasets._tree import base
from lossbench.errors import Notice, UserError
from lossbench.formats.listing import Listing, is_there, listed
from lossbench.images import EXTENSIONS, read_levels
from lossbench.names import lookalike

if TYPE_CHECKING:
    from numpy.typing import NDArray

CARD = card("folder")

SPLITS = ("train", "val", "test")
ROLES = ("target", "low_quality")
TEST_EACH = 5
"""Of pictures that nobody divided, in the order of their names, each such is tested on."""
VAL_EACH = 10
"""Of the others each such is for choices (val)."""


class Folder(Dataset):
    """A folder of the user."""

    card = CARD

    def read(self, source: Source) -> NDArray[Any]:
        """Return a picture (H, W, 3) of 8 or 16 bit, of full range; a grey one is repeated to three bands."""
        return read_levels(source.path)

    def read_low_quality(self, source: Source) -> NDArray[Any]:
        """Return a partner as `read` does; it may have another depth than its target."""
        return read_levels(source.path)

    def locate(self, root: Path | None) -> Splits:
        """Return the pictures of `root/<split>/target`; val may be absent and is then empty.

        Where there is none of these folders, the pictures of `root/target` or else of `root` are divided by the order
        of their names, which a Notice says: each fifth is tested on, and each tenth of the others is val.

        Hidden files are passed over; so are sub-folders and files with another extension, which a Notice names. Raises
        UserError naming the split and folder that is missing or holds no picture, two files of the same name, a link
        that leads nowhere, whether to a picture or to a folder, or a folder with too few pictures to be divided.
        """
        folder = base(root, CARD)
        if (whole := _undivided(folder)) is not None:
            return _divided(_pictures(whole), whole)
        found: Splits = {}
        for split in SPLITS:
            absent = split == "val" and not is_there(folder / split)
            found[split] = [] if absent else _pictures(folder / split / "target", split)
        _name_strays(folder, SPLITS)
        for split in SPLITS:
            _name_strays(folder / split, ROLES)
        return found

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the partner of every picture of `locate`, or None when no split has a folder `low_quality`.

        The partners serve whatever task and scale the user names; their sizes are checked where they are read. Raises
        UserError naming the file without a partner, or the split without partners while another split has them.
        """
        top = base(root, CARD)
        if (whole := _undivided(top)) is not None:
            return _undivided_partners(whole, top / ROLES[1])
        targets = self.locate(root)
        folders = {split: top / split / "low_quality" for split, sources in targets.items() if sources}
        if not any(is_there(folder) for folder in folders.values()):
            return None
        partners = {split: _pictures(folder, split) for split, folder in folders.items()}
        for split, sources in partners.items():
            _check_partners(targets[split], sources, folders[split])
        return {split: partners.get(split, []) for split in SPLITS}


def _undivided(folder: Path) -> Path | None:
    """Return what holds all targets where `folder` has no split: itself or its folder `target`; else None."""
    if any(is_there(folder / split) for split in SPLITS):
        return None
    if is_there(folder / ROLES[0]):
        return folder / ROLES[0]
    return folder if is_there(folder) and listed(folder, EXTENSIONS, said=False).pictures else None


def _undivided_partners(targets: Path, folder: Path) -> Splits | None:
    """Return the partners in `folder` as their `targets` are divided; None where there are none beside them."""
    if targets.parent != folder.parent or not is_there(folder):
        return None
    partners = _pictures(folder)
    _check_partners(_pictures(targets), partners, folder)
    return _divided(partners, folder, said=False)


def _divided(pictures: list[Source], folder: Path, said: bool = True) -> Splits:
    if len(pictures) < TEST_EACH:
        few = f"{folder} holds {len(pictures)} pictures and is not divided into train and test"
        raise UserError(f"{few}; give {TEST_EACH} or more, or divide them: {CARD.layout}")
    rest = [picture for number, picture in enumerate(pictures, 1) if number % TEST_EACH]
    found = {
        "train": [picture for number, picture in enumerate(rest, 1) if number % VAL_EACH],
        "val": rest[VAL_EACH - 1 :: VAL_EACH],
        "test": pictures[TEST_EACH - 1 :: TEST_EACH],
    }
    if said:
        counts = ", ".join(f"{split} {len(each)}" for split, each in found.items())
        how = f"in the order of names each {TEST_EACH}th is tested on and each {VAL_EACH}th of the others is val"
        warnings.warn(Notice(folder, f"has no train and test: {how} ({counts})"), stacklevel=3)
    return found


def _pictures(folder: Path, split: str = "all") -> list[Source]:
    if not (is_there(folder) and folder.is_dir()):
        raise UserError(f"{folder}: folder of split '{split}' is missing; expected: {CARD.layout}")
    listing = listed(folder, EXTENSIONS)
    by_name: dict[str, Path] = {}
    for path in listing.pictures:
        if path.stem in by_name:
            raise UserError(f"{path} and {by_name[path.stem].name} have the same name; rename or remove one")
        by_name[path.stem] = path
    if not by_name:
        beside = listing.passed_over()
        held = f" but {beside}" if beside else ""
        raise UserError(f"{folder}: no picture for split '{split}'{held}; expected: {CARD.layout}")
    return [Source(name, by_name[name], CARD.licence) for name in sorted(by_name)]


def _name_strays(folder: Path, expected: tuple[str, ...]) -> None:
    """Say which sub-folders and files of `folder` are none of `expected`, of which none may lead nowhere."""
    if not is_there(folder):
        return
    for name in expected:
        # a link to nowhere is not passed over
        is_there(folder / name)
    found = listed(folder, (), said=False)
    rest = Listing(folder, [], [name for name in found.folders if name not in expected], found.others)
    if beside := rest.passed_over():
        warnings.warn(Notice(folder, f"{beside} passed over; expected: {CARD.layout}"), stacklevel=3)


def _check_partners(targets: list[Source], partners: list[Source], folder: Path) -> None:
    target_names = {source.name for source in targets}
    partner_names = {source.name for source in partners}
    for source in targets:
        if source.name not in partner_names:
            raise UserError(
                f"{source.path} has no partner '{source.name}' in {folder}; add it or remove the target"
                f"{lookalike(source.name, partner_names)}"
            )
    for source in partners:
        if source.name not in target_names:
            raise UserError(
                f"{source.path} has no target of the same name; add the target or remove this file"
                f"{lookalike(source.name, target_names)}"
            )


DATASET: Dataset = Folder()
