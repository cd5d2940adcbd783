"""Losses of any kind on small loss networks with random weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from _losses import LOSSES, NETWORKS, TAKEN, Build, Weights

from lossbench import loss_networks, losses
from lossbench.loss_networks import vgg16, vgg19
from lossbench.terms import WeightedTerms


@pytest.fixture(scope="module")
def narrow_vgg() -> Iterator[None]:
    """Make the VGG trunks narrow: many losses load one in almost every test of the contract."""
    with pytest.MonkeyPatch.context() as patch:
        for trunk in (vgg16, vgg19):
            patch.setattr(trunk, "WIDTHS", [[4 + 2 * block] * len(each) for block, each in enumerate(trunk.WIDTHS)])
        yield


@pytest.fixture(scope="module")
def weights(narrow_vgg: None, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Give the file of a small loss network of a kind, random weights, made once."""
    folder = tmp_path_factory.mktemp("weights")

    def made(kind: str, **changes: Any) -> Path:
        if kind not in NETWORKS:
            pytest.fail(f"tests/_losses.py: add to NETWORKS the entry '{kind}' with arguments that make it small")
        path = folder / f"{'-'.join([kind, *map(str, changes.values())])}.safetensors"
        if not path.exists():
            torch.manual_seed(0)
            loss_networks.save(loss_networks.build(kind, **NETWORKS[kind], **changes), path, {})
        return path

    return made


@pytest.fixture(scope="module")
def build(weights: Weights) -> Build:
    """Build a loss by name with small weights; every call makes a new one, a patch loss with the same draws."""

    def built(name: str, **changes: Any) -> WeightedTerms:
        if name not in LOSSES:
            pytest.fail(
                f"tests/_losses.py: add to LOSSES the entry '{name}': Case(loss, loss network or None, arguments)"
            )
        case = LOSSES[name]
        added: dict[str, Any] = {} if case.network is None else {"weights": weights(case.network)}
        if "generator" in TAKEN[name]:
            added["generator"] = torch.Generator().manual_seed(0)
        return losses.build(case.loss, **{**case.arguments, **added, **changes})

    return built
