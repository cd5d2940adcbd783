"""Settings of the losses on a transformer encoder: token order, class token, layer and norm."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lossbench import loss_networks, losses
from lossbench.errors import UserError
from lossbench.loss_networks import mae
from lossbench.losses._encoder import shuffled
from lossbench.losses._features import FeatureLoss

SMALL: dict[str, Any] = {
    "image_size": 32,
    "patch": 8,
    "dimension": 16,
    "depth": 3,
    "heads": 2,
    "decoder_dimension": 8,
    "decoder_depth": 1,
    "decoder_heads": 2,
}
BOTH = pytest.mark.parametrize("name", ["kmae", "ctmae"])


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Store a small autoencoder whose norm and class token are not those it starts with."""
    path = tmp_path_factory.mktemp("weights") / "mae.safetensors"
    torch.manual_seed(0)
    network: Any = loss_networks.build("mae", **SMALL)
    with torch.no_grad():
        network.norm.weight.uniform_(0.5, 2.0)
        network.cls_token.normal_()
    loss_networks.save(network, path, {})
    return path


def build(weights: Path, name: str = "kmae", **settings: Any) -> FeatureLoss:
    loss = losses.build(name, weights=weights, **settings)
    assert isinstance(loss, FeatureLoss)
    return loss


def network(weights: Path) -> mae.MAE:
    loaded, _ = loss_networks.load(weights)
    assert isinstance(loaded, mae.MAE)
    return loaded


def uniform(*shape: int, seed: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


PREDICTION, TARGET = uniform(2, 3, 32, 40, seed=1), uniform(2, 3, 32, 40, seed=2)


@BOTH
def test_without_settings_the_final_patch_tokens_are_compared_in_their_order(weights: Path, name: str) -> None:
    loss, encoder = build(weights, name), network(weights)
    tokens = [encoder.encode(image) for image in (PREDICTION, TARGET)]
    expected = (tokens[0] - tokens[1]).abs().mean()
    assert tokens[0].shape == (2, 20, 16)
    assert torch.equal(loss.terms(PREDICTION, TARGET)[name], expected)
    spelt = build(weights, name, token_order="aligned", class_token=False, layer=None, norm=True)
    assert torch.equal(spelt(PREDICTION, TARGET), loss(PREDICTION, TARGET))
    assert loss(TARGET, TARGET).item() == 0


def test_the_class_token_comes_first_and_counts_as_one_token(weights: Path) -> None:
    encoder = network(weights)
    tokens = [encoder.encode(image, class_token=True) for image in (PREDICTION, TARGET)]
    assert tokens[0].shape == (2, 21, 16)
    assert torch.equal(tokens[0][:, 1:], encoder.encode(PREDICTION))
    found = build(weights, class_token=True).terms(PREDICTION, TARGET)["kmae"]
    distances = (tokens[0] - tokens[1]).abs().mean(dim=(0, 2))
    assert found.item() == pytest.approx((distances[0] + 20 * distances[1:].mean()).item() / 21, rel=1e-5)
    assert found.item() != pytest.approx(distances[1:].mean().item(), rel=1e-4)


@BOTH
def test_shuffled_tokens_are_compared_with_other_patches(weights: Path, name: str) -> None:
    aligned = build(weights, name).terms(PREDICTION, TARGET)
    loss = build(weights, name, token_order="shuffled", generator=seeded(5))
    first, second = (loss.terms(PREDICTION, TARGET) for _ in range(2))
    assert torch.equal(first["pixel"], aligned["pixel"])
    assert len({terms[name].item() for terms in (aligned, first, second)}) == 3
    # not zero at equality: the two permutations of a call differ
    assert loss.terms(TARGET, TARGET)[name].item() > 1e-3
    again = build(weights, name, token_order="shuffled", generator=seeded(5)).terms(PREDICTION, TARGET)
    assert torch.equal(again[name], first[name])


def test_shuffling_draws_from_the_global_generator_when_none_is_given(weights: Path) -> None:
    loss = build(weights, token_order="shuffled")
    state = torch.get_rng_state()
    first, second = loss(PREDICTION, TARGET), loss(PREDICTION, TARGET)
    torch.set_rng_state(state)
    assert torch.equal(loss(PREDICTION, TARGET), first)
    assert not torch.equal(first, second)
    build(weights)(PREDICTION, TARGET)
    torch.set_rng_state(state)
    build(weights)(PREDICTION, TARGET)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_shuffled_loss_is_the_mean_over_pairs_of_patches_in_expectation(weights: Path) -> None:
    loss, encoder = build(weights, token_order="shuffled", generator=seeded(7)), network(weights)
    tokens, others = encoder.encode(PREDICTION), encoder.encode(TARGET)
    expected = (tokens[:, :, None] - others[:, None]).abs().mean().item()
    found = torch.stack([loss.terms(PREDICTION, TARGET)["kmae"] for _ in range(200)]).mean().item()
    assert found == pytest.approx(expected, rel=0.005)
    assert build(weights).terms(PREDICTION, TARGET)["kmae"].item() != pytest.approx(expected, rel=0.005)


def test_every_image_is_shuffled_on_its_own_and_the_class_token_stays() -> None:
    tokens = torch.arange(24.0).reshape(1, 12, 2).repeat(3, 1, 1)
    moved = shuffled(tokens, 1, seeded(3))
    assert torch.equal(moved[:, 0], tokens[:, 0])
    assert not torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[0], tokens[0])
    for image in moved:
        assert torch.equal(image[image[:, 0].argsort()], tokens[0])
    free = torch.stack([shuffled(tokens, 0, seeded(seed))[0, 0, 0] for seed in range(20)])
    assert len(free.unique()) > 5


