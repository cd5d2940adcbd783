"""Stored loss networks in a few bytes, a public file of weights, and the table that names it."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from _loss_networks import TINY, tiny

from lossbench import loss_networks
from lossbench.weights import released
from lossbench.weights.released import PublicFile, PublicNetwork

LICENCE = "CC BY-NC 4.0 (non-commercial)"


def stored(path: Path, kind: str = "mae", card: Mapping[str, Any] | None = None, seed: int = 0, **changes: Any) -> Path:
    """Store a small loss network with random weights at `path`."""
    loss_networks.save(tiny(kind, seed=seed, **changes), path, dict(card or {}))
    return path


def trained(dataset: str, seed: int = 0, **more: Any) -> dict[str, Any]:
    """Return the card of a loss network that the pipeline trained."""
    return {"spec": {"loss_network": "mae", "dataset": dataset, "seed": seed, "recipe": {"steps": 5}, **more}}


def here(dataset: str, name: str = "mae_task", scale: str = "demo") -> Path:
    """Return where the pipeline stores the loss network `name`."""
    return Path(f"results/{scale}/pretrain/{name}/{dataset}/network.safetensors")


def encoder(seed: int = 3) -> bytes:
    """Return an encoder as the authors of MAE release it."""
    torch.manual_seed(seed)
    state = loss_networks.build("mae", **TINY["mae"]).state_dict()
    kept = {name: state[name] for name in state if "decoder" not in name and name != "mask_token"}
    stream = io.BytesIO()
    torch.save({"model": kept}, stream)
    return stream.getvalue()


def public_file(url: str, content: bytes, **changes: Any) -> PublicFile:
    """Return the entry of a small MAE that is released under a non-commercial licence."""
    network = PublicNetwork("mae_base", "mae", TINY["mae"])
    digest = f"md5:{hashlib.md5(content).hexdigest()[:6]}"
    known = PublicFile("mae_base", url, digest, LICENCE, "He et al. 2022, made small", (network,), len(content))
    return replace(known, non_commercial=True, **changes)


def only(monkeypatch: pytest.MonkeyPatch, *files: PublicFile) -> None:
    """Let the table of public files hold `files` alone."""
    monkeypatch.setattr(released, "table", lambda: {file.name: file for file in files})
