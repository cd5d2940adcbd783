"""Scores of clips: a row a clip, means over frames and noise levels, and what is kept to look at."""

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _clips import moving, stored
from numpy.typing import NDArray

from lossbench import metrics, networks, storage
from lossbench.errors import UserError
from lossbench.metrics import Protocol
from lossbench.tasks import video_denoising
from lossbench.video.restore import Settings, clip_restorer
from pipeline import evaluate
from pipeline.specs.evaluate import EvaluateSpec

pytestmark = pytest.mark.usefixtures("roomy_disk")
EXACT = {"colour": "rgb", "crop": 0, "rounding": False}
LEVELS = (10.0, 50.0)
NETWORK = {"name": "fastdvdnet", "arguments": {"channels": 2, "frame_channels": 2, "first_residual": 0.1}}


def metric(name: str, file: str = "psnr_video", **changes: Any) -> dict[str, Any]:
    return {"name": name, "file": file, **EXACT, **changes}


def spec(
    *chosen: dict[str, Any], task: str = "video_denoising", clip: dict[str, Any] | None = None, **changes: Any
) -> Any:
    values = {
        "task": {"name": task, "settings": {}},
        "test_set": "clips",
        "split": "test",
        "network": None,
        "trivial": "noisy_input" if task == "video_denoising" else "dark_input",
        "metrics": chosen,
        "keep_pictures": 0,
        "tile": None,
        "clip": {"frames": 5, "keep_frames": 0, "chunk": 16, "overlap": 4, **(clip or {})},
    }
    return EvaluateSpec.model_validate({**values, **changes})


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clips = {("test", "long"): moving(9), ("test", "short"): moving(4, 18, 22, seed=1), ("train", "other"): moving(3)}
    return stored(tmp_path_factory.mktemp("clips"), "target", clips)


