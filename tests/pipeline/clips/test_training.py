"""Training on clips: frames in a row, each once, the noise that the network is told, kernels made orthogonal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _clips import moving, stored
from _runs import assert_same_run, card, cut_off, history, run_of
from torch import Tensor, nn

from lossbench import device, networks
from lossbench.errors import UserError
from lossbench.networks import load_network
from pipeline import train
from pipeline.clips.training import ClipTraining, due, run
from pipeline.learning import loop
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import TrainSpec

SMALL: dict[str, dict[str, Any]] = {
    "fastdvdnet": {"channels": 2, "frame_channels": 2, "first_residual": 0.1},
    "smoid": {"width": 1},
    "pacnet_s": {"radius": 1, "search_frames": 1, "neighbours": 2, "craft": 3},
    "pacnet": {"radius": 1, "search_frames": 1, "neighbours": 2, "craft": 3, "width": 2, "layers": 1},
}


def spec(network: str, task: str = "video_denoising", **recipe: Any) -> TrainSpec:
    values = {"steps": 3, "batch": 2, "patch": 16, "frames": 2, "learning_rate": 1e-3, "precision": "float32"}
    return TrainSpec.model_validate(
        {
            "task": {"name": task, "settings": {"training": [5, 55]} if task == "video_denoising" else {}},
            "dataset": "clips",
            "network": {"name": network, "arguments": SMALL[network]},
            "loss": {"name": "original", "arguments": {"pixel": "l2"}, "loss_network": None},
            "recipe": {**values, "history": 1, **recipe},
            "seed": 3,
        }
    )


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clips = {("train", f"clip{seed}"): moving(9, seed=seed) for seed in range(2)}
    return stored(tmp_path_factory.mktemp("clips"), "target", clips)


def begun(chosen: TrainSpec, targets: Path, pairs: Path | None = None) -> ClipTraining:
    network = networks.build(chosen.network.name, **chosen.network.arguments)
    return ClipTraining(chosen, network, device.choose("float32", 1), targets, pairs)


class Middle(nn.Module):
    """Gives the middle frame, with the noise level in its first pixel."""

    def forward(self, frames: Tensor, sigma: Tensor | None = None) -> Tensor:
        middle = frames[:, frames.shape[1] // 2].clone()
        if sigma is not None:
            middle[:, 0, 0, 0] = sigma
        return middle


def test_a_network_with_a_window_gives_frames_in_a_row_each_once() -> None:
    frames = torch.rand(2, 8, 3, 6, 5)
    found = run(Middle(), 5, frames, torch.tensor([0.1, 0.2]))
    assert found.shape == (2, 4, 3, 6, 5)
    assert torch.equal(found[..., 1:, 1:], frames[:, 2:6, :, 1:, 1:])
    assert found[:, :, 0, 0, 0].tolist() == [[pytest.approx(level)] * 4 for level in (0.1, 0.2)]


@pytest.mark.parametrize(("network", "cut"), [("fastdvdnet", 6), ("pacnet_s", 8), ("smoid", 2)])
def test_the_target_is_of_the_restored_frames(network: str, cut: int, targets: Path) -> None:
    training = begun(spec(network), targets)
    data = training.draw(5)
    assert data[0].shape == data[1].shape == (2, cut, 16, 16, 3)
    prediction, target = training.restored(5, data)
    assert prediction.shape == target.shape == (2, 2, 3, 16, 16)
    beside = (cut - 2) // 2
    theirs = data[0][:, beside : beside + 2].transpose(0, 1, 4, 2, 3) / 255
    assert np.allclose(target.numpy(), theirs, atol=1e-6)


def test_noise_is_that_of_the_step_and_differs_from_frame_to_frame(targets: Path) -> None:
    training = begun(spec("fastdvdnet", batch=8), targets)
    (clean, noise, sigma), again = training.draw(1), training.draw(1)
    assert all(np.array_equal(a, b) for a, b in zip((clean, noise, sigma), again, strict=True))
    assert not np.array_equal(noise, training.draw(2)[1])
    assert np.all((sigma >= 5 / 255) & (sigma <= 55 / 255)) and len(set(sigma.tolist())) == 8
    assert np.allclose(noise.std(axis=(1, 2, 3, 4)), sigma, rtol=0.05)
    assert abs(np.corrcoef(noise[0, 0].ravel(), noise[0, 1].ravel())[0, 1]) < 0.15


def test_a_still_is_the_target_of_every_frame(tmp_path: Path) -> None:
    dark, still = moving(6), moving(1, seed=4)
    pairs = stored(tmp_path, "low_quality", {("train", "scene"): dark})
    targets = stored(tmp_path, "target", {("train", "scene"): still})
    training = begun(spec("smoid", "video_enhancement", frames=4, augment=False), targets, pairs)
    low, target = training.draw(0)
    assert low.shape == target.shape == (2, 4, 16, 16, 3)
    assert np.array_equal(target, target[:, :1].repeat(4, axis=1))


def test_a_clip_shorter_than_what_is_cut_out_is_refused(targets: Path) -> None:
    with pytest.raises(UserError, match=r"clip 'clip0' has 9 frames, 12 are needed"):
        begun(spec("fastdvdnet", frames=8), targets)


def test_kernels_are_orthogonal_before_the_steps_that_the_recipe_names(targets: Path) -> None:
    chosen = spec("fastdvdnet", steps=40, orthogonal={"each": 10, "until": 0.75})
    assert [step for step in range(40) if due(chosen.recipe, step)] == [0, 10, 20]
    assert not any(due(spec("fastdvdnet").recipe, step) for step in range(3))
    training = begun(chosen, targets)
    training.restored(10, training.draw(10))
    kernel = next(layer for layer in training.network.modules() if isinstance(layer, nn.Conv2d)).weight.flatten(1)
    assert torch.linalg.svdvals(kernel.detach()).tolist() == pytest.approx([1] * min(kernel.shape), abs=1e-5)


def test_a_run_that_was_cut_off_ends_as_a_whole_one(targets: Path, tmp_path: Path) -> None:
    chosen = spec("fastdvdnet", steps=4, orthogonal={"each": 2, "until": 1.0})

    def trained(name: str) -> Path:
        train.main(chosen, "code", run_of(tmp_path / name, "train/clips", {"checkpoint_seconds": 0.0}), targets=targets)
        return tmp_path / name

    whole = trained("whole")
    with cut_off(loop, "_descend", 2):
        trained("cut")
    resumed = trained("cut")
    assert card(resumed)["resumed_at"] == 2 and list(history(whole)[0])[:4] == list(history(resumed)[0])[:4]
    assert_same_run(resumed, whole, "model.safetensors", lambda file: (load_network(file), {}))


def test_pacnet_is_trained_on_its_spatial_network_which_stays(targets: Path, tmp_path: Path) -> None:
    for network in ("pacnet_s", "pacnet"):
        initial = tmp_path / "pacnet_s/model.safetensors" if network == "pacnet" else None
        place = run_of(tmp_path / network, f"train/{network}", {})
        chosen = spec(network, batch=1, frames=4 if initial else 2)
        train.main(chosen, "code", place, targets=targets, initial=initial)
    spatial, whole = (load_network(tmp_path / network / "model.safetensors") for network in ("pacnet_s", "pacnet"))
    for name, value in spatial.state_dict().items():
        assert torch.equal(value, whole.state_dict()[f"spatial.{name}"]), name


def test_bfloat16_is_refused_for_convolutions_over_frames_on_a_cpu(targets: Path) -> None:
    chosen = spec("smoid")
    network = networks.build("smoid", width=1)
    with pytest.raises(
        UserError, match="convolutions over frames have wrong gradients in bfloat16 on a CPU; set float32"
    ):
        ClipTraining(chosen, network, device.choose("bfloat16", 1), targets, None)


def test_a_recipe_without_frames_has_the_text_that_it_had() -> None:
    pictures = Recipe(steps=1, batch=1, patch=8, learning_rate=1.0)
    assert "frames" not in pictures.canonical() and "orthogonal" not in pictures.canonical()
    assert '"frames":4' in pictures.model_copy(update={"frames": 4}).canonical()
    assert Recipe.from_json(pictures.canonical()) == pictures
    with pytest.raises(UserError, match="frames: Input should be a multiple of 2"):
        Recipe.parse({**pictures.model_dump(), "frames": 3}, "recipe")


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("smoid", {"width": 1, "depth": 5}, r"takes patches of multiples of 32 px, 32 at least, not of 16; change"),
        ("smoid", {"width": 1, "scale": 2}, r"enlarges by 2, the task by 1; change the arguments"),
    ],
)
def test_arguments_that_make_the_recipe_unfit_are_named(
    network: str, arguments: dict[str, Any], message: str, targets: Path, tmp_path: Path
) -> None:
    chosen = spec(network, "video_enhancement")
    chosen = chosen.model_copy(update={"network": chosen.network.model_copy(update={"arguments": arguments})})
    with pytest.raises(UserError, match=rf"network '{network}' with .*: {message}"):
        train.main(chosen, "code", run_of(tmp_path / "out", "train/clips", {}), targets=targets, pairs=targets)
