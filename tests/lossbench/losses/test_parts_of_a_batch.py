"""The loss of a batch is the mean of those of its parts: what several GPUs that share a batch rest on."""

import pytest
import torch
from _losses import EVERY, Build, everywhere, pair

from lossbench.losses._draws import part_of_batch, uniform


@EVERY
def test_a_loss_is_the_mean_over_the_parts_of_a_batch(name: str, build: Build) -> None:
    loss = build(name, **everywhere(name))
    prediction, target = pair(4, 3, 32, 32)
    whole = loss(prediction, target).detach()
    halves = torch.stack([loss(prediction[part], target[part]).detach() for part in (slice(2), slice(2, 4))])
    assert float(halves.mean()) == pytest.approx(float(whole), rel=1e-4)
    assert not torch.equal(halves[0], halves[1])


def test_numbers_of_a_part_are_those_of_the_whole() -> None:
    def drawn(first: int | None = None) -> torch.Tensor:
        generator = torch.Generator().manual_seed(5)
        if first is None:
            return uniform(8, 3, generator)
        with part_of_batch(first, 2, 4) as part:
            # two rows a picture, as of clips of two frames
            found = uniform(4, 3, generator)
        assert part.drawn
        return found

    assert torch.equal(torch.cat([drawn(0), drawn(2)]), drawn())
    assert torch.equal(drawn(), torch.rand(8, 3, generator=torch.Generator().manual_seed(5)))
