"""What a classifier's spec refuses, and that it is one line of JSON."""

from typing import Any

import pytest

from lossbench.errors import UserError
from pipeline.specs.classifier import ClassifierSpec

SPEC: dict[str, Any] = {
    "architecture": "vgg16",
    "dataset": "toy",
    "classes": 3,
    "side": 32,
    "recipe": {"steps": 8, "batch": 2, "patch": 32, "learning_rate": 1e-3},
    "evaluation": {"radius": 1.0, "each": 4},
    "seed": 3,
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": None}, "either a recipe or weights"),
        ({"weights": {"file": "a", "digest": "sha256:000000"}}, "either a recipe or weights"),
        ({"side": 16}, "patch of 32 is not the side of 16"),
        ({"attack": {"radius": 0}}, "attack.radius"),
        ({"classes": 1}, "classes"),
        ({"architecture": "vgg11"}, "architecture"),
        ({"frozen_trunk": True}, "a frozen trunk needs initial weights"),
        ({"frozen_trunk": True, "initial": "trunk", "attack": {"radius": 1}}, "a frozen trunk needs initial weights"),
        (
            {"recipe": None, "weights": {"file": "a", "digest": "b"}, "initial": "trunk"},
            "a classifier from elsewhere is not trained",
        ),
    ],
)
def test_a_spec_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    values = {**SPEC, **changes}
    with pytest.raises(UserError, match=message):
        ClassifierSpec.parse(values, "test")


def test_a_spec_comes_back_equal_from_its_line_of_json() -> None:
    spec = ClassifierSpec.parse({**SPEC, "attack": {"radius": 0.5, "warm_up": 0.4}}, "test")
    assert ClassifierSpec.from_json(spec.canonical()) == spec


def test_the_defaults_are_the_papers_attacks() -> None:
    spec = ClassifierSpec.parse({**SPEC, "attack": {"radius": 0.5}}, "test")
    assert spec.attack is not None
    assert (spec.attack.steps, spec.attack.step, spec.attack.pairing, spec.attack.warm_up) == (5, None, 0.5, 0)
    assert (spec.evaluation.steps, spec.evaluation.step) == (50, None)
