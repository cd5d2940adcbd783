"""The test sets of the super-resolution literature, in the layout of EDSR's benchmark.tar or of SelfExSR."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarError

from lossbench.datasets._card import Card, Source
from lossbench.datasets._download import download
from lossbench.datasets._picture_size import picture_size
from lossbench.datasets._tree import base, pictures, remedy, require_count, require_file, require_folder
from lossbench.errors import UserError
from lossbench.files import digest

SPLIT = "test"
SCALES = (2, 3, 4)

ARCHIVE_BYTES = 250_000_000
"""Size of benchmark.tar, which holds Set5, Set14, B100 and Urban100, to two digits."""

FETCHED = ("set5", "set14", "bsd100", "urban100")
"""The data sets that benchmark.tar holds."""

SCALE_FOLDER = re.compile(r"image_SRF_(\d+)")


@dataclass(frozen=True)
class PublishedSet:
    """A set of test pictures as it was published."""

    card: Card
    benchmark: str
    """The set's folder in benchmark.tar; also the name of its class in torchsr."""
    selfexsr: str
    """The set's folder in the SelfExSR repository."""
    count: int
    """Published pictures."""


def where(name: str) -> str:
    """Say how to get a set that benchmark.tar holds."""
    return (
        f"`python -m pipeline fetch {name}` (one archive for {', '.join(FETCHED)}),"
        " or the SelfExSR repository, https://github.com/jbhuang0604/SelfExSR"
    )


def layout(benchmark: str, selfexsr: str, count: int) -> str:
    """Describe both trees on one line."""
    return (
        f"benchmark/{benchmark}/HR/NAME.png ({count}) and LR_bicubic/X{{2,3,4}}/NAMEx{{2,3,4}}.png beside HR"
        f" (EDSR's benchmark.tar), or {selfexsr}/image_SRF_{{2,3,4}}/img_001_SRF_{{2,3,4}}_{{HR,LR}}.png to"
        f" img_{count:03d} (SelfExSR; only the scales in use)"
    )


def targets(published: PublishedSet, root: Path | None) -> dict[str, list[Source]]:
    """Return the high-resolution pictures as the split test; train and val are empty.

    `root` holds `benchmark/<set>` or `<set>`, or is the set's folder, or one of its folders `image_SRF_<scale>`.
    SelfExSR cuts a picture to multiples of the scale before it shrinks it, so that each scale has targets of its own:
    those of the smallest scale are taken, which hold those of its multiples. Raises UserError naming the split and the
    first folder or file that is missing, or another number of pictures than the published.
    """
    return _test(_targets(published, root)[0], published.card)


def partners(published: PublishedSet, root: Path | None, task: str, scale: int) -> dict[str, list[Source]] | None:
    """Return the shipped low-resolution pictures for `super_resolution`, with the names of `targets`.

    They come from MATLAB's antialiased bicubic. None for another task, and for a scale that the layout does not have:
    a SelfExSR tree without `image_SRF_<scale>`, a benchmark tree without `LR_bicubic`, or a scale beyond 2, 3 and 4.
    Raises UserError naming the split and the file that is missing, damaged, or of another size than its target says.
    """
    if task != "super_resolution" or scale not in SCALES:
        return None
    found, folder = _targets(published, root)
    own = _scale_of(folder)
    shipped = folder.parent / ("LR_bicubic" if own is None else f"image_SRF_{scale}")
    if not shipped.is_dir():
        return None
    if own is None:
        low = _benchmark_partners(published, shipped / f"X{scale}", list(found), scale)
    else:
        low = _numbered(published, shipped, scale, "LR")
    for name, path in low.items():
        _check_size(found[name], path, scale)
    return _test(low, published.card)


def fetch_benchmark(published: PublishedSet, root: Path) -> None:
    """Put EDSR's benchmark.tar, with the folders of four sets, unpacked into `root/benchmark`.

    Where one of the other sets was fetched into a folder beside `root`, this set's part is copied from there. torchsr
    knows the address and the MD5 and unpacks, refusing members that would leave the folder; an interrupted download
    goes on where it stopped. Raises UserError naming a folder that is in the way, a failed download, an archive with
    another MD5, or one that does not unpack.
    """
    import torchsr.datasets

    target, staging = root / "benchmark", root / "benchmark.partial"
    if target.exists():
        raise UserError(f"{target} is already there; use it as it is, or move it away and fetch again")
    kind = getattr(torchsr.datasets, published.benchmark)
    # torchsr adds a folder of this name
    unpacked = staging / "SRBenchmarks"
    beside = [root.parent / name / "benchmark" / published.benchmark for name in FETCHED]
    if fetched := next((folder for folder in beside if folder.is_dir()), None):
        shutil.copytree(fetched, unpacked / "benchmark" / published.benchmark, dirs_exist_ok=True)
    else:
        _download_and_unpack(kind, unpacked)
    os.replace(unpacked / "benchmark", target)
    shutil.rmtree(staging)


