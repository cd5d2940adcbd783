"""Mean and deviation of the bands of an image, by which loss networks normalise it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lossbench.errors import UserError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet statistics of red, green and blue in [0, 1], as in torchvision and in He et al. 2022."""
BAND_MEAN, BAND_STD = 0.45, 0.225
"""The same averaged over bands, as in Feichtenhofer et al. 2022; for images that are not RGB."""


def check_statistics(bands: int, mean: Sequence[float], std: Sequence[float]) -> None:
    """Raise UserError unless there is one value a band."""
    for name, values in (("mean", mean), ("std", std)):
        if len(values) != bands:
            raise UserError(f"{name}: {len(values)} values for {bands} bands; give one value a band")


def keep_statistic(module: nn.Module, name: str, values: Sequence[float]) -> None:
    """Give `module` the buffer `name` (1, bands, 1, 1) of `values`, which broadcasts over images and over clips."""
    # real even where weights are made on the meta device, since no file fills it
    statistic = torch.tensor(values, dtype=torch.float32, device="cpu").view(1, -1, 1, 1)
    # not in the state dict, so that public weights load strictly
    module.register_buffer(name, statistic, persistent=False)


class Normalising(nn.Module):
    """A network that normalises the `bands` of images in [0, 1] by their `mean` and `std`."""

    mean: Tensor
    std: Tensor

    def __init__(self, bands: int = 3, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> None:
        """Keep the statistics; raises UserError unless there is one value a band."""
        check_statistics(bands, mean, std)
        super().__init__()
        self.bands = bands
        keep_statistic(self, "mean", mean)
        keep_statistic(self, "std", std)

    def normalised(self, image: Tensor) -> Tensor:
        """Return images (N, C, H, W) or clips (N, T, C, H, W) less the mean, over the deviation."""
        return (image - self.mean) / self.std
