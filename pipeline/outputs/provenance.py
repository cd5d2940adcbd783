"""What a result was made with: spec, code, versions, device, time, memory."""

import platform
import resource
import sys
from importlib.metadata import version
from typing import Any

from lossbench.records import Strict


def provenance(spec: Strict, code: str) -> dict[str, Any]:
    """Return the part of a card that every stage writes; memory is the process's peak in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {
        "spec": spec.model_dump(mode="json"),
        "code": code,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("torch", "numpy")}},
        "peak_memory_mib": round(peak),
    }
