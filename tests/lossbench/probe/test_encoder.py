"""The probe tells an encoder that sees the kind of a degradation from one that sees none."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lossbench.device import to_tensor
from lossbench.probe.encoder import Probe, probe
from pipeline.learning.sampling import Crops
from pipeline.outputs.arrays import Arrays


@pytest.fixture(scope="module")
def image(targets: Path) -> Tensor:
    crops = Crops([(Arrays(targets), 1)], "train", patch=32, batch=24, seed=0, augment=False)
    return to_tensor(crops.draw(0)[0], torch.device("cpu"))


def high_pass(image: Tensor) -> Tensor:
    """Return differences of neighbours of first and second order: a map (N, 12, h, w)."""
    first = image[..., 1:, :] - image[..., :-1, :], image[..., 1:] - image[..., :-1]
    second = first[0][..., 1:, :] - first[0][..., :-1, :], first[1][..., 1:] - first[1][..., :-1]
    size = image.shape[-2] - 2, image.shape[-1] - 2
    return torch.cat([part[..., : size[0], : size[1]].abs() for part in (*first, *second)], dim=1)


def tokens(image: Tensor) -> Tensor:
    """Return the same features as tokens (N, L, D)."""
    return high_pass(image).flatten(2).transpose(1, 2)


def constant(image: Tensor) -> Tensor:
    return torch.ones(len(image), 8, 4, 4)


def rows(found: Probe) -> dict[str, tuple[float, float, float]]:
    return {name: rest for name, *values in found.rows for rest in [(values[0], values[1], values[2])]}


@pytest.mark.parametrize("encode", [high_pass, tokens, constant])
def test_the_degradations_have_equal_psnr(encode: object, image: Tensor) -> None:
    found = rows(probe(encode, image))  # type: ignore[arg-type]
    assert list(found) == ["blur", "noise", "shift"]
    assert [psnr for psnr, _, _ in found.values()] == pytest.approx([30.0] * 3, abs=0.1)


def test_a_high_pass_encoder_recognises_and_a_constant_one_guesses(image: Tensor) -> None:
    seen, blind = probe(high_pass, image), probe(constant, image)
    assert seen.chance == blind.chance == pytest.approx(1 / 3)
    assert blind.accuracy == pytest.approx(1 / 3)
    assert [distance for _, distance, _ in rows(blind).values()] == [0.0, 0.0, 0.0]
    assert seen.accuracy > 0.8
    assert min(distance for _, distance, _ in rows(seen).values()) > 0


def test_an_encoder_that_averages_everything_sees_less_than_one_that_keeps_detail(image: Tensor) -> None:
    def average(image: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(image, 1)

    assert probe(high_pass, image).accuracy > probe(average, image).accuracy + 0.1


def test_tokens_and_maps_of_the_same_features_are_judged_alike(image: Tensor) -> None:
    first, second = probe(high_pass, image), probe(tokens, image)
    assert first.accuracy == second.accuracy
    assert first.rows[0][2] == pytest.approx(second.rows[0][2])


def test_the_probe_is_the_same_each_time(image: Tensor) -> None:
    assert probe(high_pass, image) == probe(high_pass, image)


def test_flat_crops_give_finite_results() -> None:
    found = probe(high_pass, torch.full((4, 3, 16, 16), 0.5))
    assert 0 <= found.accuracy <= 1