def _download_and_unpack(kind: type, unpacked: Path) -> None:
    # the class remembers for the whole process what it has downloaded
    fresh = type("Benchmark", (kind,), {"already_downloaded_urls": []})
    ((url, md5),) = fresh.urls  # type: ignore[attr-defined]
    archive = unpacked / url.rsplit("/", 1)[-1]
    if not archive.is_file():
        download(url, archive)
    if (found := digest(archive, "md5")) != md5:
        raise UserError(f"{archive} has md5 {found}, expected {md5}; delete it and fetch again")
    try:
        fresh(str(unpacked.parent), download=True)
    except (OSError, RuntimeError, TarError) as error:
        raise UserError(f"{archive} does not unpack ({error}); make room or delete it, and fetch again") from None


def _targets(published: PublishedSet, root: Path | None) -> tuple[dict[str, Path], Path]:
    """Return the targets by name and the folder that holds them."""
    card = published.card
    top = base(root, card, f"benchmark/{published.benchmark}", published.benchmark, published.selfexsr)
    if _scale_of(top) is None and not _scale_folders(top):
        folder = top / "HR"
        if not folder.is_dir():
            raise UserError(f"{top} holds no folder of split '{SPLIT}' of data set '{card.name}'; {remedy(card)}")
        found = pictures(folder, SPLIT, card, {".png"})
        require_count(len(found), published.count, folder, SPLIT, card)
        return found, folder
    folder = top if _scale_of(top) else _scale_folders(top)[0]
    scale = _scale_of(folder)
    assert scale is not None
    return _numbered(published, folder, scale, "HR"), folder


def _scale_of(folder: Path) -> int | None:
    """Return the scale of a SelfExSR folder; None for another folder."""
    match = SCALE_FOLDER.fullmatch(folder.name)
    return int(match[1]) if match else None


def _scale_folders(top: Path) -> list[Path]:
    folders = [top / f"image_SRF_{scale}" for scale in SCALES]
    return [folder for folder in folders if folder.is_dir()]


def _numbered(published: PublishedSet, folder: Path, scale: int, kind: str) -> dict[str, Path]:
    """Return the pictures of `kind` HR or LR in a SelfExSR folder by name, `img_001` and so on."""
    ending = f"SRF_{scale}_{kind}.png"
    found = {f"img_{number:03d}": folder / f"img_{number:03d}_{ending}" for number in range(1, published.count + 1)}
    for path in found.values():
        require_file(path, SPLIT, published.card)
    require_count(len(list(folder.glob(f"img_*_{ending}"))), published.count, folder, SPLIT, published.card)
    return found


def _benchmark_partners(published: PublishedSet, folder: Path, names: list[str], scale: int) -> dict[str, Path]:
    require_folder(folder, SPLIT, published.card)
    found = {name: require_file(folder / f"{name}x{scale}.png", SPLIT, published.card) for name in names}
    require_count(
        len(pictures(folder, SPLIT, published.card, {".png"})), published.count, folder, SPLIT, published.card
    )
    return found


def _check_size(target: Path, low: Path, scale: int) -> None:
    height, width = (side - side % scale for side in picture_size(target, SPLIT))
    low_height, low_width = picture_size(low, SPLIT)
    if (height, width) == (low_height * scale, low_width * scale):
        return
    mend = "replace the damaged one of the two"
    if _scale_of(target.parent) not in (None, scale):
        # its targets for this scale may be larger than those of the scale that was taken
        mend = f"give {low.parent} itself as root, for its own targets, or {mend}"
    raise UserError(
        f"{low} (split {SPLIT}): {low_height} x {low_width} pixels (height x width) times scale {scale} do not give the"
        f" {height} x {width} that {target} has when cut to multiples of {scale}; {mend}"
    )


def _test(found: dict[str, Path], card: Card) -> dict[str, list[Source]]:
    sources = [Source(name, found[name], card.licence) for name in sorted(found)]
    return {"train": [], "val": [], SPLIT: sources}
