"""The probe of a loss: degradations of equal PSNR, the order in which losses rank them, the cost beside L1."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import torch
from conftest import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from lossbench import losses
from lossbench.errors import UserError
from lossbench.probe import loss
from lossbench.probe.cost import cost
from lossbench.probe.degradations import psnr
from lossbench.probe.loss import CROP, DEGRADATIONS, ProbeRow, crops, degrade, look, ranking
from lossbench.terms import WeightedTerms
from pipeline import __main__ as command_line

NAMES = ["blur", "noise", "JPEG", "shift", "brightness", "grid"]


class Largest(WeightedTerms):
    """The largest difference anywhere: at equal PSNR it ranks opposite to L1 what is even and what is concentrated."""

    def __init__(self) -> None:
        super().__init__({"largest": 2.0})

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {"largest": (prediction - target).abs().max()}


class Drawn(WeightedTerms):
    """L1 of a random half of the values, drawn from torch's global generator."""

    def __init__(self) -> None:
        super().__init__({"drawn": 1.0})

    def raw_terms(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        mask = torch.rand(target.shape) < 0.5
        return {"drawn": ((prediction - target).abs() * mask).mean()}


@pytest.fixture(scope="module")
def image() -> Tensor:
    return crops(picture(200, 300, seed=4), "waves")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("probe") / "waves.png"
    Image.fromarray(picture(100, 200, seed=4)).save(path)
    return path


def seen(loss: WeightedTerms, image: Tensor) -> dict[str, ProbeRow]:
    return {name: look(loss, image, version, name) for name, version in degrade(image, 30.0).items()}


def flat(groups: list[list[str]]) -> list[str]:
    return [name for group in groups for name in group]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """Run `python -m pipeline probe` in this process."""
    monkeypatch.setattr(sys, "argv", ["pipeline", "probe", *map(str, arguments)])
    command_line.main()


def one_line_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """Return the one line that a failing probe prints."""
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ") and captured.out == ""
    return str(line)


@pytest.mark.parametrize("decibels", [20.0, 30.0, 45.0])
def test_every_degradation_has_the_same_psnr_in_every_crop(image: Tensor, decibels: float) -> None:
    assert len(image) > 1
    degraded = degrade(image, decibels)
    assert list(degraded) == NAMES
    for name, version in degraded.items():
        found = [psnr(version[index], image[index]) for index in range(len(image))]
        assert found == pytest.approx([decibels] * len(image), abs=0.01), name


def test_the_degradations_differ_from_each_other(image: Tensor) -> None:
    changes = [(version - image).flatten() for version in degrade(image, 30.0).values()]
    similar = torch.corrcoef(torch.stack(changes)).nan_to_num(0) - torch.eye(len(changes))
    assert float(similar.abs().max()) < 0.99


def test_l1_of_brightness_and_grid_has_its_hand_computed_value(image: Tensor) -> None:
    rows = seen(losses.build("original"), image)
    rms = 10 ** (-30 / 20)
    assert rows["brightness"].l1 == pytest.approx(rms, rel=1e-4)
    # 1 - (15/16)^2 of the pixels carry the whole error
    assert rows["grid"].l1 == pytest.approx(rms * math.sqrt(1 - (15 / 16) ** 2), rel=1e-4)


def test_the_l1_loss_ranks_as_l1_and_has_its_gradient(image: Tensor) -> None:
    rows = seen(losses.build("original", pixel="l1"), image)
    order = ranking({name: row.loss for name, row in rows.items()})
    assert order == ranking({name: row.l1 for name, row in rows.items()})
    # at equal squared error an even difference has the largest absolute one, a concentrated one the smallest
    assert (flat(order)[0], flat(order)[-1]) == ("brightness", "grid")
    for row in rows.values():
        assert row.terms == {"pixel": row.l1} and row.gradient_ratios == {"pixel": pytest.approx(1)}


def test_a_squared_loss_sees_no_difference_at_equal_psnr(image: Tensor) -> None:
    rows = seen(losses.build("original", pixel="l2"), image)
    assert [row.loss for row in rows.values()] == pytest.approx([1e-3] * 6, rel=1e-3)
    assert ranking({name: row.loss for name, row in rows.items()}) == [NAMES]
    # the gradient of l2 is 2 d / n, that of L1 is 1 / n
    assert rows["brightness"].gradient_ratios["pixel"] == pytest.approx(2 * 10 ** (-30 / 20), rel=1e-3)


def test_a_loss_of_the_largest_difference_ranks_the_grid_above_the_brightness(image: Tensor) -> None:
    rows = seen(Largest(), image)
    order = flat(ranking({name: row.loss for name, row in rows.items()}))
    assert order.index("grid") < order.index("brightness") == len(order) - 1
    row = rows["brightness"]
    assert row.loss == pytest.approx(2 * row.terms["largest"])
    assert row.terms["largest"] == pytest.approx(10 ** (-30 / 20), rel=1e-4)


def test_a_loss_that_draws_draws_the_same_each_time_and_leaves_the_generator(image: Tensor) -> None:
    state = torch.get_rng_state()
    first, second = seen(Drawn(), image), seen(Drawn(), image)
    assert first == second
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loss_of_every_fourth_step_is_looked_at_in_one_that_has_its_term(image: Tensor) -> None:
    small = {"widths": [8, 12, 16, 24], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1}
    plain, rare = (losses.build("random_cmae", architecture=small, every=every) for every in (1, 4))
    version = degrade(image, 30.0)["noise"]
    (whole, fourth) = (look(each, image, version, "noise") for each in (plain, rare))
    assert fourth.terms == whole.terms
    assert fourth.loss == pytest.approx(whole.loss + 3 * whole.terms["random_cmae"], rel=1e-5)
    assert (
        cost(rare, image[:1], version[:1]).loss_bytes
        > cost(losses.build("original"), image[:1], version[:1]).loss_bytes
    )


def test_equals_stand_together_in_a_ranking() -> None:
    assert ranking({"a": 0.1, "b": 0.5, "c": 0.50001}) == [["b", "c"], ["a"]]


@settings(max_examples=10, deadline=None)
@given(height=st.integers(CROP, 4 * CROP), width=st.integers(CROP, 4 * CROP))
def test_crops_are_cut_from_any_size(height: int, width: int) -> None:
    noise = np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)
    found = crops(noise, "noise")
    assert found.shape == (min(8, (height // CROP) * (width // CROP)), 3, CROP, CROP)
    assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_flat_crops_are_left_out_and_a_flat_picture_is_refused() -> None:
    half = picture(CROP, 2 * CROP, seed=4)
    half[:, CROP:] = 128
    assert len(crops(half, "half")) == 1
    with pytest.raises(UserError, match=r"flat.png: blur changes nothing in it; give a picture with more detail"):
        crops(np.full((CROP, CROP, 3), 128, np.uint8), "flat.png")


def test_the_report_is_printed_and_written(
    file: Path, loss_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("ccmae", file, "--weights", loss_network, "--set", "weight=0.5", "--output", tmp_path / "found")
    run(monkeypatch, *options, "--json")
    captured = capsys.readouterr()
    report: dict[str, Any] = json.loads(captured.out)
    assert captured.err == ""
    assert report == json.loads((tmp_path / "found/probe.json").read_text(encoding="utf-8"))
    assert report["arguments"] == {"weight": 0.5, "weights": str(loss_network)}
    assert [row["name"] for row in report["degradations"]] == NAMES
    for row in report["degradations"]:
        assert row["loss"] == pytest.approx(row["terms"]["pixel"] + 0.5 * row["terms"]["ccmae"], rel=1e-5)
        assert row["gradient_ratios"]["ccmae"] > 0
    assert sorted(flat(report["worst_first"]["loss"])) == sorted(NAMES)
    assert report["cost"]["memory_ratio"] > 2
    with Image.open(tmp_path / "found/probe.png") as drawn:
        drawn.load()
        assert drawn.format == "PNG" and drawn.width > 1000
    text = (tmp_path / "found/probe.txt").read_text(encoding="utf-8")
    assert "|grad ccmae|/|grad L1|" in text and all(f"\n{name} " in text for name in NAMES)
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == ["probe.json", "probe.png", "probe.txt"]


def test_the_table_has_a_line_for_every_degradation(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "original", file, "--set", "pixel=l2", "--psnr", "40")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:8]] == [[name, "40.00"] for name in NAMES]
    assert lines[8] == "worst first, loss: " + " = ".join(NAMES)
    assert lines[9].startswith("worst first, L1:   brightness > ") and lines[9].endswith(" > grid")
    assert " times L1" in lines[10] and len(lines) == 11


def test_a_picture_of_sixteen_bits_is_read_with_all_of_them(tmp_path: Path) -> None:
    pixels = picture(CROP, CROP, seed=1).astype(np.uint16) * 257
    pixels[0, 0] = 1
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    found = loss.opened(tmp_path / "deep.png").cpu()
    assert torch.equal(found[0].permute(1, 2, 0), torch.from_numpy(pixels.astype(np.float32)) / 65535)


def test_a_long_probe_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 2.0, 6.0, 8.0, 12.0, 20.0])
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    done = loss.reporter("ccmae")
    for part in range(1, 6):
        done(part, 5)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["probe ccmae  part 2/5  ETA 9 s", "probe ccmae  part 4/5  ETA 3 s"]
    assert captured.out == ""


