"""Checkpoints: written whole beside the outputs, resumed only by the very same job, gone when it succeeds."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

import torch

from lossbench.files import written_atomically

_DIGEST_BYTES = 32


def save(path: Path, state: dict[str, Any], identity: dict[str, str]) -> None:
    """Write `state` and the job's `identity` to `path` atomically, behind a SHA-256 of the bytes.

    Raises UserError when the disk is full; the checkpoint that was there stays.
    """
    buffer = io.BytesIO()
    torch.save({"identity": identity, "state": state}, buffer)
    payload = buffer.getbuffer()
    with written_atomically(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(payload).digest())
        file.write(payload)


def load(path: Path, identity: dict[str, str], device: torch.device) -> tuple[dict[str, Any] | None, str]:
    """Return the state of `path`, or None and the reason why this job begins anew."""
    stored, reason = _read(path, device)
    if stored is None:
        return None, reason
    for key, value in identity.items():
        if stored["identity"].get(key) != value:
            return None, f"checkpoint {path} belongs to another {key}: refused, the run starts anew"
    return stored["state"], ""


def entry(path: Path, identity: dict[str, str], key: str) -> str | None:
    """Return the entry `key` of the identity in `path`; None unless it is whole and fits `identity` otherwise."""
    stored, _ = _read(path, torch.device("cpu"))
    if stored is None or any(stored["identity"].get(name) != value for name, value in identity.items()):
        return None
    found: str | None = stored["identity"].get(key)
    return found


def _read(path: Path, device: torch.device) -> tuple[dict[str, Any] | None, str]:
    """Return identity and state of `path`, or None and the reason why it is no use."""
    if not path.exists():
        return None, ""
    content = path.read_bytes()
    if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
        return None, f"checkpoint {path} is truncated or damaged: refused, the run starts anew"
    try:
        return torch.load(io.BytesIO(content[_DIGEST_BYTES:]), map_location=device, weights_only=True), ""
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        return None, f"checkpoint {path} can't be read ({type(error).__name__}): refused, the run starts anew"
