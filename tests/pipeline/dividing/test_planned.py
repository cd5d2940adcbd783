"""A batch that can't be divided as a scale asks is refused when it is planned; what is divided is planned as before."""

from dataclasses import replace
from typing import Any

import pytest
from _plans import at_ci

from lossbench.errors import UserError
from pipeline.config.read import Configuration
from pipeline.dividing.planned import processes
from pipeline.planning.parts import pretrain_spec, recipe
from pipeline.planning.plan import Plan

SCALE = "config/scale/ci.yaml"
TASK = "super_resolution_x4"


def changed(
    shelf: str = "networks", name: str = "edsr", gpus: int = 0, own: int | None = None, **entries: Any
) -> Configuration:
    """Return the configuration at the scale ci with entries of one network changed, and its number of GPUs."""
    read = at_ci()
    networks = dict(getattr(read.scale, shelf))
    networks[name] = networks[name].model_copy(update={"gpus": own, **entries})
    return replace(read, scale=read.scale.model_copy(update={shelf: networks, "gpus": gpus}))


def test_a_batch_that_can_not_be_divided_is_refused_with_entry_and_value() -> None:
    batch = at_ci().scale.networks["edsr"].recipe.batch
    with pytest.raises(UserError) as caught:
        recipe(changed(gpus=batch + 1), "edsr", TASK)
    assert str(caught.value) == (
        f"{SCALE}: networks.edsr.recipe.batch: {batch} can't be divided by gpus: {batch + 1}; set networks.edsr.gpus "
        "and networks.edsr.accumulate to numbers whose product divides it, such as 1 and 1"
    )
    with pytest.raises(UserError, match=f"divided by gpus: 2 times networks.edsr.accumulate: {batch};"):
        recipe(changed(gpus=2, accumulate=batch), "edsr", TASK)
    assert recipe(changed(accumulate=batch), "edsr", TASK).batch == batch
    read = at_ci()
    name = next(name for name, one in read.scale.loss_networks.items() if one.recipe and not one.judgements)
    with pytest.raises(UserError, match=rf"loss_networks\.{name}\.recipe\.batch: \d+ can't be divided by gpus: 1009;"):
        pretrain_spec(changed("loss_networks", name, gpus=1009), name, "toy", TASK, 0)


def test_a_network_may_have_fewer_gpus_than_the_scale() -> None:
    assert recipe(changed(gpus=1009, own=1), "edsr", TASK).batch == at_ci().scale.networks["edsr"].recipe.batch
    assert [processes(*given) for given in ((0, None), (1, None), (4, None), (4, 2))] == [1, 1, 4, 2]


@pytest.mark.parametrize("gpus", [0, 1, 3])
def test_a_network_with_more_gpus_than_the_scale_is_refused(gpus: int) -> None:
    with pytest.raises(
        UserError, match=rf"networks\.edsr\.gpus: 4 are more than the scale has; give {max(1, gpus)}, or"
    ):
        recipe(changed(gpus=gpus, own=4), "edsr", TASK)


def test_parts_of_a_network_with_batch_normalisation_are_refused() -> None:
    with pytest.raises(UserError, match=r"networks\.dncnn\.accumulate: 2, but 'dncnn' has batch normalisation"):
        recipe(changed(name="dncnn", accumulate=2), "dncnn", TASK)
    assert recipe(changed(name="dncnn", gpus=2), "dncnn", TASK).batch % 2 == 0


def test_parts_reach_the_command_and_change_neither_spec_nor_digest() -> None:
    plain, divided = Plan(at_ci()), Plan(changed(accumulate=2))
    key = next(key for key in plain.jobs["train"] if key[2] == "edsr")
    one, other = plain.jobs["train"][key], divided.jobs["train"][key]
    assert (one.accumulate, other.accumulate) == (1, 2)
    assert (one.spec.canonical(), one.digest) == (other.spec.canonical(), other.digest)


def test_accumulate_of_what_is_not_pretrained_is_refused() -> None:
    network = at_ci().scale.loss_networks
    imported = next(one for one in network.values() if one.recipe is None)
    with pytest.raises(
        ValueError, match="gpus and accumulate are for what is pre-trained by reconstruction; leave them out"
    ):
        type(imported).model_validate({**imported.model_dump(), "accumulate": 2})
