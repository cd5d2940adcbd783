"""The test sets of the super-resolution literature, in the layout of EDSR's benchmark.tar or of SelfExSR."""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from lossbench.datasets import Card, Dataset, Source, Splits
from lossbench.datasets._archives import fetched, unpack
from lossbench.datasets._card import Archive
from lossbench.datasets._published import picture_size
from lossbench.datasets._tree import base, pictures, remedy, require_count, require_file, require_folder
from lossbench.errors import UserError

SPLIT = "test"
SCALES = (2, 3, 4)

ARCHIVE = Archive(
    "https://cv.snu.ac.kr/research/EDSR/benchmark.tar", 250_000_000, "md5:4ace41d33c2384b97e6b320cd0afd6ba"
)
"""EDSR's benchmark.tar; its size is published to two digits."""

FETCHED = ("set5", "set14", "bsd100", "urban100")
"""The data sets that benchmark.tar holds."""

SCALE_FOLDER = re.compile(r"image_SRF_(\d+)")


@dataclass(kw_only=True)
class BenchmarkSet(Dataset):
    """A set of test pictures as it was published; train and val are empty."""

    card: Card
    benchmark: str
    """The set's folder in benchmark.tar."""
    count: int
    """Published pictures."""
    selfexsr: str = ""
    """The set's folder in the SelfExSR repository; empty where it is called as in benchmark.tar."""

    def __post_init__(self) -> None:
        """Fill in the default."""
        self.selfexsr = self.selfexsr or self.benchmark

    def locate(self, root: Path | None) -> Splits:
        """Return the high-resolution pictures as the split test; train and val are empty.

        `root` holds `benchmark/<set>` or `<set>`, or is the set's folder, or one of its folders `image_SRF_<scale>`.
        SelfExSR cuts a picture to multiples of the scale before it shrinks it, so that each scale has targets of its
        own: those of the smallest scale are taken, which hold those of its multiples. Raises UserError naming the split
        and the first folder or file that is missing, or another number of pictures than the published.
        """
        return self._split(self._targets(root)[0])

    def locate_low_quality(self, root: Path | None, task: str, scale: int) -> Splits | None:
        """Return the shipped low-resolution pictures for `super_resolution`, with the names of their targets.

        They come from MATLAB's antialiased bicubic. None for another task, and for a scale that the layout does not
        have: a SelfExSR tree without `image_SRF_<scale>`, a benchmark tree without `LR_bicubic`, or a scale beyond 2, 3
        and 4. Raises UserError naming the split and the file that is missing, damaged, or of another size than its
        target says.
        """
        if task != "super_resolution" or scale not in SCALES:
            return None
        found, folder = self._targets(root)
        own = _scale_of(folder)
        shipped = folder.parent / ("LR_bicubic" if own is None else f"image_SRF_{scale}")
        if not shipped.is_dir():
            return None
        if own is None:
            low = self._benchmark_partners(shipped / f"X{scale}", list(found), scale)
        else:
            low = self._numbered(shipped, scale, "LR")
        for name, path in low.items():
            _check_size(found[name], path, scale)
        return self._split(low)

    def fetch(self, root: Path) -> None:
        """Put EDSR's benchmark.tar, with the folders of four sets, unpacked into `root/benchmark`.

        Where one of the other sets was fetched into a folder beside `root`, this set's part is copied from there. An
        interrupted download goes on where it stopped. Raises UserError for a set that it does not hold, and naming a
        folder that is in the way, a failed download, an archive with another MD5, or one that does not unpack.
        """
        if self.card.name not in FETCHED:
            return super().fetch(root)
        target, staging = root / "benchmark", root / "benchmark.partial"
        if target.exists():
            raise UserError(f"{target} is already there; use it as it is, or move it away and fetch again")
        unpacked = staging / "unpacked"
        own = unpacked / "benchmark" / self.benchmark
        beside = [root.parent / name / "benchmark" / self.benchmark for name in FETCHED]
        if known := next((folder for folder in beside if folder.is_dir()), None):
            shutil.copytree(known, own, dirs_exist_ok=True)
        else:
            archive = fetched(ARCHIVE, staging)
            unpack(archive, unpacked)
            if not (own / "HR").is_dir():
                raise UserError(f"{archive} does not unpack ({own / 'HR'} does not exist); delete it and fetch again")
        os.replace(unpacked / "benchmark", target)
        shutil.rmtree(staging)

    def _targets(self, root: Path | None) -> tuple[dict[str, Path], Path]:
        """Return the targets by name and the folder that holds them."""
        top = base(root, self.card, f"benchmark/{self.benchmark}", self.benchmark, self.selfexsr)
        if _scale_of(top) is None and not _scale_folders(top):
            folder = top / "HR"
            if not folder.is_dir():
                raise UserError(
                    f"{top} holds no folder of split '{SPLIT}' of data set '{self.card.name}'; {remedy(self.card)}"
                )
            found = pictures(folder, SPLIT, self.card, {".png"})
            require_count(len(found), self.count, folder, SPLIT, self.card)
            return found, folder
        folder = top if _scale_of(top) else _scale_folders(top)[0]
        scale = _scale_of(folder)
        assert scale is not None
        return self._numbered(folder, scale, "HR"), folder

    def _numbered(self, folder: Path, scale: int, kind: str) -> dict[str, Path]:
        """Return the pictures of `kind` HR or LR in a SelfExSR folder by name, `img_001` and so on."""
        ending = f"SRF_{scale}_{kind}.png"
        found = {f"img_{number:03d}": folder / f"img_{number:03d}_{ending}" for number in range(1, self.count + 1)}
        for path in found.values():
            require_file(path, SPLIT, self.card)
        require_count(len(list(folder.glob(f"img_*_{ending}"))), self.count, folder, SPLIT, self.card)
        return found

    def _benchmark_partners(self, folder: Path, names: list[str], scale: int) -> dict[str, Path]:
        require_folder(folder, SPLIT, self.card)
        found = {name: require_file(folder / f"{name}x{scale}.png", SPLIT, self.card) for name in names}
        require_count(len(pictures(folder, SPLIT, self.card, {".png"})), self.count, folder, SPLIT, self.card)
        return found

    def _split(self, found: dict[str, Path]) -> Splits:
        sources = [Source(name, found[name], self.card.licence) for name in sorted(found)]
        return {"train": [], "val": [], SPLIT: sources}


def _scale_of(folder: Path) -> int | None:
    """Return the scale of a SelfExSR folder; None for another folder."""
    match = SCALE_FOLDER.fullmatch(folder.name)
    return int(match[1]) if match else None


def _scale_folders(top: Path) -> list[Path]:
    folders = [top / f"image_SRF_{scale}" for scale in SCALES]
    return [folder for folder in folders if folder.is_dir()]


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
