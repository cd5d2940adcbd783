"""Every published data set as a tree of its own layout, names and formats, in fewer and smaller pictures.

How many a published set holds is a constant of its reader, which each builder sets to what it writes.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from _bapps import write_tree
from _dnd import BOXES, IMAGES, SIDE, build
from _prepared import noise
from _videos import moving, write_davis, write_frames, write_video
from numpy.typing import NDArray
from PIL import Image
from scipy.io import savemat

from lossbench import datasets
from lossbench.datasets import _card as cards
from lossbench.datasets import celeba, coco, davis, div2k, dnd, huawei, imagenet_validation, lol, mnist, set8, sidd
from lossbench.datasets import t291 as the_291
from lossbench.datasets._benchmarks import BenchmarkSet
from lossbench.resize import crop_to_multiple, resize_bicubic

Build = Callable[[Path, pytest.MonkeyPatch], None]
HEIGHT, WIDTH = 196, 204
"""Of most pictures; no multiples of 8, and as small as the four blocks of NIQE allow."""
WNIDS = ("n01440764", "n01443537")
SCENES = {"train": ("0003", "0001"), "val": ("0004",), "test": ("0007",)}
SEQUENCES = {"train": ("bear", "bmx-bumps"), "val": ("bike-packing",), "test-dev": ("aerobatics",)}


def write(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write a picture without the care for a power failure that costs hundreds of files a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "CMYK" if pixels.shape[-1] == 4 else None
    image = Image.fromarray(pixels.squeeze(), mode)
    image.save(path, compress_level=0) if path.suffix == ".png" else image.save(path)


def idx(path: Path, values: NDArray[np.uint8]) -> None:
    """Write a file of MNIST."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes((0, 0, 8, values.ndim)) + sizes + values.tobytes())


def benchmark(top: Path, published: BenchmarkSet, height: int = HEIGHT, width: int = WIDTH) -> Path:
    """Write a test set of super-resolution in the layout of benchmark.tar; return its folder."""
    folder = top / "benchmark" / published.benchmark
    for number in range(published.count):
        pixels = noise(height, width, number)
        write(folder / f"HR/page{number}.png", pixels)
        for scale in (2, 3, 4):
            shrunk = resize_bicubic(crop_to_multiple(pixels, scale), Fraction(1, scale))
            write(folder / f"LR_bicubic/X{scale}/page{number}x{scale}.png", shrunk)
    return folder


def _benchmark(name: str) -> Build:
    def made(root: Path, patch: pytest.MonkeyPatch) -> None:
        published = datasets.load(name)
        assert isinstance(published, BenchmarkSet)
        patch.setattr(published, "count", 2)
        benchmark(root, published)

    return made


