"""Optional parts by name: the only file that may catch a failed import, and says which extra brings it."""

import importlib
from types import ModuleType

from cinegraph.errors import MissingExtra

EXTRAS = {
    "events.redis_bus": "redis",
    "events.redis_points": "redis",
    "cinegraph.tracing": "telemetry",
    "graph.jars": "local",
    "recommenders.card": "report",
    "recommenders.models.ensemble": "rank",
    "recommenders.models.ials": "als",
    "recommenders.models.kgnn": "gnn",
    "recommenders.models.lightgcn": "gnn",
    "recommenders.models.xsimgcl": "gnn",
    "recommenders.sentences.encoder": "text",
    "recommenders.tuning": "tune",
}


def load(module: str) -> ModuleType:
    """The module of that name; `MissingExtra` with the command to install it when something it needs is absent."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        extra = EXTRAS.get(module)
        if extra is None or error.name == module:
            raise
        raise MissingExtra(
            f"{module} needs {error.name}, which is not installed; install it with: pip install 'cinegraph[{extra}]'"
        ) from error
