"""R-LPIPS and its loss network: LPIPS's arithmetic, weights of one's own that can be trained, and its own name."""

import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lossbench import loss_networks, storage
from lossbench.errors import UserError
from lossbench.loss_networks import _vgg, robust_lpips, vgg16
from lossbench.metrics import r_lpips, score

WIDTHS = [4, 6, 8, 8, 8]


def uniform(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def tiny(**arguments: Any) -> Any:
    torch.manual_seed(0)
    return loss_networks.build("robust_lpips", **{"widths": WIDTHS, **arguments})


@pytest.mark.filterwarnings("ignore:.*weight:UserWarning")
def test_it_computes_what_the_package_lpips_computes() -> None:
    theirs: Any = importlib.import_module("lpips").LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False)
    torch.manual_seed(0)
    module: Any = loss_networks.build("robust_lpips").eval()
    state = theirs.state_dict()
    convolutions = [name for name in state if re.fullmatch(r"net\.slice\d\.\d+\.(weight|bias)", name)]
    state |= dict(zip(convolutions, module.trunk.state_dict().values(), strict=True))
    for index, head in enumerate(module.heads):
        state[f"lin{index}.model.1.weight"] = state[f"lins.{index}.model.1.weight"] = head.weight.detach()
    theirs.load_state_dict(state)
    theirs.eval()
    pair = uniform(2, 3, 33, 40, seed=2), uniform(2, 3, 33, 40, seed=3)
    with torch.no_grad():
        expected, found = theirs(*pair, normalize=True).flatten(), module.distances(*pair)
        mean = float(module.distance(*pair))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert mean == pytest.approx(float(expected.mean()), rel=1e-4)
    assert float(expected.min()) > 1e-3


def test_it_has_the_size_of_lpips_and_the_trunk_of_vgg16() -> None:
    with torch.device("meta"):
        module, trunk = robust_lpips.build(), vgg16.build()
    assert sum(parameter.numel() for parameter in module.parameters()) == 14_714_688 + 64 + 128 + 256 + 512 + 512
    shapes = {name: tensor.shape for name, tensor in trunk.state_dict().items()}
    assert {name: tensor.shape for name, tensor in module.trunk.state_dict().items()} == shapes


def test_the_layouts_expect_their_own_order_and_statistics() -> None:
    image = uniform(1, 3, 16, 16)
    for layout, expected in (
        ("torchvision", (image - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / 0.229),
        ("caffe", image.flip(1) * 255 - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)),
    ):
        module = tiny(layout=layout)
        seen: list[Tensor] = []
        module.trunk.conv1_1.register_forward_hook(lambda _, given, __, seen=seen: seen.append(given[0]))
        module.distances(image, image)
        # red of the one, the first band of the other: both are divided by one number
        np.testing.assert_allclose(seen[0][:, 0], expected[:, 0], rtol=1e-4, atol=1e-4)


def test_unknown_layouts_and_other_numbers_of_blocks_are_named() -> None:
    with pytest.raises(UserError, match="unknown layout 'torch'; did you mean 'torchvision'"):
        tiny(layout="torch")
    with pytest.raises(UserError, match="4 widths; give one for each of 5 blocks"):
        tiny(widths=[4] * 4)


def test_distances_are_zero_at_equality_symmetric_and_not_negative() -> None:
    module, first, second = tiny().eval(), uniform(3, 3, 24, 20), uniform(3, 3, 24, 20, seed=2)
    assert all(bool((head.weight >= 0).all()) for head in module.heads)
    assert module.distances(first, first).tolist() == [0, 0, 0]
    there, back = module.distances(first, second).detach(), module.distances(second, first).detach()
    assert torch.equal(there, back) and float(there.min()) > 0
    alone = torch.cat([module.distances(first[i : i + 1], second[i : i + 1]) for i in range(3)]).detach()
    np.testing.assert_allclose(there, alone, rtol=1e-5)


@torch.no_grad()
def test_training_drops_differences_and_evaluation_does_not() -> None:
    module, pair = tiny(), (uniform(1, 3, 24, 24), uniform(1, 3, 24, 24, seed=2))
    values = {float(module.distance(*pair)) for _ in range(4)}
    assert len(values) == 4
    module.eval()
    [steady] = {float(module.distance(*pair)) for _ in range(3)}
    # what is left is doubled, so that the mean stays
    module.train()
    assert np.mean([float(module.distance(*pair)) for _ in range(200)]) == pytest.approx(steady, rel=0.1)


