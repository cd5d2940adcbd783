"""A batch in parts that follow one another trains as the whole; what can't be divided is refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from _divided import Files, trained
from _runs import card, history, names
from torch import Tensor, nn

from lossbench import storage
from lossbench.errors import UserError
from lossbench.loss_networks import KIND
from pipeline.dividing.division import Batch, Division, begun
from pipeline.dividing.gradients import gathered
from pipeline.learning.loop import StepLoss
from pipeline.learning.run import Run
from pipeline.learning.sampling import step_generator
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.train import TrainSpec

TOLERANCE = 1e-5
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture
def files(targets: Path, pairs: Path, loss_network: Path) -> Files:
    return Files(targets, pairs, loss_network)


def assert_trained_alike(spec: TrainSpec | PretrainSpec, files: Files, folder: Path, file: str, kind: str) -> None:
    """Train with the whole batch and in four parts, and hold weights and history equal within rounding."""
    whole = trained(spec, Run(folder / "whole", "toy"), files)
    parts = trained(spec, Run(folder / "parts", "toy", accumulate=4), files)
    (ours, _), (theirs, _) = (storage.read(each / file, kind) for each in (parts, whole))
    furthest = max(float((value - theirs[name]).abs().max()) for name, value in ours.items())
    assert 0 < furthest < TOLERANCE
    for left, right in zip(history(whole), history(parts), strict=True):
        expected = {name: float(value) for name, value in left.items()}
        assert {name: float(value) for name, value in right.items()} == pytest.approx(expected, rel=1e-3)
    assert names(whole) == names(parts)
    assert (card(parts)["processes"], card(parts)["accumulate"]) == (1, 4) and "accumulate" not in card(whole)


@pytest.mark.parametrize("loss", ["original", "ccmae", "p_ccmae"])
def test_parts_of_the_batch_train_as_the_whole(
    loss: str, train_spec: Callable[..., TrainSpec], files: Files, tmp_path: Path
) -> None:
    spec = train_spec(loss, steps=5, batch=4, history=2, clip=0.5, ema=0.9)
    assert_trained_alike(spec, files, tmp_path, "model.safetensors", "network")


def test_masks_of_a_pretraining_are_those_of_the_whole_batch(
    pretrain_spec: Callable[..., PretrainSpec], files: Files, tmp_path: Path
) -> None:
    assert_trained_alike(pretrain_spec(steps=5, batch=4), files, tmp_path, "network.safetensors", KIND)


class Noisy(nn.Module):
    """A network that draws random numbers of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.dropout = nn.Linear(2, 2), nn.Dropout(0.5)

    def forward(self, points: Tensor) -> Tensor:
        found: Tensor = self.dropout(self.layer(points))
        return found


def step_of(model: nn.Module) -> Callable[[int, Batch], StepLoss]:
    """Return the loss of a step: the mean square of what the model makes of the data."""

    def loss(step: int, data: Batch) -> StepLoss:
        error = model(torch.from_numpy(data[0])).square().mean()
        return StepLoss(error, {"error": error})

    return loss


def test_random_numbers_of_a_part_alone_are_refused() -> None:
    model = Noisy()
    data: Batch = [step_generator(0, 0).random((4, 2), dtype="float32")]
    with pytest.raises(UserError, match=r"Noisy or its loss draws random numbers for a part .* accumulate 1"):
        gathered(Division(parts=2), model, step_of(model), 0, data, False, False)
    gathered(Division(parts=2), model.eval(), step_of(model), 0, data, False, False)


def test_a_batch_that_is_not_divided_is_refused() -> None:
    data: Batch = [step_generator(0, 0).random((4, 2), dtype="float32")]
    with pytest.raises(UserError, match="a batch of 4 is not divided by 1 processes times 3 parts"):
        list(Division(parts=3).parts_of(data))


def test_each_process_takes_its_share_in_order() -> None:
    data: Batch = [step_generator(0, 0).random((8, 2)), step_generator(0, 1).random(8)]
    seen = [
        (first, len(part[0]), float(part[1][0]))
        for place in (0, 1)
        for first, part in Division(2, place, 2).parts_of(data)
    ]
    assert seen == [(first, 2, data[1][first]) for first in (0, 2, 4, 6)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has it")
def test_batch_normalisation_is_refused_on_cpus() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
    with pytest.raises(UserError, match=r"toy: Sequential has batch normalisation, .* over 2 processes without GPUs"):
        Division(processes=2).prepared(model, "toy")
    assert Division().prepared(model, "toy") is model


def test_batch_normalisation_is_refused_in_parts_unless_it_is_frozen() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3))
    with pytest.raises(UserError, match=r"accumulate 2 would take those of a part; set accumulate to 1"):
        Division(parts=2).prepared(model, "toy")
    model[1].train = lambda mode=True: nn.Module.train(model[1], False)
    assert Division(parts=2).prepared(model, "toy") is model


@pytest.mark.gpu
@GPU
def test_batch_normalisation_on_gpus_is_that_of_the_whole_batch() -> None:
    model = Division(processes=2).prepared(nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)), "toy")
    assert isinstance(model[1], nn.SyncBatchNorm)


@pytest.mark.parametrize(("processes", "parts", "named"), [(0, 1, "--processes 0"), (1, -1, "--accumulate -1")])
def test_numbers_below_one_are_refused(processes: int, parts: int, named: str) -> None:
    with pytest.raises(UserError, match=f"{named}: give 1 or more"):
        begun(processes, parts)
