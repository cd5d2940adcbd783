"""Scores that are kept from one evaluation to the next, so that a new metric does not recompute the others."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench import files, plugins
from lossbench.assets import pyiqa_models
from lossbench.metrics import Protocol
from pipeline.outputs.fingerprint import fingerprint

LIBRARIES = ("numpy", "scipy", "scikit-image")
"""Their versions are part of a metric's own."""


class MetricCache:
    """Scores by prediction, target, protocol and the metric's version; an undeclared file beside the scores."""

    def __init__(self, path: Path) -> None:
        """Read `path`; one that is missing or damaged is as an empty one."""
        self.path = path
        self.reused = 0
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            stored = {}
        self._stored: dict[str, float] = stored if isinstance(stored, dict) else {}
        self._used: dict[str, float] = {}

    def score(
        self,
        metric: str,
        protocol: Protocol,
        pictures: str,
        compute: Callable[[], float],
        weights: Path | None = None,
        label: int | None = None,
    ) -> float:
        """Return the stored score of the file `metric`, or what `compute` gives.

        `pictures` is the digest of prediction and target, `weights` the stored network that the metric rests on, and
        `label` the class that it compares with.
        """
        key = f"{pictures}:{metric}:{protocol.describe()}:{_version(metric)}"
        if weights is not None:
            key += f":{_content(weights, weights.stat().st_mtime_ns)}"
        if label is not None:
            key += f":class {label}"
        if isinstance(self._stored.get(key), float):
            self.reused += 1
            self._used[key] = self._stored[key]
        else:
            self._used[key] = float(compute())
        return self._used[key]

    def write(self) -> None:
        """Keep the scores of this evaluation and no older ones."""
        files.write_text(self.path, json.dumps(self._used, indent=0) + "\n")


def digest(*pictures: NDArray[Any]) -> str:
    """Return 32 hexadecimal digits that tell these arrays from all others."""
    content = hashlib.sha256()
    for picture in pictures:
        content.update(f"{picture.dtype}{picture.shape}".encode())
        content.update(np.ascontiguousarray(picture).tobytes())
    return content.hexdigest()[:32]


@cache
def _content(file: Path, changed: int) -> str:
    """Return 32 digits of the SHA-256 of a file; `changed` tells two states of it apart."""
    return files.digest(file, "sha256")[:32]


@cache
def _version(metric: str) -> str:
    if pyiqa_models.named(metric):
        return "-".join([fingerprint(pyiqa_models.METRIC), *map(version, LIBRARIES)])
    modules = [plugins.module("metrics", metric)]
    if classifier := plugins.constant("metrics", metric, "CLASSIFIER", None):
        modules.append(f"lossbench.classifiers.{classifier}")
    return "-".join([fingerprint(*modules), *map(version, LIBRARIES)])
