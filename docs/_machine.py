"""On what the numbers of the documentation were made."""

import platform
import re
from pathlib import Path


def processor() -> str:
    """Return the name of this machine's processor, as the system tells it."""
    file = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*: (.+)", file.read_text(encoding="utf-8")) if file.exists() else []
    return str(models[0]) if models else platform.processor() or platform.machine()
