"""Where and in which arithmetic a job runs."""

import ctypes
import platform
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.errors import UserError
from lossbench.images import largest

Module = TypeVar("Module", bound=nn.Module)

# glibc's mallopt: parameter numbers of <malloc.h>
_TRIM_THRESHOLD, _MMAP_MAX, _LARGEST = -1, -4, 2**31 - 1


@dataclass(frozen=True)
class Device:
    """A device and the arithmetic of the trained network on it."""

    device: torch.device
    dtype: torch.dtype
    """float32, or bfloat16 under autocast."""

    @property
    def name(self) -> str:
        """Return the device's name as printed with results."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"

    @property
    def precision(self) -> str:
        """Return the arithmetic as cards name it: `float32` or `bfloat16`."""
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> torch.autocast:
        """Return the context in which the trained network runs."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def check_arithmetic(self, network: nn.Module) -> None:
        """Raise UserError for bfloat16 on a CPU and convolutions over frames.

        The gradients of their weights are not what they should be there, some not even finite (torch 2.15).
        """
        over_frames = any(isinstance(layer, nn.Conv3d | nn.ConvTranspose3d) for layer in network.modules())
        if over_frames and self.device.type == "cpu" and self.dtype == torch.bfloat16:
            raise UserError(
                "precision: convolutions over frames have wrong gradients in bfloat16 on a CPU; set float32 in "
                "the recipe"
            )

    def place(self, network: Module) -> Module:
        """Move `network` to the device, channels last: faster than channels first in every measured case.

        Kernels over frames too, of five axes, stay as they are: that layout is one of four.
        """

        def placed(tensor: Tensor) -> Tensor:
            layout = torch.channels_last if tensor.ndim == 4 else torch.preserve_format
            return tensor.to(self.device, memory_format=layout)

        return network._apply(placed)  # type: ignore[no-untyped-call,no-any-return]


def choose(precision: str, threads: int) -> Device:
    """Choose the device and arithmetic of a job; `precision` is `auto`, `float32` or `bfloat16`.

    `auto` takes bfloat16 where the device is faster in it: GPUs from compute capability 8, CPUs with AMX, and those of
    AMD with AVX-512 BF16.
    """
    torch.set_num_threads(threads)
    cuda = torch.cuda.is_available()
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    else:
        keep_memory()
    native = torch.cuda.get_device_capability() >= (8, 0) if cuda else cpu_multiplies_bfloat16()
    bfloat16 = precision == "bfloat16" or (precision == "auto" and native)
    return Device(torch.device("cuda" if cuda else "cpu"), torch.bfloat16 if bfloat16 else torch.float32)


def to_tensor(pixels: NDArray[np.uint8 | np.uint16], device: torch.device) -> Tensor:
    """Return (N, H, W, C) integers as (N, C, H, W) float32 in [0, 1] on `device`; the conversion happens there."""
    return torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div_(float(largest(pixels.dtype)))


def to_clips(pixels: NDArray[np.uint8 | np.uint16], device: torch.device) -> Tensor:
    """Return (N, T, H, W, C) integers as (N, T, C, H, W) float32 in [0, 1] on `device`, as `to_tensor`."""
    clips: Tensor = to_tensor(pixels.reshape(-1, *pixels.shape[2:]), device).unflatten(0, pixels.shape[:2])
    return clips


def cpu_multiplies_bfloat16() -> bool:
    """Say whether the CPU multiplies bfloat16 faster than float32; unknown counts as no.

    With AMX it does, and AMD's AVX-512 BF16 does; Intel's without AMX takes 1.7 times as long as float32
    (docs/performance.md).
    """
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
        return "amx_bf16" in flags or {"avx512_bf16", "AuthenticAMD"} <= {*flags}
    return False


def keep_memory() -> None:
    """Keep freed memory in the process: a training step asks for the same blocks again, and faulting them in costs."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL("libc.so.6").mallopt
            mallopt(_MMAP_MAX, 0)
            mallopt(_TRIM_THRESHOLD, _LARGEST)
