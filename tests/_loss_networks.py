"""Loss networks small enough for a test, and what they are tried on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench import loss_networks

TRANSFORMER: dict[str, Any] = {
    "image_size": 16,
    "patch": 8,
    "dimension": 16,
    "depth": 1,
    "heads": 2,
    "decoder_dimension": 8,
    "decoder_depth": 1,
    "decoder_heads": 2,
}
TINY: dict[str, dict[str, Any]] = {
    "mae": TRANSFORMER,
    "mae_st": {"frames": 4, **TRANSFORMER},
    "cnn_mae": {"widths": [4, 6, 8, 12], "blocks": [1, 1, 1, 1], "decoder_width": 8, "decoder_blocks": 1},
    "unet_mae": {"channels": 6},
}


@dataclass(frozen=True)
class Kept:
    """A small autoencoder: sides of a masked cell and of a feature's cell in pixels, and channels of its features."""

    small: Mapping[str, Any]
    cell: int
    stride: int
    channels: int
    tokens: bool = False
    clips: bool = False
    learning_rate: float = 3e-3

    def input(self, number: int, height: int, width: int, bands: int = 3, steps: int = 2, seed: int = 1) -> Tensor:
        """Return noise: images (number, bands, height, width), or clips of two frames a step."""
        frames = (2 * steps,) if self.clips else ()
        return uniform(number, *frames, bands, height, width, seed=seed)

    def cells(self, height: int, width: int, steps: int = 2) -> int:
        """Count what is masked as one."""
        return (steps if self.clips else 1) * -(-height // self.cell) * -(-width // self.cell)

    def shape(self, height: int, width: int, steps: int = 2) -> tuple[int, ...]:
        """Return the shape of the features of one input, without its first axis."""
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        positions = (steps if self.clips else 1) * rows * columns
        return (positions, self.channels) if self.tokens else (self.channels, rows, columns)


LARGER = {"image_size": 32, "patch": 16, "depth": 2, "decoder_dimension": 16}
KEPT = {
    "cnn_mae": Kept(TINY["cnn_mae"], cell=16, stride=8, channels=12),
    "mae": Kept({**TINY["mae"], **LARGER}, cell=16, stride=16, channels=16, tokens=True),
    "mae_st": Kept(TINY["mae_st"], cell=8, stride=8, channels=16, tokens=True, clips=True, learning_rate=1e-2),
    "unet_mae": Kept(TINY["unet_mae"], cell=16, stride=4, channels=24),
}


def tiny(name: str, seed: int = 0, **changes: Any) -> Any:
    """Build a small loss network; `changes` replace its arguments."""
    torch.manual_seed(seed)
    return loss_networks.build(name, **{**TINY[name], **changes})


def small(name: str, **changes: Any) -> Any:
    """Build an autoencoder as `KEPT` has it; `changes` replace its arguments."""
    return tiny(name, **{**KEPT[name].small, **changes})


def uniform(*shape: int, seed: int = 1) -> Tensor:
    """Return uniform noise in [0, 1]."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_near(found: Tensor, expected: Tensor, atol: float = 1e-5) -> None:
    """Hold two tensors equal up to `atol`."""
    # torch.testing would import torch's compiler for seconds
    np.testing.assert_allclose(found.detach(), expected.detach(), atol=atol, rtol=0)


def without_blocks(module: Any) -> Any:
    """Let the blocks of a transformer add nothing, so that a token depends on its own patch alone."""
    for block in (*module.blocks, *module.decoder_blocks):
        for layer in (block.attn.proj, block.mlp.fc2):
            torch.nn.init.zeros_(layer.weight)
    return module


def predicting(module: Any, value: float) -> Any:
    """Let the decoder of a transformer predict `value` everywhere."""
    torch.nn.init.zeros_(module.decoder_pred.weight)
    torch.nn.init.constant_(module.decoder_pred.bias, value)
    return module


def normed(tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalise each token as a new layer normalisation does."""
    deviation = np.sqrt(tokens.var(axis=-1, keepdims=True) + 1e-6)
    return np.asarray((tokens - tokens.mean(axis=-1, keepdims=True)) / deviation)
