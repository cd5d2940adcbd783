"""What a distance's spec refuses, and that it is one line of JSON."""

from typing import Any

import pytest

from lossbench.errors import UserError
from pipeline.specs.distance import DistanceSpec

RECIPE: dict[str, Any] = {"steps": 8, "batch": 8, "patch": 16, "learning_rate": 1e-3, "augment": False}
SPEC: dict[str, Any] = {
    "architecture": {"layout": "torchvision"},
    "dataset": "toy",
    "side": 16,
    "recipe": RECIPE,
    "held_out": 6,
    "seed": 3,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"side": 32}, "the recipe's patch of 16 is not the side of 32"),
        ({"side": 15}, "side"),
        ({"recipe": {**RECIPE, "ema": 0.9}}, "the recipe's ema must be null"),
        ({"attack": {"radius": 0}}, "attack.radius"),
        ({"attack": {"radius": 1, "steps": 0}}, "attack.steps"),
        ({"attack": {"radius": 1, "norm": 2}}, "unknown key 'attack.norm'"),
        ({"held_out": 0}, "held_out"),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        DistanceSpec.parse({**SPEC, **changes}, "test")


def test_a_spec_comes_back_equal_from_its_line_of_json_with_the_papers_attack() -> None:
    spec = DistanceSpec.parse({**SPEC, "attack": {"radius": 1.33}}, "test")
    assert DistanceSpec.from_json(spec.canonical()) == spec
    assert spec.attack is not None and (spec.attack.steps, spec.attack.step) == (10, None)
