"""INNformer: pan-sharpening by matching windows of the two images and fusing them in invertible blocks.

Zhou et al., "Pan-Sharpening with Customized Transformer and Invertible Neural Network", AAAI 2022, after the released
code. Two things differ on purpose. That code enlarges the multi-spectral image itself (bicubic, corners aligned);
here it comes enlarged. It also reshapes its windows without moving their axis first, so that each of them is a
scramble of positions from all over the picture; here windows are windows unless `window_order` is "released".

Instance normalisation and channel attention see means over the picture, so no overlap makes tiles equal the whole
picture exactly. Apart from these means a pixel depends on none further than 50 px away, if `window_order` is
"corrected": 1 in the projections, 23 in the windows, 24 in the invertible blocks and 2 in the refinement.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lossbench.errors import UserError, nearest
from lossbench.networks import Sizes
from lossbench.networks._invertible import REDUCTION, ConvolutionUnit, InvertibleBlock, draw_convolutions, refinement

SOURCE = "Zhou et al., AAAI 2022 (INNformer); released network of 16 features"
PUBLISHED: Sizes = {
    "4 bands": {},
    "8 features, 4 bands": {"features": 8},
    "8 features, 8 bands": {"features": 8, "bands": 8},
}
LEAST_PATCH = 8
"""Its least input: all convolutions are at the size of the input, or of the windows, which are larger."""
MULTIPLE = 8
"""What sides must be multiples of, in pixels: the distance of the windows."""
ORDERS = ("corrected", "released")
"""What a window holds: its own pixels, or the released code's scramble."""
SIDE, STRIDE = 24, MULTIPLE
"""Side and distance of the windows, in pixels; they begin STRIDE pixels outside the picture."""
PATCH = 3
"""Side of the patches that are matched within a window."""
HIDDEN = 16
"""Width inside the transforms of the invertible blocks, whatever the number of features."""
WINDOWS_AT_ONCE = 32
"""Windows whose correlations, 1.3 MB each, are held at the same time."""
ZERO = 1e-12
"""Patches shorter than this have similarity 0 to all, and no gradient."""


