"""The choice of device and arithmetic."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from lossbench import device as devices

CPUS = {
    "plain": "flags : fpu sse4_2 avx2",
    "amx": "vendor_id : GenuineIntel flags : avx512f avx512_bf16 amx_bf16",
    "amd": "vendor_id : AuthenticAMD flags : avx512_bf16 avx2",
    "intel": "vendor_id : GenuineIntel flags : avx512_bf16 avx2",
}


@pytest.fixture(autouse=True)
def one_thread_afterwards() -> Iterator[None]:
    yield
    torch.set_num_threads(1)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def pretend_cpu(monkeypatch: pytest.MonkeyPatch, flags: str) -> None:
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: flags)


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [("plain", torch.float32), ("amx", torch.bfloat16), ("amd", torch.bfloat16), ("intel", torch.float32)],
)
def test_auto_takes_bfloat16_where_the_cpu_is_faster_in_it(
    cpu: str, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch, no_gpu: None
) -> None:
    pretend_cpu(monkeypatch, CPUS[cpu])
    assert devices.choose("auto", 1).dtype == expected
    assert devices.choose("float32", 1).dtype == torch.float32
    assert devices.choose("bfloat16", 1).dtype == torch.bfloat16


def test_an_unknown_cpu_counts_as_one_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: Path, encoding: str) -> str:
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", missing)
    assert not devices.cpu_multiplies_bfloat16()


def test_the_threads_are_set_and_named(no_gpu: None) -> None:
    chosen = devices.choose("float32", 2)
    assert torch.get_num_threads() == 2
    assert chosen.name.endswith("CPU, 2 threads")
    assert chosen.device == torch.device("cpu")


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_network_runs_channels_last_in_the_chosen_arithmetic(
    precision: str, dtype: torch.dtype, no_gpu: None
) -> None:
    chosen = devices.choose(precision, 1)
    network = chosen.place(nn.Conv2d(3, 4, 3))
    assert next(network.parameters()).is_contiguous(memory_format=torch.channels_last)
    with chosen.autocast():
        assert network(torch.zeros(1, 3, 8, 8)).dtype == dtype
    assert network(torch.zeros(1, 3, 8, 8)).dtype == torch.float32
    # the weights themselves stay exact
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_kernels_over_frames_are_placed_too(no_gpu: None) -> None:
    both = nn.Sequential(nn.Conv3d(2, 3, 3), nn.Flatten(1, 2), nn.Conv2d(6, 5, 3))
    expected = [parameter.clone() for parameter in both.parameters()]
    placed = devices.choose("float32", 1).place(both)
    assert placed is both
    assert all(map(torch.equal, placed.parameters(), expected))
    assert placed[2].weight.is_contiguous(memory_format=torch.channels_last)
    assert placed[0].weight.is_contiguous()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_auto_takes_a_gpu_that_is_there() -> None:
    chosen = devices.choose("auto", 1)
    assert chosen.device.type == "cuda"
    assert chosen.dtype == (torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float32)
    assert chosen.name == torch.cuda.get_device_name()
