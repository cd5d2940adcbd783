"""Which networks tie the pictures of a batch together: those whose files say so, and no others."""

import pytest
import torch
from _networks import SMALL, noise
from _video_networks import SMALL as SMALL_VIDEO
from torch.nn.modules.batchnorm import _BatchNorm

from lossbench import networks, plugins
from lossbench.networks import NetworkWithLoss

BY_ARGUMENT = {"pacnet"}
"""Whose normalisation is that of another network, trained or frozen."""

BANDS = {"innformer": 4, "sfinet": 4}
"""What networks look at where it is more than colours: a panchromatic band beside."""


@pytest.mark.parametrize("name", sorted({*SMALL, *SMALL_VIDEO} - BY_ARGUMENT))
def test_a_network_with_batch_normalisation_says_so(name: str) -> None:
    network = networks.build(name, **{**SMALL, **SMALL_VIDEO}[name])
    found = any(isinstance(layer, _BatchNorm) for layer in network.modules())
    assert plugins.constant("networks", name, "NORMALISES_BATCH", False) == found


@pytest.mark.parametrize("name", sorted({*SMALL} - {"vae"}))
def test_others_give_each_picture_what_it_has_alone(name: str) -> None:
    if plugins.constant("networks", name, "NORMALISES_BATCH", False):
        return
    torch.manual_seed(0)
    network = networks.build(name, **SMALL[name]).train()
    images = noise(32, 32, number=4, bands=BANDS.get(name, 3))
    with torch.no_grad():
        whole, halves = network(images), torch.cat([network(images[:2]), network(images[2:])])
        assert torch.allclose(whole, halves, atol=1e-5)
        if isinstance(network, NetworkWithLoss):
            target = noise(*whole.shape[-2:], number=4, bands=whole.shape[1]).flip(0)
            of = [network.own_loss(network.stages(images[part]), target[part]) for part in (slice(2), slice(2, 4))]
            assert torch.allclose(torch.stack(of).mean(), network.own_loss(network.stages(images), target), rtol=1e-4)
