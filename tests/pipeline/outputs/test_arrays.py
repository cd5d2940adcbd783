"""Prepared arrays, atomic files and plugin names: what goes in comes out, and damage is refused."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lossbench import plugins
from lossbench.errors import UserError, exit_with_one_line, nearest
from lossbench.files import sha256, write_text, written_atomically
from pipeline.outputs.arrays import Arrays, Entry, write_arrays

CARD = {"dataset": "toy", "task": "denoising"}
SIDES = st.integers(1, 9)
PICTURES = st.tuples(SIDES, SIDES, st.integers(1, 4))
CLIPS = st.tuples(st.integers(1, 4), SIDES, SIDES, st.integers(1, 4))


def entry(name: str, pixels: NDArray[np.generic], split: str = "train") -> Entry:
    """Return `pixels` as an entry from a file of its name."""
    return Entry(name, split, pixels, f"{name}.png", "CC0")


def ramp(*shape: int) -> NDArray[np.uint8]:
    """Return 0, 1, 2, ... in `shape`, modulo 256."""
    return np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Two pictures of different sizes and a clip: 2*3*3 + 4*1*3 + 2*2*2*3 = 54 values."""
    entries = [entry("a", ramp(2, 3, 3)), entry("b", ramp(4, 1, 3), "test"), entry("c", ramp(2, 2, 2, 3))]
    write_arrays(tmp_path, "target", entries, CARD)
    return tmp_path


