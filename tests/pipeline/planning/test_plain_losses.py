"""Losses without a loss network in a table: on top of its pixel loss unless the configuration says otherwise."""

from dataclasses import replace
from typing import Any

import pytest
from _plans import at_ci

from lossbench import losses
from lossbench.errors import UserError
from pipeline.config.losses import Loss
from pipeline.planning.parts import loss_spec
from pipeline.planning.words import settings

TABLE = "mae_loss/table3"


def of(loss: Loss, name: str = "structure", pixel: str = "l2") -> tuple[dict[str, Any], list[str]]:
    """Return the arguments of a loss in a table of the pixel loss `pixel`, and what the table's notes say of it."""
    found = at_ci()
    read = replace(found, losses={**found.losses, name: loss})
    table = read.tables[TABLE].model_copy(update={"losses": ("original", name), "pixel": pixel})
    spec = loss_spec(read, name, pixel, "super_resolution_x2", 0)
    assert losses.build(spec.name, **spec.arguments).weights
    return spec.arguments, [text for text in settings(read, table) if text.startswith(f"{name}:")]


@pytest.mark.parametrize("file", ["ssim", "ms_ssim", "fft", "gradient"])
def test_it_is_on_top_of_the_pixel_loss_of_the_table(file: str) -> None:
    arguments, said = of(Loss(loss=file, arguments={"weight": 0.5}, source="a trial"))
    assert arguments == {"pixel": "l2", "weight": 0.5}
    assert said == ["structure: l2 + weight 0.5 (a trial)"]
    arguments, said = of(Loss(loss=file, source="a trial"))
    assert arguments == {"pixel": "l2"} and said == ["structure: l2 + defaults (a trial)"]


def test_it_stands_alone_where_the_configuration_says_so() -> None:
    arguments, [said] = of(Loss(loss="ms_ssim", arguments={"pixel": None, "scales": 3}, source="a trial"))
    assert arguments == {"pixel": None, "scales": 3}
    assert "l2 +" not in said


@pytest.mark.parametrize("file", ["l1", "charbonnier"])
def test_a_pixel_loss_takes_none_of_the_table(file: str) -> None:
    arguments, said = of(Loss(loss=file, source="a trial"))
    assert arguments == {} and said == []


def test_what_it_does_not_take_is_named_at_planning() -> None:
    with pytest.raises(UserError, match=r"structure.arguments: unknown norm 'orto'; did you mean 'ortho'"):
        of(Loss(loss="fft", arguments={"norm": "orto"}))
    with pytest.raises(UserError, match="'ssim' takes no argument 'scales'"):
        of(Loss(loss="ssim", arguments={"scales": 3}))
