"""Checkpoints come back whole or are refused with a reason; nothing raises, nothing half-written stays."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import torch

from lossbench.errors import UserError
from pipeline.learning import checkpoint

CPU = torch.device("cpu")
IDENTITY = {"spec": '{"a":1}', "code": "0123456789ab"}


def state(seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    model = {
        "weight": torch.randn((4, 3, 3, 3), generator=generator).to(memory_format=torch.channels_last),
        "half": torch.randn(5, generator=generator).bfloat16(),
        "count": torch.tensor(7),
    }
    history = [{"step": 0, "total": 0.1 + 0.2}, {"step": 5, "total": float("inf")}]
    return {"step": 6, "seconds": 1.5, "history": history, "model": model, "random": generator.get_state()}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "last.ckpt"
    checkpoint.save(path, state(), IDENTITY)
    return path


def same(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    return bool(first == second)


def test_what_was_saved_comes_back_to_the_bit(stored: Path) -> None:
    found, reason = checkpoint.load(stored, IDENTITY, CPU)
    assert reason == ""
    assert same(found, state())
    assert found is not None
    assert found["model"]["weight"].is_contiguous(memory_format=torch.channels_last)
    assert [path.name for path in stored.parent.iterdir()] == ["last.ckpt"]


def test_no_checkpoint_needs_no_reason(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "last.ckpt", IDENTITY, CPU) == (None, "")


@pytest.mark.parametrize("keep", [0, 1, 31, 32, 33, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused_by_name(stored: Path, keep: float) -> None:
    content = stored.read_bytes()
    stored.write_bytes(content[: int(keep * len(content)) if 0 < keep < 1 else int(keep)])
    found, reason = checkpoint.load(stored, IDENTITY, CPU)
    assert found is None
    assert reason == f"checkpoint {stored} is truncated or damaged: refused, the run starts anew"


def test_any_flipped_byte_is_noticed(stored: Path) -> None:
    content = stored.read_bytes()
    for position in range(0, len(content), len(content) // 60):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        stored.write_bytes(damaged)
        found, reason = checkpoint.load(stored, IDENTITY, CPU)
        assert found is None, position
        assert "truncated or damaged" in reason
        assert str(stored) in reason


@pytest.mark.parametrize("key", ["spec", "code"])
def test_the_checkpoint_of_another_job_is_refused(stored: Path, key: str) -> None:
    found, reason = checkpoint.load(stored, {**IDENTITY, key: "other"}, CPU)
    assert found is None
    assert reason == f"checkpoint {stored} belongs to another {key}: refused, the run starts anew"


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "harm"),)

    path = tmp_path / "last.ckpt"
    checkpoint.save(path, {"model": Harmful()}, IDENTITY)
    found, reason = checkpoint.load(path, IDENTITY, CPU)
    assert found is None
    assert f"checkpoint {path} can't be read" in reason
    assert "\n" not in reason
    assert not (tmp_path / "harm").exists()


def test_a_write_that_fails_keeps_the_old_checkpoint(
    stored: Path, files_limited_to: Callable[[int], AbstractContextManager[None]]
) -> None:
    before = stored.read_bytes()
    with files_limited_to(len(before) // 2), pytest.raises(UserError) as caught:
        checkpoint.save(stored, state(seed=1), IDENTITY)
    assert str(caught.value) == f"{stored}: File too large; make room there and rerun"
    assert stored.read_bytes() == before
    assert [path.name for path in stored.parent.iterdir()] == ["last.ckpt"]


def test_a_power_cut_before_the_rename_keeps_the_old_checkpoint(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = stored.read_bytes()

    def cut(source: str, target: str) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(os, "replace", cut)
    with pytest.raises(RuntimeError, match="power cut"):
        checkpoint.save(stored, state(seed=1), IDENTITY)
    assert stored.read_bytes() == before
