"""The loss `lpips` on heads that this pipeline trained, in place of the released ones."""

from pathlib import Path

import torch
from _losses import uniform

from lossbench import loss_networks, losses


def test_heads_that_this_pipeline_trained_are_a_loss_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = loss_networks.build("robust_lpips", widths=(4, 4, 4, 4, 4))
    loss_networks.save(network, tmp_path / "heads.safetensors", {})
    loss = losses.build("lpips", weights=tmp_path / "heads.safetensors", pixel=None, weight=2.0)
    prediction, target = uniform(2, 3, 32, 32).requires_grad_(), uniform(2, 3, 32, 32, seed=2)
    # no feature is left out, as in their training
    expected = network.eval().distance(prediction, target)
    for _ in range(2):
        assert torch.equal(loss.train()(prediction, target), 2 * expected)
    loss(prediction, target).backward()
    assert prediction.grad is not None and prediction.grad.abs().sum() > 0
