"""Arguments that networks do not have, or not of that type or size."""

from typing import Any

import pytest

from lossbench.errors import UserError
from lossbench.networks import build, parameter_count

EMPTY = [("channels", 3), ("blocks", 0), ("attention_channels", 0), ("scale", 0)]
"""What leaves a layer of RFDN without channels."""
COUNTED = ["in_channels", "out_channels", "scale", "width"]
"""What SID has at least one of."""


def test_an_unknown_argument_is_named_with_its_neighbour() -> None:
    with pytest.raises(UserError, match="network 'edsr' takes no argument 'chanels'; did you mean 'channels'"):
        build("edsr", chanels=8)


@pytest.mark.parametrize("value", ["64", 64.0, True, None, [64]])
def test_a_value_of_the_wrong_type_is_named(value: object) -> None:
    with pytest.raises(UserError, match=r"network 'edsr': channels: .* is not of type int; give a value like 64"):
        build("edsr", channels=value)


def test_a_whole_number_does_for_a_float() -> None:
    assert parameter_count(build("edsr", channels=4, blocks=1, residual_scale=1)) > 0


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("dncnn", {"bands": 0}, "bands 0"),
        ("dncnn", {"channels": 0}, "channels 0"),
        ("dncnn", {"depth": 1}, "depth 1; give 1, 1 and 2 or more"),
        ("dncnn", {"momentum": 0.0}, "momentum: 0.0"),
        ("dncnn", {"momentum": 1.5}, "momentum: 1.5"),
        ("drbn", {"bands": 0}, "bands 0"),
        ("drbn", {"width": 1}, "width 1"),
        ("drbn", {"recurrences": 0}, "recurrences 0"),
        ("drbn", {"stage_distance": "sim"}, "stage_distance: unknown 'sim'; did you mean 'ssim'"),
        ("edsr", {"scale": 5}, "x5; give 2, 3 or 4"),
        ("edsr", {"scale": 1}, "x1; give 2, 3 or 4"),
        ("edsr", {"channels": 0}, "channels 0"),
        ("edsr", {"blocks": -1}, "blocks -1"),
        ("edsr", {"bands": 4, "mean_shift": True}, "3 bands, the pictures 4"),
        ("enhancenet", {"scale": 2}, "x2; give 4"),
        ("enhancenet", {"channels": 0}, "channels 0"),
        ("enhancenet", {"blocks": -1}, "blocks -1"),
        ("enhancenet", {"bands": 4}, "the pictures have 4 bands; give 3"),
        ("enhancenet", {"bicubic": "half"}, "no 'half'; .*half_pixel"),
        *[("fastdvdnet", {argument: 0}, rf"{argument} 0.*counts of 1 or more") for argument in ("bands", "channels")],
        ("fastdvdnet", {"frame_channels": 0}, "frame_channels 0"),
        ("fastdvdnet", {"first_residual": -0.1}, "first_residual: -0.1 is no factor"),
        ("innformer", {"window_order": "relased"}, "unknown 'relased'; did you mean 'released'"),
        ("innformer", {"features": 2}, "features 2"),
        ("innformer", {"features": 9}, "features 9"),
        ("innformer", {"bands": 0}, "bands 0"),
        *[("mbllven", {argument: 0}, f"{argument} 0") for argument in ("in_channels", "out_channels", "branches")],
        ("mbllven", {"channels": 3}, "channels 3; give 1, 1, 1 and 4 or more"),
        ("mprnet", {"features": 3}, "features 3"),
        ("mprnet", {"unet_step": -1}, "unet_step -1"),
        ("mprnet", {"bands": 0}, "bands 0"),
        ("mprnet", {"edge_weight": -0.1}, "edge_weight: -0.1 is negative"),
        ("enhancenet", {"first_residual": -0.1}, "first_residual: -0.1 is no factor"),
        ("enhancenet", {"first_residual": float("nan")}, "first_residual: nan is no factor"),
        *[("rfdn", {argument: value}, "leave a layer empty") for argument, value in EMPTY],
        ("sfinet", {"width": 3}, "width 3"),
        ("sfinet", {"bands": 0}, "bands 0"),
        *[("sid", {argument: 0}, rf"{argument} 0.*give counts of 1 or more") for argument in COUNTED],
    ],
)
def test_what_a_network_does_not_have_is_named(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build(name, **arguments)