def scored(chosen: EvaluateSpec, targets: Path, folder: Path, **files: Any) -> dict[tuple[str, str], float]:
    evaluate.main(chosen, "code", targets=targets, scores=folder / "set.csv", pictures=folder / "set_pictures", **files)
    with (folder / "set.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(evaluate.COLUMNS) and all(row["picture"] == row["image"] for row in rows)
    return {(row["image"], row["metric"]): float(row["value"]) for row in rows}


def psnr(prediction: NDArray[Any], target: NDArray[Any]) -> float:
    """Return the mean over frames of clips (T, H, W, C) in [0, 1]."""
    errors = np.square(np.clip(prediction, 0, 1).astype(float) - target).mean(axis=(1, 2, 3))
    return float(np.mean([-10 * math.log10(error) for error in errors]))


def test_the_noisy_clip_is_one_row_a_clip_and_the_mean_over_levels(targets: Path, tmp_path: Path) -> None:
    chosen = spec(metric("psnr", sigmas=LEVELS), *(metric(f"psnr_{level:g}", sigmas=[level]) for level in LEVELS))
    found = scored(chosen, targets, tmp_path)
    assert len(found) == 6
    # five frames at most
    for name, clip in (("long", moving(9)[:5]), ("short", moving(4, 18, 22, seed=1))):
        alone = [psnr(video_denoising.noisy(clip, name, level), clip / 255) for level in LEVELS]
        assert [found[name, f"psnr_{level:g}"] for level in LEVELS] == pytest.approx(alone, abs=1e-4)
        assert found[name, "psnr"] == pytest.approx(np.mean(alone), abs=1e-4)


@pytest.mark.parametrize("file", ["psnr_video", "ssim_video", "mabd"])
def test_frame_by_frame_is_the_metric_of_the_whole_clip(file: str, targets: Path, tmp_path: Path) -> None:
    colour = "gray" if file == "mabd" else "rgb"
    found = scored(spec(metric("it", file, colour=colour, sigmas=[30.0])), targets, tmp_path)
    clip = moving(9)[:5]
    pair = (np.clip(video_denoising.noisy(clip, "long", 30.0), 0, 1), clip / 255)
    whole = metrics.score(file, *(each.transpose(0, 3, 1, 2) for each in pair), protocol=Protocol(colour, 0, False))
    assert found["long", "it"] == pytest.approx(whole, rel=1e-5)


def test_a_search_for_patches_is_kept_for_further_evaluations(targets: Path, tmp_path: Path) -> None:
    network = {
        "name": "pacnet",
        "arguments": {"radius": 1, "search_frames": 1, "neighbours": 2, "width": 4, "layers": 1},
    }
    model = tmp_path / "model.safetensors"
    storage.save(model, networks.build("pacnet", **network["arguments"]), network)
    chosen = spec(metric("psnr", sigmas=LEVELS), network=network, trivial=None)
    found = scored(chosen, targets, tmp_path, model=model)
    kept = {path: path.stat().st_mtime_ns for path in (targets.parent / "neighbours").iterdir()}
    # one a clip and level
    assert len(kept) == 2 * len(LEVELS)
    assert scored(chosen, targets, tmp_path, model=model) == found
    assert {path: path.stat().st_mtime_ns for path in (targets.parent / "neighbours").iterdir()} == kept


def test_a_metric_may_take_the_first_frames_alone(targets: Path, tmp_path: Path) -> None:
    found = scored(spec(metric("psnr", sigmas=[30.0], frames=2)), targets, tmp_path)
    clip = moving(9)[:2]
    assert found["long", "psnr"] == pytest.approx(psnr(video_denoising.noisy(clip, "long", 30.0), clip / 255), abs=1e-4)


def test_a_model_is_told_the_noise_and_what_is_kept_is_what_is_scored(targets: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.safetensors"
    storage.save(model, networks.build(NETWORK["name"], **NETWORK["arguments"]), NETWORK)
    # the nearest level that is scored is 50
    chosen = spec(
        metric("psnr", sigmas=LEVELS), network=NETWORK, trivial=None, clip={"keep_frames": 3, "keep_sigma": 45.0}
    )
    found = scored(chosen, targets, tmp_path, model=model)
    restore = clip_restorer(NETWORK["name"], NETWORK["arguments"], model, Settings(), 1)
    clip = moving(9)[:5]
    restored = [np.stack(list(restore(video_denoising.noisy(clip, "long", level), level / 255))) for level in LEVELS]
    assert found["long", "psnr"] == pytest.approx(np.mean([psnr(one, clip / 255) for one in restored]), abs=1e-3)
    kept = {path.name: np.load(path) for path in (tmp_path / "set_pictures").iterdir()}
    assert {name: (array.dtype, len(array)) for name, array in kept.items()} == {
        "long.npy": (np.uint8, 3),
        "short.npy": (np.uint8, 3),
    }
    assert np.abs(kept["long.npy"] - 255 * restored[1][:3]).max() <= 0.51


def test_a_dark_clip_is_compared_with_its_still(tmp_path: Path) -> None:
    dark, still = moving(4) // 4, moving(1, seed=3)
    targets = stored(tmp_path, "target", {("test", "scene"): still})
    pairs = stored(tmp_path, "low_quality", {("test", "scene"): dark})
    found = scored(spec(metric("psnr"), task="video_enhancement"), targets, tmp_path, pairs=pairs)
    assert found["scene", "psnr"] == pytest.approx(psnr(dark / 255, np.broadcast_to(still, dark.shape) / 255), abs=1e-4)
    brighter = spec(metric("psnr"), task="video_enhancement", trivial="gamma_corrected")
    assert scored(brighter, targets, tmp_path, pairs=pairs)["scene", "psnr"] > found["scene", "psnr"]


def test_the_truth_itself_is_perfect(targets: Path, tmp_path: Path) -> None:
    chosen = spec(metric("ssim", "ssim_video", sigmas=[30.0]), trivial=None, answer="ground_truth")
    assert set(scored(chosen, targets, tmp_path).values()) == {1.0}


def test_a_clip_that_is_too_short_is_named(tmp_path: Path) -> None:
    single = stored(tmp_path, "target", {("test", "one"): moving(1)})
    with pytest.raises(UserError, match="clip 'one' has 1 frames, 2 are needed"):
        scored(spec(metric("psnr", sigmas=[30.0])), single, tmp_path)
    model = tmp_path / "model.safetensors"
    network = {"name": "mbllven", "arguments": {"branches": 1, "channels": 4}}
    storage.save(model, networks.build("mbllven", branches=1, channels=4), network)
    dark = {
        "targets": stored(tmp_path / "a", "target", {("test", "four"): moving(4)}),
        "pairs": tmp_path / "b/low_quality.json",
    }
    stored(tmp_path / "b", "low_quality", {("test", "four"): moving(4)})
    chosen = spec(metric("psnr"), task="video_enhancement", network=network, trivial=None)
    with pytest.raises(UserError, match="clip 'four': the clip has 4 frames, but the network needs 13"):
        scored(chosen, dark["targets"], tmp_path, pairs=dark["pairs"], model=model)