def test_gradients_reach_trunk_heads_and_both_images() -> None:
    module = tiny().eval()
    first, second = (uniform(2, 3, 24, 24, seed=seed).requires_grad_() for seed in (2, 3))
    module.distance(first, second).backward()
    for tensor in (first, second, *module.parameters()):
        assert tensor.grad is not None and bool(tensor.grad.isfinite().all())
        assert float(tensor.grad.abs().max()) > 0
    black = torch.zeros(1, 3, 24, 24, requires_grad=True)
    module.trunk.conv1_2.bias.data.fill_(-100)
    module.distance(black, uniform(1, 3, 24, 24)).backward()
    assert bool(black.grad is not None and black.grad.isfinite().all())


def test_heads_learn_to_rank_and_stay_non_negative() -> None:
    module = tiny().eval()
    reference, near = uniform(4, 3, 24, 24), uniform(4, 3, 24, 24)
    near, far = near * 0.7 + 0.1, uniform(4, 3, 24, 24, seed=5) * 0.05 + 0.95 * near
    optimiser = torch.optim.Adam(module.heads.parameters(), lr=0.02)
    gaps = []
    for _ in range(40):
        gap = (module.distances(reference, near) - module.distances(reference, far)).mean()
        optimiser.zero_grad()
        gap.backward()
        optimiser.step()
        negative = any(bool((head.weight < 0).any()) for head in module.heads)
        module.clamp_heads()
        assert all(bool((head.weight >= 0).all()) for head in module.heads)
        gaps.append(float(gap.detach()))
    assert negative, "without the clamp some weight would be negative"
    assert gaps[-1] < gaps[0]


def test_a_stored_network_is_the_same_and_loads_strictly(tmp_path: Path) -> None:
    module, path = tiny(layout="caffe").eval(), tmp_path / "network.safetensors"
    loss_networks.save(module, path, {"heads": "trained here"})
    loaded: Any
    loaded, card = loss_networks.load(path)
    assert card == {"heads": "trained here"}
    assert loaded.architecture == {"layout": "caffe", "widths": WIDTHS}
    pair = uniform(1, 3, 24, 24), uniform(1, 3, 24, 24, seed=2)
    assert torch.equal(loaded.distances(*pair), module.distances(*pair).detach())
    description = {"name": "robust_lpips", "architecture": {"widths": [4, 6, 8, 8, 9]}, "card": {}}
    storage.save(path, module, description, loss_networks.KIND)
    with pytest.raises(UserError, match=rf"{path} does not fit the network \(wrong heads.4.weight"):
        loss_networks.load(path)


@torch.no_grad()
def test_the_metric_is_its_distance_and_never_says_lpips_proper(tmp_path: Path) -> None:
    module, path = tiny().eval(), tmp_path / "network.safetensors"
    loss_networks.save(module, path, {})
    prediction, target = np.random.default_rng(0).integers(0, 256, (2, 3, 24, 30)) / 255
    expected = float(module.distance(*(torch.from_numpy(image)[None].float() for image in (prediction, target))))
    assert score("r_lpips", prediction, target, weights=path) == pytest.approx(expected, rel=1e-5)
    assert score("r_lpips", target, target, weights=path) == 0
    assert "trained by this pipeline" in r_lpips.SOURCE and "trained by this pipeline" in robust_lpips.SOURCE
    with pytest.raises(UserError, match="'robust_lpips'; nobody released such weights: train"):
        score("r_lpips", prediction, target)


def test_two_files_of_one_trunk_run_it_once_on_each_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / name for name in ("one.safetensors", "other.safetensors", "else.safetensors")]
    module = tiny()
    loss_networks.save(module, files[0], {})
    for weight in module.heads.parameters():
        weight.data += 0.5
    loss_networks.save(module, files[1], {})
    for weight in module.trunk.parameters():
        weight.data *= 0.5
    loss_networks.save(module, files[2], {})
    seen: list[int] = []
    layers = _vgg.VGG.layers

    def noted(self: Any, image: Tensor, names: Any) -> Any:
        seen.append(len(image))
        return layers(self, image, names)

    monkeypatch.setattr(_vgg.VGG, "layers", noted)
    pair = uniform(3, 20, 24, seed=5).numpy(), uniform(3, 20, 24, seed=6).numpy()
    first, second = (score("r_lpips", *pair, weights=file) for file in files[:2])
    assert len(seen) == 2 and second > first > 0
    # what is kept is that of the same trunk and pictures alone
    other = score("r_lpips", *pair, weights=files[2])
    assert len(seen) == 4 and other != pytest.approx(second, rel=1e-3)
    loaded: Any = loss_networks.load(files[2])[0]
    with torch.no_grad():
        levels = [torch.from_numpy(np.rint(255 * picture) / 255).float()[None] for picture in pair]
        assert other == pytest.approx(float(loaded.distance(*levels)), rel=1e-5)