def test_what_cannot_be_probed_gives_one_line(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small, text, taken = tmp_path / "small.png", tmp_path / "text.png", tmp_path / "taken"
    Image.fromarray(picture(CROP - 1, 200, seed=1)).save(small)
    text.write_text("no picture", encoding="utf-8")
    taken.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOSSBENCH_WEIGHTS", str(tmp_path / "fetched"))
    monkeypatch.setattr("lossbench.weights.places.SHIPPED", tmp_path / "shipped")
    cases: list[tuple[tuple[object, ...], str]] = [
        (("orignal", file), "unknown loss 'orignal' (no lossbench/losses/orignal.py); did you mean 'original'?"),
        (("ccmae", file), "loss 'ccmae' finds no loss network cnn_mae or unet_mae: none made by the pipeline"),
        (("ccmae", file, "--weights", "nowhere"), "nowhere is missing"),
        (("original", file, "--set", "pixl=l2"), "did you mean 'pixel'?"),
        (("original", file, "--set", "pixel"), "--set pixel: no key=value"),
        (("original", file, "--set", "pixel=[1]"), "correct --set"),
        (("original", file, "--psnr", "nan"), "--psnr nan: not in (0, 80]"),
        (("original", file, "--output", taken), f"{taken} is a file; give a folder"),
        (("original", tmp_path / "none.png"), "none.png is missing"),
        (("original", text), "text.png is not a readable picture"),
        (("original", small), f"{small}: 200 x 95 pixels, smaller than a crop of 96; give a larger picture"),
    ]
    for arguments, message in cases:
        assert message in one_line_error(monkeypatch, capsys, *arguments)


def test_weights_that_are_not_given_are_found_where_they_lie(
    file: Path, loss_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = Path("results/demo/pretrain/cnn_mae_task/photographs/network.safetensors")
    (tmp_path / stored).parent.mkdir(parents=True)
    (tmp_path / stored).symlink_to(loss_network)
    monkeypatch.chdir(tmp_path)
    run(monkeypatch, "ccmae", file, "--json")
    captured = capsys.readouterr()
    assert json.loads(captured.out)["arguments"] == {"weights": str(stored)}
    assert captured.err.startswith(f"loss 'ccmae': weights {stored} (cnn_mae, ")


def test_every_degradation_keeps_shape_and_type(image: Tensor) -> None:
    for make in DEGRADATIONS.values():
        version = make(image)
        assert (version.shape, version.dtype) == (image.shape, image.dtype)
        assert torch.equal(make(image), version)
