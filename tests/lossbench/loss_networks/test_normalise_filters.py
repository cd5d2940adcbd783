"""Filters scaled to a mean activation of 1: what changes, what must not, and the real VGG-16 on real photographs."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from lossbench.assets import embedded
from lossbench.datasets import photographs
from lossbench.errors import UserError
from lossbench.images import read_image
from lossbench.loss_networks import vgg16
from lossbench.loss_networks._normalise import DEAD as DEAD_PART
from lossbench.loss_networks._normalise import mean_activations, normalise_filters
from lossbench.loss_networks._vgg import VGG

WIDTHS = ((6, 8), (10, 12))
DEAD = {"conv1_2": 3, "conv2_2": 5}
"""Filters that never fire."""


@pytest.fixture
def small() -> VGG:
    torch.manual_seed(0)
    network = VGG("VGG-4", WIDTHS, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), blue_first=True).requires_grad_(False)
    for name in (name for name in network.names if name.startswith("conv")):
        # high enough that no other filter is dead by chance
        network.get_submodule(name).get_parameter("bias").fill_(0.4)
    for name, index in DEAD.items():
        network.get_submodule(name).get_parameter("bias")[index] = -100
    return network


def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(shape, generator=generator) for shape in ((3, 3, 16, 20), (2, 3, 12, 8))]


def test_a_head_that_is_compensated_keeps_its_logits(small: VGG) -> None:
    image = batches()[0]
    head = torch.nn.Linear(12 * 4 * 5, 7).requires_grad_(False)
    before = head(small.layers(image, ["pool2"])["pool2"].flatten(1))
    means = normalise_filters(small, batches())
    changed = head(small.layers(image, ["pool2"])["pool2"].flatten(1))
    assert float((changed - before).abs().max() / before.abs().max()) > 1e-2
    head.weight *= means["conv2_2"].float().repeat_interleave(4 * 5)
    after = head(small.layers(image, ["pool2"])["pool2"].flatten(1))
    assert float((after - before).abs().max() / before.abs().max()) < 1e-5


def test_every_live_filter_is_active_at_one_and_a_dead_one_is_scaled_as_the_others(small: VGG) -> None:
    means = normalise_filters(small, batches())
    assert list(means) == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    for name, found in mean_activations(small, batches()).items():
        dead = [DEAD[name]] if name in DEAD else []
        live = [index for index in range(len(found)) if index not in dead]
        np.testing.assert_allclose(found[live], 1, atol=0.01)
        others = float(means[name][live].mean())
        assert all(float(found[index]) == 0 and float(means[name][index]) == pytest.approx(others) for index in dead)


def test_what_a_nearly_dead_filter_shows_is_not_amplified(small: VGG) -> None:
    layer = small.get_submodule("conv2_1")
    layer.get_parameter("weight")[4] *= 1e-4
    layer.get_parameter("bias")[4] *= 1e-4
    alone = float(mean_activations(small, batches())["conv2_1"][4])
    means = normalise_filters(small, batches())
    found = mean_activations(small, batches())["conv2_1"]
    others = [index for index in range(len(found)) if index != 4]
    np.testing.assert_allclose(found[others], 1, atol=0.01)
    assert 0 < float(found[4]) == pytest.approx(alone / float(means["conv2_1"][others].mean()), rel=1e-4)
    assert float(found[4]) < DEAD_PART


def test_a_layer_in_which_no_filter_fires_keeps_its_scale(small: VGG) -> None:
    small.get_submodule("conv2_2").get_parameter("bias").fill_(-100)
    assert bool((normalise_filters(small, batches())["conv2_2"] == 1).all())


def test_each_map_is_the_map_before_over_its_mean(small: VGG) -> None:
    image, names = batches()[1], small.names
    before, weights = small.layers(image, names), copy.deepcopy(small.state_dict())
    means = normalise_filters(small, iter(batches()))
    after = small.layers(image, names)
    for name in names:
        mean = means[name.replace("pool", "conv") + ("_2" if "pool" in name else "")].float().view(1, -1, 1, 1)
        np.testing.assert_allclose(after[name] * mean, before[name], atol=1e-5, rtol=1e-4)
    own, previous = means["conv2_1"][4], means["conv1_2"][2]
    expected = weights["conv2_1.weight"][4, 2].double() * previous / own
    np.testing.assert_allclose(small.state_dict()["conv2_1.weight"][4, 2], expected, rtol=1e-6)
    np.testing.assert_allclose(
        small.state_dict()["conv2_1.bias"][4], weights["conv2_1.bias"][4].double() / own, rtol=1e-6
    )


def test_the_mean_counts_every_position_of_every_image_alike(small: VGG) -> None:
    maps = [small.layers(batch, ["conv1_1"])["conv1_1"].double() for batch in batches()]
    expected = torch.cat([features.transpose(0, 1).flatten(1) for features in maps], dim=1).mean(dim=1)
    np.testing.assert_allclose(mean_activations(small, batches())["conv1_1"], expected, rtol=1e-12)


def test_a_second_time_changes_nothing(small: VGG) -> None:
    normalise_filters(small, batches())
    again = normalise_filters(small, batches())
    assert all(float((mean - 1).abs().max()) < 1e-5 for mean in again.values())


def test_no_image_is_an_error(small: VGG) -> None:
    before = copy.deepcopy(small.state_dict())
    with pytest.raises(UserError, match="images: none given; measure the activations of VGG-4"):
        normalise_filters(small, [])
    assert all(torch.equal(tensor, before[name]) for name, tensor in small.state_dict().items())


def test_the_real_vgg16_is_normalised_on_real_photographs() -> None:
    network = vgg16.build().requires_grad_(False)
    try:
        vgg16.import_weights(network, embedded.locate(vgg16.EMBEDDED))
        sources = photographs.DATASET.locate(None)["train"]
    except UserError as error:
        pytest.skip(str(error))
    pictures = [read_image(source.path) for source in sources[:6]]
    crops = [torch.from_numpy(picture[:96, :96].copy()).permute(2, 0, 1)[None].float() / 255 for picture in pictures]
    deepest = network.layers(crops[0], ["conv5_3"])["conv5_3"]
    raw = mean_activations(network, crops)
    means = normalise_filters(network, crops)
    assert sum(len(mean) for mean in means.values()) == 4224
    # the release's activations are in the hundreds, and differ a thousandfold between layers
    assert float(raw["conv3_1"].mean()) > 100 > 10 > float(raw["conv5_3"].mean()) > 0.1
    for name, found in mean_activations(network, crops).items():
        live = raw[name] > DEAD_PART * raw[name].mean()
        np.testing.assert_allclose(found[live], 1, atol=0.01)
    after = network.layers(crops[0], ["conv5_3"])["conv5_3"] * means["conv5_3"].float().view(1, -1, 1, 1)
    assert float((after - deepest).abs().max() / deepest.abs().max()) < 1e-5
