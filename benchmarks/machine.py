"""What figures were measured on: the machine, and the code."""

import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]


def machine() -> dict[str, Any]:
    """The machine, and the commit of the code, with a plus where it was changed since; empty outside a clone."""
    names = {"processor": platform.machine(), "model": _model(), "system": platform.system()}
    size = {"cores": psutil.cpu_count(), "memory_gb": round(psutil.virtual_memory().total / 2**30)}
    return {**names, **size, "python": platform.python_version(), "commit": _commit()}


def _model() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


def _commit() -> str:
    command = ["git", "describe", "--always", "--abbrev=8", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
