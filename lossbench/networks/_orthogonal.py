"""Kernels of convolutions made orthogonal: a regulariser of denoisers, applied every few training steps.

Published with FastDVDnet (Tassano et al., CVPR 2020): every tenth step, until the last tenth or so of the training.
A training calls `orthogonalise(network)` before the forward pass of such a step; which ones depends on the step alone.
"""

import torch
from torch import Tensor, nn


@torch.no_grad()
def orthogonalise(network: nn.Module) -> None:
    """Replace in place the kernel of every 2-D convolution of `network` by `orthogonalised(kernel)`."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_(orthogonalised(layer.weight))


def orthogonalised(kernel: Tensor) -> Tensor:
    """Return the kernel nearest to `kernel` (outputs, inputs, height, width) whose filters are orthonormal.

    Where there are more filters than each has values, those values are orthonormal over the filters. The singular
    values of the matrix (outputs, all others) become one; it is computed in float32 or better, and returned in the
    dtype of `kernel`. What is orthogonal stays as it is.
    """
    matrix = kernel.flatten(1).to(torch.promote_types(kernel.dtype, torch.float32))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    nearest: Tensor = left @ right
    return nearest.view(kernel.shape).to(kernel.dtype)