@settings(max_examples=40, deadline=None)
@given(
    shapes=st.lists(st.one_of(PICTURES, CLIPS), min_size=1, max_size=4),
    dtype=st.sampled_from(["uint8", "uint16", "float16", "float32", "int64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_items_of_any_size_and_dtype_come_back_bit_for_bit(
    shapes: list[tuple[int, ...]], dtype: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    # raw bytes cover NaN payloads and denormals too
    originals = [
        np.frombuffer(random.bytes(int(np.prod(shape)) * np.dtype(dtype).itemsize), dtype).reshape(shape)
        for shape in shapes
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_arrays(Path(folder), "target", (entry(str(i), pixels) for i, pixels in enumerate(originals)), CARD)
        arrays = Arrays(Path(folder) / "target.json")
        assert [item.shape for item in arrays.items] == shapes
        for item, original in zip(arrays.items, originals, strict=True):
            restored = arrays.read(item)
            assert restored.dtype == original.dtype
            assert restored.tobytes() == original.tobytes()


def test_the_layout_is_flat_and_the_card_says_what_lies_where(toy: Path) -> None:
    arrays = Arrays(toy / "target.json")
    assert [item.offset for item in arrays.items] == [0, 18, 30]
    assert np.load(toy / "target.npy").shape == (54,)
    assert arrays.card["dataset"] == "toy"
    assert arrays.card["role"] == "target"
    assert [item.name for item in arrays.split("train")] == ["a", "c"]
    assert [item.name for item in arrays.split("test")] == ["b"]
    assert (arrays.items[1].origin, arrays.items[1].licence) == ("b.png", "CC0")
    assert sorted(path.name for path in toy.iterdir()) == ["target.json", "target.npy"]


def test_a_strided_view_is_written_as_it_looks(tmp_path: Path) -> None:
    view = ramp(6, 8, 3)[::2, ::-1].transpose(1, 0, 2)
    write_arrays(tmp_path, "target", [entry("view", view)], CARD)
    arrays = Arrays(tmp_path / "target.json")
    assert np.array_equal(arrays.read(arrays.items[0]), view)


def test_reading_maps_the_file_and_cannot_change_it(toy: Path) -> None:
    arrays = Arrays(toy / "target.json")
    pixels = arrays.read(arrays.items[2])
    assert isinstance(arrays.data, np.memmap)
    assert np.shares_memory(pixels, arrays.data)
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_roles_lie_side_by_side(toy: Path) -> None:
    write_arrays(toy, "low_quality", [entry("a", ramp(1, 1, 3).astype(np.float32) / 255)], CARD)
    assert Arrays(toy / "low_quality.json").data.dtype == np.float32
    assert Arrays(toy / "target.json").data.dtype == np.uint8


def test_an_absent_split_is_named(toy: Path) -> None:
    with pytest.raises(UserError, match="data set 'toy' has no split 'val'"):
        Arrays(toy / "target.json").split("val")


@pytest.mark.parametrize("keep", [0, 5, 64, 128, 181])
def test_a_truncated_array_is_refused(toy: Path, keep: int) -> None:
    path = toy / "target.npy"
    assert path.stat().st_size == 128 + 54
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="prepared data are incomplete"):
        Arrays(toy / "target.json")


def test_an_array_of_another_size_than_the_card_says_is_refused(toy: Path) -> None:
    np.save(toy / "target.npy", np.zeros(53, np.uint8))
    with pytest.raises(UserError, match=r"target\.npy: 53 values, card says 54"):
        Arrays(toy / "target.json")


def test_a_card_of_another_array_is_refused(toy: Path) -> None:
    card = json.loads((toy / "target.json").read_text())
    card["items"].pop()
    (toy / "target.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="54 values, card says 30"):
        Arrays(toy / "target.json")


def test_a_card_whose_items_are_out_of_place_is_refused(toy: Path) -> None:
    card = json.loads((toy / "target.json").read_text())
    card["items"].reverse()
    (toy / "target.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"target\.json: item 'c' is out of place"):
        Arrays(toy / "target.json")


@pytest.mark.parametrize("text", ["", '{"items": [', "{}", "[]", '{"items": [{"name": "a", "shape": [1]}]}'])
def test_a_damaged_card_is_refused(toy: Path, text: str) -> None:
    (toy / "target.json").write_text(text)
    with pytest.raises(UserError, match="prepared data are incomplete"):
        Arrays(toy / "target.json")


@pytest.mark.parametrize("name", ["target.npy", "target.json"])
def test_a_missing_file_is_refused(toy: Path, name: str) -> None:
    (toy / name).unlink()
    with pytest.raises(UserError, match=rf"incomplete .*{name}"):
        Arrays(toy / "target.json")


def half_way() -> Iterator[Entry]:
    """Yield one entry and then fail."""
    yield entry("a", ramp(2, 3, 3))
    raise RuntimeError("power cut")


def test_a_write_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        write_arrays(tmp_path, "target", half_way(), CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_half_way_keeps_what_was_there(toy: Path) -> None:
    before = {path.name: sha256(path) for path in toy.iterdir()}
    with pytest.raises(RuntimeError, match="power cut"):
        write_arrays(toy, "target", half_way(), CARD)
    assert {path.name: sha256(path) for path in toy.iterdir()} == before


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(UserError, match=r"target\.npy: No space left"):
        write_arrays(tmp_path, "target", [entry("a", ramp(2, 3, 3))], CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_clip_is_written_frame_by_frame_as_it_would_be_whole(tmp_path: Path) -> None:
    clip = ramp(5, 4, 3, 3)
    held = 0

    def frames() -> Iterator[NDArray[np.uint8]]:
        nonlocal held
        for frame in clip:
            held += 1
            yield frame.copy()

    write_arrays(tmp_path / "whole", "target", [entry("a", clip), entry("b", ramp(2, 2, 3))], CARD)
    streamed = Entry("a", "train", frames(), "a.png", "CC0")
    write_arrays(tmp_path / "streamed", "target", [streamed, entry("b", ramp(2, 2, 3))], CARD)
    for file in ("target.npy", "target.json"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "streamed" / file).read_bytes()
    assert held == 5


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], r"a\.mp4 \(split train\) has no frame"),
        ([ramp(2, 2, 3), ramp(2, 3, 3)], r"a\.mp4: frame 1 is uint8 \(2, 3, 3\), frame 0 uint8 \(2, 2, 3\)"),
        ([ramp(2, 2, 3), ramp(2, 2, 3).astype(np.uint16)], r"a\.mp4: frame 1 is uint16 \(2, 2, 3\)"),
    ],
)
def test_frames_that_make_no_clip_are_refused(tmp_path: Path, frames: list[NDArray[np.uint8]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        write_arrays(tmp_path, "target", [Entry("a", "train", iter(frames), "a.mp4", "CC0")], CARD)
    assert not list(tmp_path.iterdir())


def test_two_dtypes_in_one_role_are_refused(tmp_path: Path) -> None:
    entries = [entry("a", ramp(2, 3, 3)), entry("b", ramp(2, 3, 3).astype(np.float32))]
    with pytest.raises(UserError, match=r"b\.png \(split .*\): float32 values where a\.png has uint8; give all"):
        write_arrays(tmp_path, "target", entries, CARD)
    assert list(tmp_path.iterdir()) == []


def test_no_items_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the data set is empty"):
        write_arrays(tmp_path, "target", [], CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_atomic_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="power cut"), written_atomically(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError("power cut")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_atomic_write_shows_nothing_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "table.csv"
    with written_atomically(path) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".csv"
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_sha256_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_unknown_plugin_names_the_nearest_match() -> None:
    with pytest.raises(UserError, match=r"unknown dataset 'div2'.*did you mean 'div2k'\? known: .*photographs"):
        plugins.load("datasets", "div2")


@pytest.mark.parametrize("name", ["catalog", "_card", "__init__", "../errors"])
def test_files_that_are_not_plugins_cannot_be_loaded(name: str) -> None:
    assert name not in plugins.names("datasets")
    with pytest.raises(UserError, match="unknown dataset"):
        plugins.load("datasets", name)


def test_a_plugin_is_the_module_of_its_name() -> None:
    assert plugins.load("datasets", "photographs").__name__ == "lossbench.datasets.photographs"
    assert plugins.check("datasets", "div2k") == "div2k"


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("losses", "loss"), ("loss_networks", "loss network"), ("networks", "network"), ("tasks", "task")],
)
def test_an_unknown_plugin_is_called_by_its_kind(folder: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"^unknown {kind} 'zzz'"):
        plugins.check(folder, "zzz")


def test_nothing_near_gives_the_list_only() -> None:
    assert nearest("zzz", ["psnr", "niqe"]) == "known: niqe, psnr"
    assert nearest("zzz", []) == "known: none"


def test_a_user_error_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise UserError("config.yaml: scale 'huge' is unknown")

    with pytest.raises(SystemExit) as stopped:
        exit_with_one_line(main)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: config.yaml: scale 'huge' is unknown\n"