def _div2k(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(div2k.DATASET, "numbers", {"train": (1, 2), "val": (), "test": (801,)})
    for split, number in (("train", 1), ("train", 2), ("valid", 801)):
        write(root / f"DIV2K_{split}_HR/{number:04d}.png", noise(HEIGHT, WIDTH, number))
        for scale in (2, 4):
            low = noise(HEIGHT // scale, WIDTH // scale, number)
            write(root / f"DIV2K_{split}_LR_bicubic/X{scale}/{number:04d}x{scale}.png", low)


def _lol(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lol, "COUNTS", {"train": 2, "test": 1})
    for place, number in (("our485", 2), ("our485", 10), ("eval15", 1)):
        for side in ("low", "high"):
            write(root / f"LOLdataset/{place}/{side}/{number}.png", noise(400, 600, number))


def _huawei(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(huawei, "COUNTS", {"train": 2, "test": 1})
    for place, number in (("Training data", 1), ("Training data", 2), ("Eval", 1)):
        for side in ("low", "high"):
            write(root / f"LSRW/{place}/Huawei/{side}/{number}.jpg", noise(HEIGHT, WIDTH, number))


def _sidd(root: Path, patch: pytest.MonkeyPatch) -> None:
    blocks = (2, 2, 24, 32, 3)
    patch.setattr(sidd, "PAIRS", 2)
    patch.setattr(sidd, "BLOCKS", blocks)
    for kind, stem in sidd.VALIDATION.items():
        for shot in ("010", "011"):
            place = root / "Data/0001_001_S6_00100_00060_3200_L"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(HEIGHT, WIDTH, int(shot))).save(place / f"0001_{kind}_SRGB_{shot}.PNG")
        values = np.random.default_rng(0).integers(0, 256, blocks, dtype=np.uint8)
        savemat(root / f"{stem}.mat", {stem: values}, do_compression=True)


def _dnd(root: Path, patch: pytest.MonkeyPatch) -> None:
    for name, value in (("IMAGES", IMAGES), ("BOXES", BOXES), ("SIDE", SIDE)):
        patch.setattr(dnd, name, value)
    root.mkdir()
    build(root)


def _tiles(folder: str) -> Build:
    def made(root: Path, _: pytest.MonkeyPatch) -> None:
        for split, number in (("train", 1), ("train", 2), ("test", 1)):
            for role, bands in (("ms", 4), ("pan", 1)):
                pixels = np.random.default_rng(number).integers(0, 256, (128, 128, bands), dtype=np.uint8)
                write(root / folder / f"{split}128" / role / f"{number}.tif", pixels)

    return made


def _davis(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(davis, "COUNTS", {"train": 3, "test": 1})
    write_davis(root, SEQUENCES, lambda _, seed: moving(6, seed=seed))


def _set8(root: Path, _: pytest.MonkeyPatch) -> None:
    for name in (*set8.DERF, *set8.GOPRO):
        write_frames(root / "Set8" / name, moving(4))


def _evds(root: Path, _: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate(("cup/one", "cup/two", "shoe/one")):
        write_video(root / f"e-VDS/{name}.mp4", moving(15, seed=seed), "mpeg4", "yuv420p")


def _drv(root: Path, _: pytest.MonkeyPatch) -> None:
    for split, scenes in SCENES.items():
        for scene in scenes:
            for place in ("long", "VBM4D_rawRGB"):
                for number in range(1, 15 if place != "long" else 2):
                    path = root / f"DRV/{place}/{scene}/{'half0001_10s' if place == 'long' else number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(imagecodecs.png_encode(noise(48, 64, number).astype(np.uint16) * 257))
        (root / f"DRV/{split}_list.txt").write_text("\n".join(scenes))


def _coco(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(coco, "COUNTS", {"train2014": 3, "val2017": 1, "val2014": 2})
    for name, height in (("train2014/COCO_train2014_9", 384), ("train2014/COCO_train2014_25", 426)):
        write(root / f"{name}.jpg", noise(height, 500))
    write(root / "train2014/COCO_train2014_30.jpg", noise(100, 500))
    write(root / "val2017/000000000139.jpg", noise(390, 400))


def _imagenet(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(imagenet_validation, "COUNT", len(WNIDS))
    for name in ("imagenet", "imagenet_validation"):
        patch.setitem(cards._stored()[name], "classes", len(WNIDS))
    for seed, wnid in enumerate(WNIDS):
        for number in (1, 2):
            place = root / "train" / wnid / f"{wnid}_{number}.JPEG"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(80, 90, number + seed)).save(place, "JPEG")
        write(root / "val" / wnid / f"ILSVRC2012_val_{seed + 1:08d}.JPEG", noise(80, 90, seed))


def _bapps(root: Path, _: pytest.MonkeyPatch) -> None:
    root.mkdir()
    write_tree(root)


def _mnist(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(mnist, "COUNTS", {"train": 6, "test": 4})
    patch.setattr(mnist, "VALIDATION", 2)
    for beginning, count in (("train", 6), ("t10k", 4)):
        digits = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        idx(root / f"MNIST/raw/{beginning}-images-idx3-ubyte", digits)
        idx(root / f"MNIST/raw/{beginning}-labels-idx1-ubyte", np.arange(count, dtype=np.uint8))


def _celeba(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(celeba, "COUNTS", {"train": 2, "val": 1, "test": 3})
    for number in range(1, 7):
        write(root / f"celeba/img_align_celeba/{number:06d}.jpg", noise(218, 178, number))
    lines = [f"{number:06d}.jpg {place}\n" for number, place in enumerate((0, 0, 1, 2, 2, 2), 1)]
    (root / "celeba/list_eval_partition.txt").write_text("".join(lines))


def _t291(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(the_291, "FOLDERS", {"T91": (("T91",), 1), "BSDS200": (("BSDS200", "BSD200"), 1)})
    write(root / "T91/t1.png", noise(HEIGHT, WIDTH))
    write(root / "BSDS200/100075.jpg", noise(HEIGHT, WIDTH))


TREES: dict[str, Build] = {
    **{name: _benchmark(name) for name in ("set5", "set14", "bsd100", "urban100", "manga109")},
    "bapps": _bapps,
    "celeba": _celeba,
    "coco": _coco,
    "davis": _davis,
    "div2k": _div2k,
    "dnd": _dnd,
    "drv": _drv,
    "evds": _evds,
    "gaofen2": _tiles("GF2_data"),
    "huawei": _huawei,
    "imagenet": _imagenet,
    "lol": _lol,
    "mnist": _mnist,
    "set8": _set8,
    "sidd": _sidd,
    "t291": _t291,
    "worldview2": _tiles("WV2_data"),
}
"""How the folder of each published data set is laid down."""


def write_trees(data_root: Path, patch: pytest.MonkeyPatch) -> None:
    """Lay down all of `TREES`, each in the folder of its name below `data_root`."""
    for name, made in TREES.items():
        made(data_root / name, patch)
    # what was read before has other numbers
    cards.card.cache_clear()