class LongRange(nn.Module):
    """Adds to each window of the multi-spectral features what its patches have alike in the panchromatic ones."""

    def __init__(self, channels: int, window_order: str) -> None:
        super().__init__()
        self.window_order = window_order
        self.windows_at_once = WINDOWS_AT_ONCE
        self.merge = nn.Conv2d(2 * channels, channels, 3, padding=1)
        self.spread = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, spectral: Tensor, panchromatic: Tensor) -> Tensor:
        """Map two feature maps (N, C, H, W), sides multiples of 8, to the sum (N, C, H, W) of overlapping windows.

        The sum is not divided by the number of windows: 9 in the interior, 6 within 8 px of a border, 4 in corners.
        """
        pieces = [
            self._transferred(queries, keys)
            for queries, keys in zip(
                self._windows(spectral).split(self.windows_at_once),
                self._windows(panchromatic).split(self.windows_at_once),
                strict=True,
            )
        ]
        columns = torch.cat(pieces).view(len(spectral), -1, *self._column_shape(spectral))
        if self.window_order == "corrected":
            columns = columns.movedim(1, -1)
        columns = columns.reshape(len(spectral), -1, spectral.shape[2] * spectral.shape[3] // STRIDE**2)
        return F.fold(columns, spectral.shape[-2:], SIDE, padding=STRIDE, stride=STRIDE)

    def _windows(self, features: Tensor) -> Tensor:
        columns = F.unfold(features, SIDE, padding=STRIDE, stride=STRIDE)  # (N, C * SIDE ** 2, windows)
        if self.window_order == "corrected":
            columns = columns.transpose(1, 2)
        # the released code lacks the line above: values of one window then lie far apart in the picture
        return columns.reshape(-1, *self._column_shape(features))

    def _column_shape(self, features: Tensor) -> tuple[int, int, int]:
        return features.shape[1], SIDE, SIDE

    def _transferred(self, queries: Tensor, keys: Tensor) -> Tensor:
        transferred, similarity = transfer(queries, keys)
        change = self.spread(F.relu(self.merge(torch.cat([transferred, queries], dim=1))))
        enriched: Tensor = change * similarity + queries
        return enriched


def transfer(queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return, for windows (n, C, S, S), the keys' patches that are most like the queries' and how much so.

    For each 3 x 3 patch of `queries` the patch of `keys` with the largest cosine similarity is put in its place;
    overlapping patches are summed and divided by 9: (n, C, S, S). The similarity is (n, 1, S, S) in [-1, 1]. Both in
    float32. The choice has no gradient, so that the correlation of all patches is not kept; the similarity of the
    chosen ones is computed again, with gradient.
    """
    with torch.autocast(queries.device.type, enabled=False):
        query_patches, key_patches = _patches(queries.float()), _patches(keys.float())  # (n, C * 9, S * S)
        query_inverse, key_inverse = _inverse_length(query_patches), _inverse_length(key_patches)
        with torch.no_grad():
            # the length of a query does not change which key is most like it
            # argmax alone takes twice as long
            chosen = (query_patches.transpose(1, 2) @ (key_patches * key_inverse)).max(dim=2).indices  # (n, S * S)
        found = key_patches.gather(2, chosen[:, None].expand_as(query_patches))
        found_inverse = key_inverse.gather(2, chosen[:, None])
        similarity = (found * query_patches).sum(dim=1, keepdim=True) * found_inverse * query_inverse
        transferred = F.fold(found, queries.shape[-2:], PATCH, padding=PATCH // 2) / PATCH**2
        return transferred, similarity.unflatten(2, queries.shape[-2:])


class INNformer(nn.Module):
    """(N, bands + 1, H, W) in [0, 1], H and W multiples of 8, to (N, bands, H, W), not clamped.

    The first `bands` channels are the multi-spectral image, enlarged to the size of the last one, the panchromatic.
    """

    multiple = STRIDE
    minimum = STRIDE
    scale = 1

    def __init__(self, bands: int, features: int, window_order: str, zero_start: bool) -> None:
        super().__init__()
        half = features // 2
        self.in_channels, self.out_channels = bands + 1, bands
        self.project_spectral = nn.Conv2d(bands, half, 3, padding=1)
        self.project_panchromatic = nn.Conv2d(1, half, 3, padding=1)
        self.local = nn.Conv2d(features, half, 3, padding=1)
        self.long_range = LongRange(half, window_order)
        self.blocks = nn.Sequential(*(InvertibleBlock(half, _transform) for _ in range(3)))
        self.fuse = nn.Conv2d(2 * features, features, 1)
        self.refine = refinement(features, bands, zero_start)
        draw_convolutions(self.blocks)
        draw_convolutions(self.fuse)

    def forward(self, low_quality: Tensor) -> Tensor:
        """Return the sharpened image; raises ValueError unless 8 divides height and width."""
        height, width = low_quality.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise ValueError(f"INNformer needs sides that are multiples of 8 px, got {height} x {width}; extend it")
        spectral = self.project_spectral(low_quality[:, :-1])
        panchromatic = self.project_panchromatic(low_quality[:, -1:])
        local = self.local(torch.cat([spectral, panchromatic], dim=1))
        shallow = torch.cat([local, self.long_range(spectral, panchromatic).to(local.dtype)], dim=1)
        deep = self.fuse(torch.cat([shallow, self.blocks(shallow)], dim=1))
        prediction: Tensor = self.refine(deep) + low_quality[:, :-1]
        return prediction


def build(bands: int = 4, features: int = 16, window_order: str = "corrected", zero_start: bool = False) -> INNformer:
    """Return INNformer: torch's default initial weights, Xavier's in the invertible blocks and what fuses them.

    `window_order` is "corrected", or "released" for the scrambled windows of the released code; the numbers of
    weights are equal. With `zero_start`, which is ours for short trainings, the last weights are zero, so that an
    untrained network gives the enlarged image as it is. Raises UserError for another order, less than one band, and
    features that are odd or below 4.
    """
    if window_order not in ORDERS:
        raise UserError(f"window_order: unknown '{window_order}'; {nearest(window_order, ORDERS)}")
    if bands < 1 or features < REDUCTION or features % 2:
        raise UserError(f"INNformer: bands {bands}, features {features}; give 1 band and 4 features or more, even")
    return INNformer(bands, features, window_order, zero_start)


def _transform(half: int) -> nn.Sequential:
    return nn.Sequential(
        ConvolutionUnit(half, HIDDEN, normalised=True),
        nn.LeakyReLU(0.2),
        ConvolutionUnit(HIDDEN, half, normalised=True),
        nn.LeakyReLU(0.2),
    )


def _patches(windows: Tensor) -> Tensor:
    return F.unfold(windows, PATCH, padding=PATCH // 2)


def _inverse_length(vectors: Tensor) -> Tensor:
    """Return one over the L2 norm along dimension 1; 0, without a gradient, for vectors shorter than ZERO."""
    energy = (vectors * vectors).sum(dim=1, keepdim=True)
    return torch.where(energy > ZERO**2, energy.clamp_min(ZERO**2).rsqrt(), 0)
