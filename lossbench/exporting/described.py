"""What an exported file says of its network: what it is, what it takes, and which code it was."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from lossbench.version import VERSION


def described(stored: Mapping[str, Any], network: nn.Module) -> dict[str, Any]:
    """Return name, arguments, scale, multiple, minimum, bands, window, and version of the `network` stored under those.

    `dynamic` says whether it takes pictures of any size whose sides are multiples of `multiple`.
    """
    names = ("scale", "multiple", "minimum", "in_channels", "out_channels")
    about = {name: int(getattr(network, name)) for name in names}
    window = getattr(network, "window", 1)
    return {**stored, **about, "window": window, "dynamic": not is_of_one_size(network), "lossbench": VERSION}


def is_of_one_size(network: nn.Module) -> bool:
    """Return whether the network takes whole pictures of one size alone, as auto-encoders do."""
    return hasattr(network, "decode")
