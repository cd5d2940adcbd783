"""Trainings in each of several processes that were launched; spawned processes import this module by its name."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pipeline import pretrain, train
from pipeline.learning.run import Run
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.train import TrainSpec


@dataclass(frozen=True)
class Files:
    """What a training of a test reads."""

    targets: Path
    pairs: Path
    weights: Path


def trained(spec: TrainSpec | PretrainSpec, place: Run, files: Files) -> Path:
    """Train what `spec` says in this process, and return where."""
    if isinstance(spec, PretrainSpec):
        pretrain.main(spec, "code", place, targets=files.targets)
    else:
        weights = files.weights if spec.loss.loss_network else None
        train.main(spec, "code", place, targets=files.targets, pairs=files.pairs, weights=weights)
    return place.output


def train_each(specs: dict[str, TrainSpec | PretrainSpec], place: Run, files: Files) -> None:
    """Train all of `specs` one after the other, each in a folder of its name: one start of the processes for all."""
    from accelerate import PartialState

    with pytest.MonkeyPatch.context() as patch:
        # a group of processes can't be made twice
        patch.setattr(PartialState, "destroy_process_group", lambda _: None)
        for name, spec in specs.items():
            with suppress(SystemExit):
                trained(spec, replace(place, output=place.output / name), files)
    PartialState().destroy_process_group()
