"""What the networks were published with, and what sizes they are tried in."""

from typing import Any

from _networks import SMALL

FULL = {"channels": 256, "blocks": 32, "residual_scale": 0.1}
BAYER: dict[str, Any] = {"in_channels": 4, "out_channels": 3, "scale": 2, "transposed_bias": False}
COUNTS: list[tuple[str, dict[str, Any], int]] = [
    ("dncnn", {}, 670_531),
    ("dncnn", {"bands": 1, "depth": 17}, 557_057),
    ("dncnn", {"depth": 17}, 559_363),
    ("dncnn", {"bias_everywhere": False}, 669_376),
    ("dncnn", {"bands": 1, "depth": 17, "bias_everywhere": False}, 556_096),
    ("dncnn", {"depth": 17, "bias_everywhere": False}, 558_400),
    ("drbn", {}, 557_668),
    ("drbn", {"recurrences": 1}, 139_417),
    ("drbn", {"recurrences": 4}, 557_668),
    ("edsr", {"scale": 2}, 1_369_859),
    ("edsr", {"scale": 3}, 1_554_499),
    ("edsr", {"scale": 4}, 1_517_571),
    ("edsr", {}, 1_517_571),
    ("edsr", {"scale": 2, "mean_shift": True}, 1_369_859),
    ("edsr", {"scale": 2, **FULL}, 40_729_603),
    ("edsr", {"scale": 3, **FULL}, 43_680_003),
    ("edsr", {"scale": 4, **FULL}, 43_089_923),
    ("enhancenet", {}, 852_867),
    ("enhancenet", {"bicubic": "half_pixel"}, 852_867),
    ("enhancenet", {"bicubic": "legacy"}, 852_867),
    ("innformer", {}, 62_904),
    ("innformer", {"features": 8}, 37_822),
    ("innformer", {"features": 8, "bands": 8}, 38_258),
    ("innformer", {"features": 32}, 138_796),
    ("innformer", {"window_order": "released"}, 62_904),
    ("mprnet", {}, 15_741_025),
    ("mprnet", {"features": 40, "unet_step": 20, "orsnet_step": 16}, 3_637_249),
    ("mprnet", {"features": 96, "unet_step": 48, "orsnet_step": 32}, 20_127_073),
    ("noise2noise", {}, 991_203),
    ("red30", {}, 4_139_395),
    ("rfdn", {}, 433_448),
    ("rfdn", {"attention_channels": 12}, 433_448),
    # the often quoted RFDN-L
    ("rfdn", {"channels": 52, "blocks": 6}, 680_754),
    ("rfdn", {"scale": 2}, 417_212),
    ("rfdn", {"scale": 3}, 423_977),
    ("rfdn", {"scale": 4}, 433_448),
    ("sfinet", {}, 85_270),
    ("sfinet", {"bands": 4}, 85_270),
    ("sfinet", {"bands": 8}, 85_850),
    # what the released driver builds by mistake
    ("sfinet", {"width": 4}, 49_117),
    ("sid", {}, 7_760_163),
    ("sid", {"transposed_bias": False}, 7_759_683),
    ("sid", {"in_channels": 3, "out_channels": 3, "scale": 1, "width": 32, "transposed_bias": True}, 7_760_163),
    ("sid", {"in_channels": 4, "scale": 2, "transposed_bias": False}, 7_760_268),
    ("sid", BAYER, 7_760_268),
    ("vae", {}, 429_729),
    ("vae", {"side": 64, "bands": 3, "width": 64, "latent": 64}, 7_095_171),
]
COSTS: list[tuple[str, dict[str, Any], int, int, float]] = [
    ("dncnn", {}, 128, 8, 10.93),
    ("drbn", {}, 256, 16, 9.38),
    ("edsr", {"scale": 2}, 48, 3, 3.16),
    ("edsr", {"scale": 4}, 48, 3, 4.57),
    ("edsr", {"scale": 2, "channels": 256, "blocks": 32}, 48, 3, 93.85),
    ("edsr", {"scale": 4, "channels": 256, "blocks": 32}, 48, 3, 115.78),
    ("innformer", {}, 128, 128, 7.34),
    ("rfdn", {}, 256, 256, 27.03),
    ("sfinet", {}, 128, 128, 1.32),
    ("sid", {}, 256, 16, 12.08),
]
"""Side of the input that the published cost is of, side of the one that is run, multiplications in billions."""
SIZES: dict[str, list[tuple[dict[str, Any], int, int, int]]] = {
    "dncnn": [({"bands": bands, "channels": 4, "depth": 4}, bands, bands, 1) for bands in (1, 3, 4)],
    "drbn": [({"width": 4, "recurrences": 2}, 3, 3, 1)],
    "edsr": [
        ({"scale": scale, "channels": 4, "blocks": 1, "bands": bands}, bands, bands, scale)
        for scale in (2, 3, 4)
        for bands in (1, 3, 4)
    ],
    "enhancenet": [({**SMALL["enhancenet"], "bicubic": place}, 3, 3, 4) for place in ("half_pixel", "legacy")],
    "innformer": [({**SMALL["innformer"], "window_order": order}, 4, 3, 1) for order in ("corrected", "released")],
    "mprnet": [({**SMALL["mprnet"], "features": 4, "bands": bands}, bands, bands, 1) for bands in (1, 3, 4)],
    "noise2noise": [({"width": 3, "bands": bands}, bands, bands, 1) for bands in (1, 3)],
    "red30": [({"channels": 4, "depth": 3, "bands": bands}, bands, bands, 1) for bands in (1, 3)],
    "rfdn": [
        ({"scale": scale, "channels": channels, "blocks": 2, "bands": bands}, bands, bands, scale)
        for scale in (1, 2, 3, 4)
        for channels in (4, 7, 8)
        for bands in (1, 3)
    ],
    "sfinet": [({"width": 4, "bands": bands}, bands + 1, bands, 1) for bands in (1, 4, 8)],
    "sid": [({"width": 2}, 3, 3, 1), ({"width": 2, **BAYER}, 4, 3, 2)],
    # of one size alone
    "vae": [],
}
"""Arguments, bands of the input and the output, and by how much the sides grow."""
