"""What every network of pictures promises: published sizes and costs, any size, and a training that reaches all."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from _network_sizes import BAYER, COSTS, COUNTS, SIZES
from _networks import SMALL, WHOLE, descend, noise, scene
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from lossbench import plugins, storage
from lossbench.networks import Autoencoder, Network, NetworkWithLoss, build, load_network, parameter_count, window
from lossbench.networks._padding import restore

NAMES = [name for name in plugins.names("networks") if window(name) == 1]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, arguments) for name, arguments in SMALL.items()},
    "enhancenet, full": ("enhancenet", {}),
    "enhancenet, legacy": ("enhancenet", {**SMALL["enhancenet"], "bicubic": "legacy"}),
    "enhancenet, full legacy": ("enhancenet", {"bicubic": "legacy"}),
    "innformer, released": ("innformer", {**SMALL["innformer"], "window_order": "released"}),
    "sid, Bayer": ("sid", {**SMALL["sid"], **BAYER}),
}
EACH = pytest.mark.parametrize("case", sorted(CASES))
DTYPES = {"dncnn": torch.float32, "edsr": torch.bfloat16, "enhancenet": torch.float32, "rfdn": torch.bfloat16}
"""Of a picture under bfloat16, where it is promised: what is added to the input keeps its precision."""
UNREACHED = {"innformer": "refine", "mprnet": ".weigh.", "sfinet": ".weigh."}
"""Parameters that a ReLU of a narrow attention can cut off."""
CHANNELS_LAST = {"innformer": 1e-4, "sfinet": 2e-4}
"""Largest difference where it is not 1e-5."""


def largest_share(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def largest(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max())


def mean(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().mean())


DRIFTS: dict[str, tuple[Callable[[Tensor, Tensor], float], float]] = {
    "drbn": (largest_share, 0.03),
    # a patch can match another one when its features are rounded
    "innformer": (mean, 0.02),
    "mprnet": (largest, 0.03),
    "sfinet": (largest, 0.03),
}
"""How far bfloat16 may lead from float32 where it is not by 0.02 of the largest value."""


def built(case: str) -> Any:
    name, arguments = CASES[case]
    return build(name, **arguments)


def seen(network: Any, number: int = 2) -> Tensor:
    """Return noise of a size that `network` takes, an odd one where it can."""
    whole = isinstance(network, Autoencoder)
    height, width = (33, 35) if network.multiple == 1 else (32, 32) if whole else (32, 48)
    height, width = (64, 64) if network.multiple == 32 and not whole else (height, width)
    return noise(height, width, number, network.in_channels)


def assert_reached(network: Any, case: str) -> None:
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.dtype == torch.float32, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0 or UNREACHED.get(CASES[case][0], "no other") in key, key


def test_every_network_is_held_to_it() -> None:
    assert sorted(SMALL) == sorted(SIZES) == NAMES, "give the new one a row in tests/_networks.py and _network_sizes.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_network_keeps_the_contract(name: str) -> None:
    module = plugins.load("networks", name)
    assert isinstance(module.SOURCE, str)
    assert module.SOURCE
    assert module.PUBLISHED
    counted = [arguments for of, arguments, _ in COUNTS if of == name]
    for arguments in module.PUBLISHED.values():
        assert arguments in counted
        with torch.device("meta"):
            network = build(name, **arguments)
        for attribute in ("in_channels", "out_channels", "multiple", "minimum", "scale"):
            value = getattr(network, attribute)
            assert type(value) is int
            assert value >= 1
        assert isinstance(network, NetworkWithLoss if hasattr(module, "OWN_LOSS") else Network)


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_network_is_opened_whole(name: str, tmp_path: Path) -> None:
    network = build(name, **SMALL[name]).eval()
    assert isinstance(network, Network)
    path = tmp_path / "model.safetensors"
    storage.save(path, network, {"name": name, "arguments": SMALL[name]})
    opened = load_network(path)
    # what is drawn or computed where a network is built is not in its file
    assert not any(tensor.is_meta for tensor in (*opened.parameters(), *opened.buffers()))
    side = math.ceil(max(32, network.minimum) / network.multiple) * network.multiple
    low_quality = noise(side, side, bands=network.in_channels)
    assert torch.equal(opened(low_quality), network(low_quality))


@pytest.mark.parametrize(("name", "arguments", "count"), COUNTS, ids=str)
def test_every_network_has_its_published_number_of_parameters(name: str, arguments: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        assert parameter_count(build(name, **arguments)) == count


@pytest.mark.parametrize(("name", "arguments", "side", "run", "billions"), COSTS, ids=str)
def test_every_network_costs_the_published_multiplications(
    name: str, arguments: dict[str, Any], side: int, run: int, billions: float
) -> None:
    network: Any = build(name, **arguments)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(noise(run, run, bands=network.in_channels))
    # every layer costs in proportion to the area, a multiplication and an addition each
    assert counter.get_total_flops() / 2e9 * (side / run) ** 2 == pytest.approx(billions, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_enlarges_by_its_scale(name: str) -> None:
    arguments = next(iter(plugins.load("networks", name).PUBLISHED.values()))
    network: Any = build(name, **arguments).eval()
    size = -(-max(32, network.minimum) // network.multiple) * network.multiple
    with torch.no_grad():
        output = network(noise(size, size, bands=network.in_channels))
    assert output.shape == (1, network.out_channels, size * network.scale, size * network.scale)


@pytest.mark.parametrize("name", sorted(SIZES.keys() - WHOLE))
def test_pictures_of_any_size_are_restored(name: str) -> None:
    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from(SIZES[name]), st.integers(1, 50), st.integers(1, 50), st.integers(1, 2))
    def check(sizes: tuple[dict[str, Any], int, int, int], height: int, width: int, number: int) -> None:
        arguments, inputs, outputs, scale = sizes
        network: Any = build(name, **arguments).eval()
        low_quality = noise(height, width, number, inputs)
        with torch.no_grad():
            output = restore(network, low_quality)
            least = network.minimum
            if all(side % network.multiple == 0 and side >= least for side in (height, width)):
                assert torch.equal(output, network(low_quality))
        assert output.shape == (number, outputs, scale * height, scale * width)
        assert output.dtype == torch.float32
        assert output.isfinite().all()

    check()


@pytest.mark.parametrize(
    ("name", "height", "width", "message"),
    [
        *[("drbn", *size, "multiples of 4 px") for size in ((10, 8), (8, 7))],
        ("innformer", 8, 12, "multiples of 8 px"),
        *[("mprnet", *size, "multiples of 8 px") for size in ((12, 16), (16, 20))],
        *[("noise2noise", *size, "multiples of 32 px") for size in ((40, 32), (32, 16))],
        *[("rfdn", *size, "15 x 15 px or more") for size in ((14, 15), (15, 14), (1, 400))],
        *[("sid", *size, "multiples of 16 px") for size in ((40, 32), (32, 40), (8, 8))],
        ("vae", 32, 64, "pictures of 32 x 32 px"),
    ],
)
def test_a_side_that_does_not_fit_is_named(name: str, height: int, width: int, message: str) -> None:
    network: Any = build(name, **SMALL[name])
    with pytest.raises(ValueError, match=f"{message}, got {height} x {width}"):
        network(noise(height, width, bands=network.in_channels))


@EACH
def test_the_same_seed_gives_the_same_weights(case: str) -> None:
    states = []
    for _ in range(2):
        torch.manual_seed(5)
        states.append(built(case).state_dict())
    for first, second in zip(states[0].values(), states[1].values(), strict=True):
        assert torch.equal(first, second)


@EACH
def test_a_saved_state_gives_the_same_picture_and_the_input_is_left_as_it_was(case: str) -> None:
    first, second = built(case).eval(), built(case).eval()
    low_quality = seen(first)
    copy = low_quality.clone()
    assert not torch.equal(first(low_quality), second(low_quality))
    second.load_state_dict(first.state_dict(), strict=True)
    assert torch.equal(first(low_quality), second(low_quality))
    assert torch.equal(low_quality, copy)


@EACH
def test_a_gradient_reaches_every_parameter(case: str) -> None:
    network = built(case)
    network(seen(network)).square().mean().backward()
    assert_reached(network, case)


@EACH
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_and_channels_last_train_every_parameter_and_stay_near_float32(case: str, training: bool) -> None:
    name, network = CASES[case][0], built(case).train(training)
    low_quality = seen(network)
    copy, expected = low_quality.clone(), network(low_quality)
    network = network.to(memory_format=torch.channels_last)
    low_quality = low_quality.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(low_quality), expected, atol=CHANNELS_LAST.get(name, 1e-5), rtol=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = network(low_quality)
    assert found.dtype == DTYPES.get(name, found.dtype)
    assert torch.equal(low_quality, copy)
    drift, bound = DRIFTS.get(name, (largest_share, 0.02))
    assert drift(found.detach(), expected.detach()) < bound
    found.float().square().mean().backward()
    assert_reached(network, case)


@pytest.mark.parametrize("name", sorted(SMALL.keys() - {"dncnn", "vae"}))
def test_training_and_evaluation_give_the_same_picture_but_for_normalisation_by_the_batch(name: str) -> None:
    network = built(name)
    low_quality = seen(network)
    assert torch.equal(network.train()(low_quality), network.eval()(low_quality))


def dark(number: int, side: int) -> tuple[Tensor, Tensor]:
    """Return waves at a tenth of their brightness, and the waves."""
    rows, columns = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    target = torch.stack([0.5 + 0.4 * torch.sin(0.2 * rows + 0.3 * columns + phase) for phase in range(3 * number)])
    target = target.view(number, 3, side, side)
    return 0.1 * target, target


def blurred() -> tuple[Tensor, Tensor]:
    """Return two scenes blurred, with their mean as a sharp band, and the scenes."""
    target = scene(48, 3)[..., ::2, ::2].repeat(2, 1, 1, 1)
    target[1] = 1 - target[0].flip(2)
    low_quality = F.interpolate(F.avg_pool2d(target, 4), scale_factor=4, mode="bicubic")
    return torch.cat([low_quality, target.mean(dim=1, keepdim=True)], dim=1), target


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments", "steps", "learning_rate"),
    [
        ("drbn", {"stage_distance": "ssim"}, 60, 3e-3),
        ("drbn", {"stage_distance": "ssim_zero_padded"}, 60, 3e-3),
        ("drbn", {"stage_distance": "l1"}, 120, 3e-3),
        ("innformer", {}, 200, 3e-3),
        ("sfinet", {}, 200, 3e-3),
        ("sid", {}, 300, 2e-3),
    ],
)
def test_a_narrow_network_learns_one_batch_by_heart(
    name: str, arguments: dict[str, Any], steps: int, learning_rate: float
) -> None:
    network: Any = build(name, **SMALL[name], **arguments)
    low_quality, target = (
        blurred() if name in ("innformer", "sfinet") else dark(1, 48) if name == "drbn" else dark(2, 32)
    )

    def loss() -> Tensor:
        if name == "drbn":
            error: Tensor = network.own_loss(network.stages(low_quality), target)
            return error
        distance = F.l1_loss if name == "sid" else F.mse_loss
        return distance(network(low_quality), target)

    losses = descend(network, loss, steps, learning_rate, enough=0 if name == "drbn" else 1 / 12)
    assert losses[-1] < losses[0] / 10
    # no channel has become the negative of the target
    assert (network(low_quality) - target).abs().mean() < 0.15
