"""Torch's settings that decide what a new tensor is, as a fresh process has them."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def fresh_defaults() -> Iterator[None]:
    """Make tensors float32, on the CPU and fit for training in the block, whatever its surroundings have set.

    Those are `torch.set_default_dtype`, `torch.set_default_device`, `torch.device` as a context, and inference mode.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device("cpu"), torch.inference_mode(False):
            yield
    finally:
        torch.set_default_dtype(before)