def test_a_shuffled_loss_still_reaches_the_prediction_and_only_it(weights: Path) -> None:
    prediction, target = PREDICTION.clone().requires_grad_(), TARGET.clone().requires_grad_()
    build(weights, token_order="shuffled", class_token=True, layer=2, generator=seeded(1))(
        prediction, target
    ).backward()
    assert target.grad is None
    assert prediction.grad is not None
    assert bool((prediction.grad != 0).any(dim=1).all())


def test_the_last_layer_with_norm_is_the_default(weights: Path) -> None:
    expected = build(weights)(PREDICTION, TARGET)
    assert torch.equal(build(weights, layer=3)(PREDICTION, TARGET), expected)
    values = [
        build(weights, layer=layer, norm=norm)(PREDICTION, TARGET) for layer in (1, 2, 3) for norm in (True, False)
    ]
    assert len({value.item() for value in values}) == 6


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_tokens_of_a_layer_are_those_that_its_block_gave(weights: Path, layer: int) -> None:
    encoder = network(weights)
    given: list[Tensor] = []
    encoder.blocks[layer - 1].register_forward_hook(lambda _module, _inputs, output: given.append(output))
    encoder.encode(TARGET)
    assert torch.equal(encoder.encode(TARGET, class_token=True, layer=layer, norm=False), given[0])
    assert torch.equal(encoder.encode(TARGET, layer=layer), encoder.norm(given[0])[:, 1:])


@pytest.mark.parametrize(
    ("layer", "norm", "expected"), [(1, True, [0, 3]), (2, False, [0, 1]), (None, True, [0, 1, 2, 3])]
)
def test_nothing_beyond_the_layer_is_computed(
    weights: Path, layer: int | None, norm: bool, expected: list[int]
) -> None:
    loss = build(weights, layer=layer, norm=norm)
    encoder: Any = loss.network
    ran: list[int] = []
    for index, module in enumerate([*encoder.blocks, encoder.norm]):
        module.register_forward_hook(lambda *_, index=index: ran.append(index))
    loss(PREDICTION, TARGET)
    assert ran == 2 * expected


@BOTH
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"token_order": "shufled"}, "unknown token_order 'shufled'; did you mean 'shuffled'"),
        ({"token_order": 1}, "unknown token_order '1'; known: aligned, shuffled"),
        ({"class_token": "yes"}, "class_token = 'yes' is neither true nor false"),
        ({"norm": 0}, "norm = 0 is neither true nor false"),
        ({"layer": 4}, "layer: 4 is not a block of the encoder; choose a number from 1 to 3, or none"),
        ({"layer": 0}, "layer: 0 is not a block"),
        ({"layer": -1}, "layer: -1 is not a block"),
        ({"layer": True}, "layer: True is not a block"),
        ({"layer": "last"}, "layer: 'last' is not a block"),
        ({"class_tokens": True}, "did you mean 'class_token'"),
    ],
)
def test_a_setting_that_does_not_exist_is_named_when_the_loss_is_built(
    weights: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=f"loss '{name}'.*{message}"):
        build(weights, name, **settings)
