"""DIV2K: 800 training and 100 validation pictures of 2K size, with low-resolution partners by MATLAB's bicubic."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from zipfile import BadZipFile

from lossbench.datasets._card import Card, Source
from lossbench.errors import UserError
from lossbench.files import sha256

NEEDS_ROOT = True
CARD = Card(
    name="div2k",
    title="DIV2K (Agustsson and Timofte 2017), bicubic x2 and x4 tracks",
    licence="academic research only",
    bytes=5_301_165_837,
    where="`python -m pipeline fetch div2k`, or https://data.vision.ee.ethz.ch/cvl/DIV2K/",
    layout=(
        "DIV2K_train_HR/0001.png to 0800.png, DIV2K_valid_HR/0801.png to 0900.png,"
        " DIV2K_train_LR_bicubic/X{2,3,4}/0001x{2,3,4}.png to 0800x{2,3,4}.png,"
        " DIV2K_valid_LR_bicubic/X{2,3,4}/0801x{2,3,4}.png to 0900x{2,3,4}.png (only the scales in use)"
    ),
)

NUMBERS: dict[str, Sequence[int]] = {"train": range(1, 801), "val": (), "test": range(801, 901)}
"""The published split: every recipe trains on all of 1-800 and scores 801-900, so that nothing is left for val."""

FOLDERS = {"train": "train", "test": "valid"}
SCALES = (2, 3, 4)

ARCHIVES: dict[str, str | None] = {
    "DIV2K_train_HR.zip": "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
    "DIV2K_valid_HR.zip": "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
    "DIV2K_train_LR_bicubic_X2.zip": "a53a424317575838dadce4bcd97cf7b744d6855f43740ed5f0245af3cf4bd850",
    "DIV2K_train_LR_bicubic_X4.zip": "f006b837f4eb52b82909aa01478e6d6d199eefce932179491d0c9dbb706dde3a",
    "DIV2K_valid_LR_bicubic_X2.zip": "60eed9875c697df51204aa579e2a699e1d5215095788a097ff54dd17e2664d57",
    # no SHA-256 is published for this one: torchsr's MD5 is its only check
    "DIV2K_valid_LR_bicubic_X4.zip": None,
}
"""What `fetch` downloads, with the SHA-256 of each archive."""

EXTRACTED = ("DIV2K_train_HR", "DIV2K_valid_HR", "DIV2K_train_LR_bicubic", "DIV2K_valid_LR_bicubic")


def locate(root: Path | None, numbers: Mapping[str, Sequence[int]] = NUMBERS) -> dict[str, list[Source]]:
    """Return the high-resolution pictures below `root`: 800 train, no val, 100 test.

    `numbers` names other pictures of the same layout, by split, for a smaller tree. Raises UserError naming the split
    and the first folder or file that is missing.
    """
    return _sources(root, numbers, "DIV2K_{folder}_HR", "{number:04d}.png")


def locate_low_quality(
    root: Path | None, task: str, scale: int, numbers: Mapping[str, Sequence[int]] = NUMBERS
) -> dict[str, list[Source]] | None:
    """Return the partners of `locate` for `super_resolution` by 2, 3 or 4; None for what the set does not ship.

    The partners were made by MATLAB's antialiased bicubic; other implementations differ slightly and must not be
    mixed with them. Raises UserError naming the split and the first folder or file that is missing.
    """
    if task != "super_resolution" or scale not in SCALES:
        return None
    return _sources(root, numbers, f"DIV2K_{{folder}}_LR_bicubic/X{scale}", f"{{number:04d}}x{scale}.png")


def fetch(root: Path) -> None:
    """Download the x2 and x4 bicubic tracks (5.3 GB, and as much again while they are unpacked) into `root`.

    torchsr downloads, checks MD5 and unpacks into `root/DIV2K.partial`; a folder reaches `root` only when all archives
    have the SHA-256 of `ARCHIVES`. An interrupted download keeps its finished archives. Raises UserError naming a
    folder that is in the way, a failed download, or an archive with another SHA-256.
    """
    from torchsr.datasets import Div2K

    for name in EXTRACTED:
        if (root / name).exists():
            raise UserError(f"{root / name} is already there; use it as it is, or move it away and fetch again")
    # the class downloads its whole list, 28 archives with other degradations, whatever split and scale are asked for
    urls = [(url, md5) for url, md5 in Div2K.urls if url.rsplit("/", 1)[-1] in ARCHIVES]
    bicubic = type("BicubicDiv2K", (Div2K,), {"urls": urls, "already_downloaded_urls": []})
    staging = root / "DIV2K.partial"
    try:
        bicubic(str(staging), scale=4, track="bicubic", split="train", download=True)
    except (OSError, RuntimeError, ValueError, BadZipFile) as error:
        raise UserError(
            f"{staging}: downloading DIV2K failed ({error}); fetch again, finished parts are kept"
        ) from None
    # torchsr adds a folder of this name
    unpacked = staging / "DIV2K"
    for name, expected in ARCHIVES.items():
        _verify(unpacked / name, expected)
    for name in EXTRACTED:
        os.replace(unpacked / name, root / name)
    shutil.rmtree(staging)


def _verify(archive: Path, expected: str | None) -> None:
    if not archive.is_file():
        raise UserError(f"{archive} was not downloaded; fetch again, or get it: {CARD.where}")
    if expected is not None and (found := sha256(archive)) != expected:
        raise UserError(f"{archive} has sha256 {found}, expected {expected}; delete it and fetch again")


def _sources(
    root: Path | None, numbers: Mapping[str, Sequence[int]], folder_pattern: str, file_pattern: str
) -> dict[str, list[Source]]:
    remedy = f"expected: {CARD.layout}; get it: {CARD.where}"
    if root is None:
        raise UserError(f"data set 'div2k' needs 'root', the folder that holds it; {remedy}")
    found: dict[str, list[Source]] = {"train": [], "val": [], "test": []}
    for split, folder_name in FOLDERS.items():
        folder = root / folder_pattern.format(folder=folder_name)
        if not folder.is_dir():
            raise UserError(f"{folder}: folder of split '{split}' of data set 'div2k' is missing; {remedy}")
        for number in sorted(numbers[split]):
            path = folder / file_pattern.format(number=number)
            if not path.is_file():
                raise UserError(f"{path}: file of split '{split}' of data set 'div2k' is missing; {remedy}")
            found[split].append(Source(f"{number:04d}", path, CARD.licence))
    return found
