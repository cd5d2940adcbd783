"""A training patch that a network can't take, or that leaves weights without a gradient, is refused at planning."""

from dataclasses import replace
from typing import Any

import pytest
from _plans import at_ci, planned

from lossbench import plugins
from lossbench.errors import UserError
from pipeline.config.read import Configuration
from pipeline.planning import parts
from pipeline.planning.plan import Plan
from pipeline.specs.train import TrainSpec

SCALE = "config/scale/ci.yaml"
TASK = "super_resolution_x4"


def changed(name: str, per_task: dict[str, dict[str, Any]] | None = None, **recipe: Any) -> Configuration:
    """Return the configuration at the scale ci with changes of the recipe of one network."""
    read = at_ci()
    network = read.scale.networks[name]
    network = network.model_copy(
        update={"recipe": network.recipe.model_copy(update=recipe), "per_task": per_task or {}}
    )
    scale = read.scale.model_copy(update={"networks": {**read.scale.networks, name: network}})
    return replace(read, scale=scale)


def refusal(read: Configuration, name: str, task: str = TASK) -> str:
    with pytest.raises(UserError) as caught:
        parts.recipe(read, name, task)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", plugins.names("networks"))
def test_less_than_the_least_patch_is_refused(name: str) -> None:
    least = plugins.constant("networks", name, "LEAST_PATCH")
    task = TASK if plugins.constant("networks", name, "WINDOW", 1) == 1 else "video_denoising"
    assert parts.recipe(changed(name, patch=least), name, task).patch == least
    said = refusal(changed(name, patch=least - 1), name, task)
    assert said.startswith(
        f"{SCALE}: networks.{name}.recipe.patch: {least - 1} px, but some weights of '{name}' get no"
    )
    assert f"below {least} px" in said and f"give {least} or more" in said


def test_the_plan_of_a_table_refuses_it() -> None:
    with pytest.raises(UserError, match=r"networks\.rfdn\.recipe\.patch: 16 px, .* below 27 px"):
        Plan(changed("rfdn", patch=16))


def test_the_patch_of_a_task_is_named_where_it_stands() -> None:
    read = changed("rfdn", {TASK: {"patch": 20}, "super_resolution_x2": {"steps": 3}})
    assert refusal(read, "rfdn").startswith(f"{SCALE}: networks.rfdn.per_task.{TASK}.patch: 20 px, but some weights")
    assert parts.recipe(read, "rfdn", "super_resolution_x2").steps == 3
    read = changed("rfdn", {TASK: {"steps": 3}}, patch=20)
    assert refusal(read, "rfdn").startswith(f"{SCALE}: networks.rfdn.recipe.patch: 20 px")


@pytest.mark.parametrize(
    ("name", "patch", "remedy"),
    [
        ("sid", 40, "takes multiples of 16; give 32 or 48"),
        ("drbn", 10, "takes multiples of 4; give 8 or 12"),
        ("mprnet", 20, "takes multiples of 8; give 16 or 24"),
        ("innformer", 12, "takes multiples of 8; give 8 or 16"),
    ],
)
def test_a_patch_that_the_network_does_not_take_is_refused(name: str, patch: int, remedy: str) -> None:
    said = refusal(changed(name, patch=patch), name)
    assert said == f"{SCALE}: networks.{name}.recipe.patch: {patch} px, but '{name}' {remedy}"


def test_rfdn_of_the_demo_sees_as_many_pixels_as_edsr() -> None:
    plan = planned("demo")
    for scale in (2, 4):
        pixels = []
        for network in ("edsr", "rfdn"):
            spec = plan.job("train", (f"super_resolution_x{scale}", "photographs", network, "original", "0")).spec
            assert isinstance(spec, TrainSpec)
            pixels.append(spec.recipe.batch * spec.recipe.patch**2)
        assert pixels[0] == pixels[1]
