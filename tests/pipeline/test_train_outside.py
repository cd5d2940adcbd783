"""A network of the user's that can't be trained stops its run in one line that names it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _outside import forget, installed, written
from _runs import run_of

from lossbench.errors import UserError
from pipeline import train
from pipeline.specs.train import NetworkSpec, TrainSpec

NETWORKS = """
import torch
from torch import nn

class Enlarges(nn.Module):
    scale = 2
    def forward(self, x): return nn.functional.interpolate(x, scale_factor=2)

class Detached(Enlarges):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 3, 1)
    def forward(self, x): return super().forward(self.body(x)).detach()

class Frozen(Detached):
    def __init__(self):
        super().__init__()
        self.body.requires_grad_(False)

class Lazy(Enlarges):
    def __init__(self):
        super().__init__()
        self.body = nn.LazyConv2d(3, 1)

class Fails(Detached):
    def forward(self, x): return self.body(x).reshape(5)
"""


@pytest.fixture(autouse=True)
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Python find the networks of a user in `users`."""
    installed(written(tmp_path / "packages", {"users.py": NETWORKS}, pictures=False), monkeypatch)
    yield
    forget()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Enlarges", " has no weights to train; name one that has"),
        ("Frozen", " has no weights to train; name one that has"),
        ("Detached", ": its prediction depends on none of its weights; leave out detach and no_grad in it"),
        (
            "Lazy",
            ": its 'body' is a LazyConv2d, which has no weights before it sees data; give it its sizes, as a Conv2d",
        ),
        ("Fails", r" fails on pictures (2, 3, 8, 8) (RuntimeError: shape '[5]' is invalid for input of size 384)"),
    ],
)
def test_it_is_named_with_what_is_wrong(
    targets: Path, pairs: Path, train_spec: Callable[..., Any], tmp_path: Path, name: str, message: str
) -> None:
    spec: TrainSpec = train_spec(steps=2, batch=2, patch=8)
    spec = spec.model_copy(update={"network": NetworkSpec(name=f"users:{name}", arguments={})})
    with pytest.raises(UserError) as raised:
        train.main(spec, "code", run_of(tmp_path / "run", "train/toy", {}), targets=targets, pairs=pairs)
    assert str(raised.value).startswith(f"network 'users:{name}'{message}") and "\n" not in str(raised.value)
