"""Set5, Set14, BSD100, Urban100 and Manga109: both published trees, and what is refused by name and split."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import _fake_trees
import numpy as np
import pytest
from _fake_trees import write
from _prepared import damage, degraded, noise, prepared
from _repository import TEST_DATA
from PIL import Image

from lossbench import datasets
from lossbench.datasets._benchmarks import BenchmarkSet
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.resize import crop_to_multiple, resize_bicubic
from lossbench.tasks import super_resolution

COUNTS = {"set5": 5, "set14": 14, "bsd100": 100, "urban100": 100, "manga109": 109}
SETS = [datasets.load(name) for name in COUNTS]
set5, set14, bsd100, urban100, manga109 = SETS
HEIGHT, WIDTH = 26, 39
"""Of every picture; no multiple of 4, so that the crop to multiples matters."""

# SelfExSR's repository: bytes of the folder's files, bands and pixels of its targets once decoded
REAL = [
    (set5, 2, 1_105_270, 1_702_368),
    (set5, 4, 924_594, 1_702_368),
    (set14, 2, 6_325_452, 9_664_044),
    (set14, 4, 5_338_861, 9_653_040),
    (bsd100, 2, 34_337_793, 46_080_000),
    (bsd100, 4, 29_027_111, 46_080_000),
]


def name_of(published: BenchmarkSet) -> str:
    return published.card.name


def benchmark(top: Path, published: BenchmarkSet) -> Path:
    """Write a whole set in the layout of benchmark.tar; return its folder."""
    return _fake_trees.benchmark(top, published, HEIGHT, WIDTH)


def selfexsr(top: Path, published: BenchmarkSet, scales: tuple[int, ...] = (2, 4)) -> Path:
    """Write a whole set in SelfExSR's layout; return its folder."""
    folder = top / published.selfexsr
    for number in range(published.count):
        for scale in scales:
            target = crop_to_multiple(noise(HEIGHT, WIDTH, number), scale)
            start = folder / f"image_SRF_{scale}/img_{number + 1:03d}_SRF_{scale}"
            write(start.with_name(f"{start.name}_HR.png"), target)
            write(start.with_name(f"{start.name}_LR.png"), resize_bicubic(target, Fraction(1, scale)))
    return folder


Tree = Callable[[Path, BenchmarkSet], Path]


@pytest.mark.parametrize("published", SETS, ids=name_of)
@pytest.mark.parametrize("tree", [benchmark, selfexsr])
def test_a_whole_set_is_the_test_split_with_partners_of_the_same_names(
    tmp_path: Path, tree: Tree, published: BenchmarkSet
) -> None:
    folder = tree(tmp_path, published)
    for root in (tmp_path, folder):
        found = published.locate(root)
        names = {split: [source.name for source in sources] for split, sources in found.items()}
        assert (names["train"], names["val"], len(names["test"])) == ([], [], COUNTS[published.card.name])
        assert names["test"] == sorted(names["test"])
        for scale in (2, 4):
            partners = published.locate_low_quality(root, "super_resolution", scale)
            assert partners is not None
            assert {split: [source.name for source in sources] for split, sources in partners.items()} == names
    assert datasets.missing(published.card.name, tmp_path) is None


def test_the_files_are_those_of_the_layouts(tmp_path: Path) -> None:
    folder = benchmark(tmp_path, bsd100)
    assert folder == tmp_path / "benchmark/B100"
    assert bsd100.locate(tmp_path)["test"][1].path == folder / "HR/page1.png"
    partners = bsd100.locate_low_quality(tmp_path, "super_resolution", 3)
    assert partners is not None
    assert partners["test"][1].path == folder / "LR_bicubic/X3/page1x3.png"
    folder = selfexsr(tmp_path, set5)
    assert set5.locate(tmp_path)["test"][4].path == folder / "image_SRF_2/img_005_SRF_2_HR.png"
    partners = set5.locate_low_quality(tmp_path, "super_resolution", 4)
    assert partners is not None
    assert partners["test"][4].path == folder / "image_SRF_4/img_005_SRF_4_LR.png"


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("tree", [benchmark, selfexsr])
def test_prepared_pairs_are_those_of_the_files(tmp_path: Path, tree: Tree, scale: int) -> None:
    folder = tree(tmp_path, set5)
    if tree is selfexsr and scale == 3:
        selfexsr(tmp_path, set5, (3,))
        folder = tmp_path = folder / "image_SRF_3"
    output = folder.parent / "output"
    targets = prepared("set5", tmp_path, output / "targets")
    low = degraded("set5", tmp_path, output / "targets", output / "low", "super_resolution", scale=scale)
    sources = set5.locate_low_quality(tmp_path, "super_resolution", scale)
    assert sources is not None
    for number, (target, partner) in enumerate(zip(targets.items, low.items, strict=True)):
        whole = crop_to_multiple(noise(HEIGHT, WIDTH, number), scale)
        assert np.array_equal(crop_to_multiple(targets.read(target), scale), whole)
        assert np.array_equal(low.read(partner), read_image(sources["test"][number].path))


