"""A server process that is found again by others, and the ports of this machine."""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cinegraph.errors import PortInUse


@dataclass(frozen=True, slots=True)
class Running:
    """A server process: enough to know it again after others have used its process id.

    One that `stays` is not stopped by its last user; one that was `stopped` is not started again by those who use it.
    """

    pid: int
    created: float
    port: int
    stays: bool = False
    stopped: bool = False

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self.port}"

    @property
    def listens(self) -> bool:
        """Whether somebody takes connections at its port."""
        with socket.socket() as probe:
            probe.settimeout(0.5)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def read_running(path: Path) -> Running | None:
    """The process that a file tells of, which may have ended since; None without one."""
    try:
        return Running(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_running(path: Path, running: Running) -> None:
    """Tell of a process, whole or not at all."""
    new = path.with_suffix(".json.new")
    new.write_text(json.dumps(asdict(running)))
    new.replace(path)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def refuse_used(port: int, advice: str) -> None:
    """Raise `PortInUse`, with what to do, where somebody listens."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUse(
                f"port {port} on 127.0.0.1 is in use, so the local Neo4j cannot listen there; {advice}"
            ) from error
