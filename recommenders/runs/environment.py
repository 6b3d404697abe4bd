"""What a run depends on beside its parameters and its data: the version of the code, and the machine."""

import hashlib
import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import cinegraph

PACKAGE = Path(__file__).parents[1]


@cache
def environment() -> dict[str, str]:
    """Tags: the version, a fingerprint of the recommenders' code, the commit of a checkout, and the machine."""
    tags = {
        "cinegraph.version": cinegraph.__version__,
        "cinegraph.code": code_fingerprint(),
        "cinegraph.machine": platform.node(),
        "cinegraph.platform": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "cinegraph.python": platform.python_version(),
    }
    commit = _commit()
    return {**tags, "mlflow.source.git.commit": commit} if commit else tags


@cache
def code_fingerprint() -> str:
    """The first 16 digits of the SHA-256 of all source files of the recommenders, by name."""
    digest = hashlib.sha256()
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(str(file.relative_to(PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _commit() -> str:
    """The commit that is checked out, with + where files differ from it; empty where this is no checkout of ours."""
    try:
        inside = _git("ls-files", "--error-unmatch", "registry.py")
        return (_git("rev-parse", "HEAD") + ("+" if _git("status", "--porcelain", "-uno") else "")) if inside else ""
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PACKAGE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
