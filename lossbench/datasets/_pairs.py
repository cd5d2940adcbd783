"""A target and its low-quality partner must fit each other."""

from __future__ import annotations

from collections.abc import Sequence

from lossbench.errors import UserError


def check_pair_sizes(
    target_shape: Sequence[int], low_quality_shape: Sequence[int], scale: int, names: tuple[str, str]
) -> None:
    """Check that the low-quality height and width times `scale` are the target's, both shapes being (..., H, W, C).

    `names` are the files of the target and of its partner. Raises UserError with both names and sizes.
    """
    target = tuple(target_shape[-3:-1])
    low_quality = tuple(low_quality_shape[-3:-1])
    if target != tuple(side * scale for side in low_quality):
        raise UserError(
            f"{names[1]}: {low_quality[0]} x {low_quality[1]} pixels (height x width) times scale {scale} do not give"
            f" the {target[0]} x {target[1]} of {names[0]}; replace the low-quality file or correct the scale"
        )
