"""What the tests of the stages share: pictures that train in milliseconds, and specs that fit them."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lossbench.records import Strict
from lossbench.tasks import super_resolution
from pipeline.outputs.arrays import Entry, write_arrays
from pipeline.specs.pretrain import PretrainSpec
from pipeline.specs.recipe import Recipe
from pipeline.specs.train import LossSpec, NetworkSpec, TaskSpec, TrainSpec

# before torch is imported: bit-equal results need the same number of threads everywhere
os.environ["OMP_NUM_THREADS"] = "1"
# a worker of xdist has one, to whose width listings would be folded
os.environ.pop("COLUMNS", None)

REPOSITORY = Path(__file__).parents[1]
SIZES = {
    "train": [(48, 40), (40, 48), (40, 40)],
    "val": [(40, 40), (44, 40)],
    "test": [(33, 41), (40, 36)],
}
"""Height and width of every picture; the first test picture is not divisible by the scale."""
TASK = TaskSpec(name="super_resolution", settings={"scale": 2})
NETWORK = NetworkSpec(name="edsr", arguments={"scale": 2, "channels": 4, "blocks": 1})
CNN_MAE = {"widths": [4, 4, 8, 8], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1}


@pytest.fixture
def roomy_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every disk have room, however full that of this machine is: what is kept there otherwise depends on it."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=1000, used=0, free=10**15))


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT end what a test starts, also where the tests themselves run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests, or one worker would end long after the other."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def picture(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Return smooth waves with a little noise: (height, width, 3)."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width][..., None]
    vertical, horizontal, phase = generator.uniform(0.1, 0.6, (3, 1, 1, 3))
    waves = 128 + 80 * np.sin(vertical * rows + horizontal * columns + 9 * phase)
    noisy: NDArray[np.float64] = waves + generator.normal(0, 4, waves.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def entries() -> Iterator[Entry]:
    """Give every picture of `SIZES`."""
    for split, sizes in SIZES.items():
        for index, (height, width) in enumerate(sizes):
            name = f"{split}{index}"
            yield Entry(name, split, picture(height, width, index + 10 * len(split)), f"{name}.png", "CC0")


@pytest.fixture(scope="session")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the card of the prepared ground truth."""
    folder = tmp_path_factory.mktemp("targets")
    write_arrays(folder, "target", entries(), {"dataset": "toy"})
    return folder / "target.json"


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the card of the same pictures at half the size."""
    folder = tmp_path_factory.mktemp("pairs")
    unused = np.random.default_rng(0)
    halved = (
        Entry(e.name, e.split, super_resolution.degrade(e.pixels, TASK.settings, unused), e.origin, e.licence)
        for e in entries()
    )
    write_arrays(folder, "low_quality", halved, {"dataset": "toy"})
    return folder / "low_quality.json"


def recipe(**changes: Any) -> Recipe:
    """Return a recipe of a few fast steps."""
    values = {"steps": 8, "batch": 2, "patch": 8, "learning_rate": 1e-3, "precision": "float32", "history": 2}
    return Recipe.parse({**values, **changes}, "test")


@pytest.fixture(scope="session")
def make_recipe() -> Callable[..., Recipe]:
    """Return `recipe(**changes)`."""
    return recipe


@pytest.fixture(scope="session")
def train_spec() -> Callable[..., TrainSpec]:
    """Return a function from a loss's name and changes of the recipe to a spec of a tiny EDSR."""

    def make(loss: str = "original", **changes: Any) -> TrainSpec:
        kind = None if loss == "original" else "cnn_mae"
        chosen = LossSpec(name=loss, arguments={"pixel": "l1"}, loss_network=kind)
        return TrainSpec(task=TASK, dataset="toy", network=NETWORK, loss=chosen, recipe=recipe(**changes), seed=3)

    return make


@pytest.fixture(scope="session")
def pretrain_spec() -> Callable[..., PretrainSpec]:
    """Return a function from changes of the recipe to a spec of a tiny convolutional masked autoencoder."""

    def make(**changes: Any) -> PretrainSpec:
        chosen = recipe(**{"patch": 32, "optimizer": "adamw", "weight_decay": 0.05, **changes})
        return PretrainSpec(loss_network="cnn_mae", architecture=CNN_MAE, dataset="toy", seed=3, recipe=chosen)

    return make


@pytest.fixture(scope="session")
def loss_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a stored convolutional masked autoencoder with random weights."""
    import torch

    from lossbench import loss_networks

    path = tmp_path_factory.mktemp("loss_network") / "network.safetensors"
    torch.manual_seed(0)
    loss_networks.save(loss_networks.build("cnn_mae", **CNN_MAE), path, {"source": "random weights"})
    return path


@pytest.fixture(scope="session")
def start_until_saved() -> Callable[[Strict, list[str], Path, int], subprocess.Popen[str]]:
    """Return a function that runs `python -m ...` until its checkpoint was replaced some times, and leaves it running.

    Its arguments are the spec, those of python's `-m`, the checkpoint, and how many checkpoints to wait for.
    """

    def start(spec: Strict, arguments: list[str], checkpoint: Path, count: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", *arguments]
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes)
        assert process.stdin is not None
        process.stdin.write(spec.canonical())
        process.stdin.close()
        # communicate() would flush it
        process.stdin = None
        seen: set[int] = set()
        end = time.monotonic() + 120
        while len(seen) < count:
            assert process.poll() is None, f"ended before checkpoint {count}: {process.communicate()}"
            assert time.monotonic() < end, f"no checkpoint {count} in two minutes"
            if checkpoint.exists():
                seen.add(checkpoint.stat().st_mtime_ns)
            time.sleep(0.001)
        return process

    return start


@pytest.fixture(scope="session")
def files_limited_to() -> Callable[[int], AbstractContextManager[None]]:
    """Return a context in which no file of this process can grow beyond a number of bytes, as on a full disk."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture
def fringe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder in which a package from outside is installed, `fringe` of `_outside.py`."""
    from _outside import forget, installed, written

    installed(written(tmp_path / "installed"), monkeypatch)
    yield tmp_path / "installed"
    forget()