def test_a_grey_picture_is_repeated_to_three_bands(tmp_path: Path) -> None:
    folder = selfexsr(tmp_path, set14)
    grey = noise(HEIGHT, WIDTH - 1)[..., 0]
    Image.fromarray(grey).save(folder / "image_SRF_2/img_003_SRF_2_HR.png")
    targets = prepared("set14", tmp_path, tmp_path / "output")
    assert {item.shape for item in targets.items} == {(26, 38, 3)}
    for band in range(3):
        assert np.array_equal(targets.read(targets.items[2])[..., band], grey)


def test_nothing_is_shipped_for_other_tasks_scales_or_a_tree_without_partners(tmp_path: Path) -> None:
    selfexsr(tmp_path, set5)
    assert set5.locate_low_quality(tmp_path, "denoising", 1) is None
    assert set5.locate_low_quality(tmp_path, "super_resolution", 3) is None
    (benchmark(tmp_path, set14) / "LR_bicubic").rename(tmp_path / "elsewhere")
    assert len(set14.locate(tmp_path)["test"]) == 14
    assert set14.locate_low_quality(tmp_path, "super_resolution", 4) is None
    assert set14.locate_low_quality(tmp_path, "super_resolution", 8) is None


def test_a_missing_target_is_counted_or_named(tmp_path: Path) -> None:
    (benchmark(tmp_path, urban100) / "HR/page7.png").unlink()
    with pytest.raises(UserError, match=r"HR: 99 pictures of split 'test' of data set 'urban100' where 100 are publ"):
        urban100.locate(tmp_path)
    (selfexsr(tmp_path, set14) / "image_SRF_2/img_003_SRF_2_HR.png").unlink()
    with pytest.raises(UserError, match=r"img_003_SRF_2_HR\.png: file of split 'test' of data set 'set14' is missing"):
        set14.locate(tmp_path)


@pytest.mark.parametrize("tree", [benchmark, selfexsr])
def test_a_picture_too_many_is_counted(tmp_path: Path, tree: Tree) -> None:
    folder = tree(tmp_path, set5)
    added = folder / ("HR/z.png" if tree is benchmark else "image_SRF_2/img_006_SRF_2_HR.png")
    write(added, noise(26, 38))
    with pytest.raises(UserError, match=rf"{added.parent}: 6 pictures of split 'test' .* where 5 are published"):
        set5.locate(tmp_path)


@pytest.mark.parametrize(
    ("tree", "file"),
    [(benchmark, "LR_bicubic/X4/page2x4.png"), (selfexsr, "image_SRF_4/img_003_SRF_4_LR.png")],
)
def test_a_missing_partner_is_named_with_its_split(tmp_path: Path, tree: Tree, file: str) -> None:
    absent = tree(tmp_path, set5) / file
    absent.unlink()
    with pytest.raises(UserError, match=rf"^{absent}: file of split 'test' of data set 'set5' is missing; expected: "):
        set5.locate_low_quality(tmp_path, "super_resolution", 4)
    assert set5.locate_low_quality(tmp_path, "super_resolution", 2) is not None


def test_a_partner_without_a_target_is_counted(tmp_path: Path) -> None:
    folder = benchmark(tmp_path, set5)
    write(folder / "LR_bicubic/X2/otherx2.png", noise(13, 19))
    with pytest.raises(UserError, match=r"LR_bicubic/X2: 6 pictures of split 'test' .* where 5 are published"):
        set5.locate_low_quality(tmp_path, "super_resolution", 2)


def test_a_missing_scale_of_the_benchmark_is_named(tmp_path: Path) -> None:
    (benchmark(tmp_path, set5) / "LR_bicubic/X3").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"LR_bicubic/X3: folder of split 'test' of data set 'set5' is missing"):
        set5.locate_low_quality(tmp_path, "super_resolution", 3)


@pytest.mark.parametrize(
    ("tree", "file"),
    [(benchmark, "LR_bicubic/X4/page2x4.png"), (selfexsr, "image_SRF_4/img_003_SRF_4_LR.png")],
)
def test_a_partner_of_another_size_is_named_with_both_sizes(tmp_path: Path, tree: Tree, file: str) -> None:
    path = tree(tmp_path, set5) / file
    damage(path, "narrow")
    with pytest.raises(UserError) as caught:
        set5.locate_low_quality(tmp_path, "super_resolution", 4)
    assert str(caught.value).startswith(f"{path} (split test): 6 x 8 pixels (height x width) times scale 4 do not")
    assert "24 x 36 that" in str(caught.value) and "replace the damaged one" in str(caught.value)


def test_targets_cut_for_another_scale_are_refused_with_the_remedy(tmp_path: Path) -> None:
    folder = selfexsr(tmp_path, set5, (2, 3))
    with pytest.raises(UserError, match=r"img_001_SRF_3_LR\.png .*8 x 13 .*24 x 36.*; give .*image_SRF_3 itself as"):
        set5.locate_low_quality(tmp_path, "super_resolution", 3)
    assert set5.locate_low_quality(folder / "image_SRF_3", "super_resolution", 3) is not None


@pytest.mark.parametrize("kept", [0.5, 0.02])
@pytest.mark.parametrize("tree", [benchmark, selfexsr])
def test_a_truncated_picture_is_named_with_its_split(tmp_path: Path, tree: Tree, kept: float) -> None:
    tree(tmp_path, set5)
    prepared("set5", tmp_path, tmp_path / "targets")
    partners = set5.locate_low_quality(tmp_path, "super_resolution", 2)
    assert partners is not None
    target, partner = set5.locate(tmp_path)["test"][3].path, partners["test"][3].path
    for path in (target, partner):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    with pytest.raises(UserError, match=rf"^split test: {target} is not a readable picture"):
        prepared("set5", tmp_path, tmp_path / "again")
    write(target, noise(HEIGHT, WIDTH))
    with pytest.raises(UserError, match=rf"(?=.*split test).*{partner}.* is not a readable picture"):
        degraded("set5", tmp_path, tmp_path / "targets", tmp_path / "low", "super_resolution", scale=2)


def test_an_empty_root_is_told_the_trees(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'set5' needs 'root'.*expected: benchmark/Set5/HR.*`lossbench fetch set5`"):
        set5.locate(None)
    with pytest.raises(UserError, match=rf"^{tmp_path} holds no folder of split 'test' .*Set14/image_SRF_\{{2,3,4\}}/"):
        set14.locate(tmp_path)


def test_manga109_says_how_to_apply_and_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"get it: apply at http://www\.manga109\.org"):
        manga109.locate(tmp_path)
    with pytest.raises(UserError, match=r"can't be fetched by a program; get it: apply at"):
        datasets.fetch("manga109", tmp_path)


def real(published: BenchmarkSet, scale: int) -> Path:
    """Return SelfExSR's folder of a set and scale; skip the test where it isn't."""
    folder = TEST_DATA / published.selfexsr / f"image_SRF_{scale}"
    if not folder.is_dir():
        pytest.skip(f"{folder} is missing; set LOSSBENCH_TEST_DATA to the folder of the test sets")
    return folder


@pytest.mark.parametrize(("published", "scale", "stored", "decoded"), REAL)
def test_the_real_folders_hold_the_published_bytes(
    published: BenchmarkSet, scale: int, stored: int, decoded: int, tmp_path: Path
) -> None:
    folder = real(published, scale)
    assert sum(path.stat().st_size for path in folder.glob("*.png")) == stored
    targets = prepared(published.card.name, folder, tmp_path)
    assert len(targets.split("test")) == COUNTS[published.card.name]
    assert sum(np.prod(item.shape) for item in targets.items) == decoded


@pytest.mark.parametrize(("published", "scale"), [row[:2] for row in REAL])
def test_bicubic_shrinking_gives_the_real_partners_but_for_two_border_pixels(
    published: BenchmarkSet, scale: int
) -> None:
    root = real(published, scale).parent
    partners = published.locate_low_quality(root, "super_resolution", scale)
    assert partners is not None
    for target, partner in zip(published.locate(root)["test"], partners["test"], strict=True):
        ours = super_resolution.degrade(read_image(target.path), {"scale": scale}, np.random.default_rng(0))
        theirs = read_image(partner.path)
        assert np.array_equal(ours[2:-2, 2:-2], theirs[2:-2, 2:-2]), partner.path
        # their release of MATLAB repeated the border pixel where ours mirrors
        assert np.abs(ours.astype(int) - theirs).max() <= 11, partner.path


@pytest.mark.parametrize("published", [set5, set14, bsd100], ids=name_of)
def test_the_real_targets_of_scale_two_hold_those_of_scale_four(published: BenchmarkSet) -> None:
    real(published, 2)
    for two, four in zip(*(published.locate(real(published, scale))["test"] for scale in (2, 4)), strict=True):
        assert np.array_equal(crop_to_multiple(read_image(two.path), 4), read_image(four.path)), two.path


def test_the_grey_pictures_of_set14_have_three_equal_bands() -> None:
    pictures = {source.name: read_image(source.path) for source in set14.locate(real(set14, 4))["test"]}
    assert {pixels.shape[-1] for pixels in pictures.values()} == {3}
    # the third is stored with one band, the tenth with three equal ones
    assert [name for name, pixels in pictures.items() if not np.ptp(pixels, axis=-1).any()] == ["img_003", "img_010"]
