"""The command line: `cinegraph …`. Errors of ours are one message; exit code 2 for usage, 1 for failure."""

import logging
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from cinegraph.cli import data, dev, graph, models, serve
from cinegraph.cli.console import complain
from cinegraph.errors import CinegraphError, is_full

app = typer.Typer(
    name="cinegraph",
    help="A movie recommendation server whose data model is a graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(graph.app, name="graph")
app.add_typer(data.app, name="ingest")
app.add_typer(models.app, name="models")
app.command("demo")(serve.demo)
app.command("serve")(serve.serve)
app.command("train")(models.train)
app.command("evaluate")(models.evaluate)
app.command("cypher")(graph.cypher)
app.command("token")(dev.token)
app.command("schema")(dev.schema)
app.command("settings")(dev.settings)


@app.callback()
def options(debug: bool = typer.Option(False, "--debug", help="Show the stack of an error.")) -> None:
    """Options of every command."""
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for noisy in ("neo4j", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    debug = "--debug" in arguments
    try:
        result = app(args=list(arguments), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except TyperException as error:
        error.show()  # type: ignore[attr-defined]
        return int(getattr(error, "exit_code", 2))
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except CinegraphError as error:
        return _failed(error, error.exit_code, str(error), debug)
    except OSError as error:
        return _failed(error, 1, _words(error), debug)
    except Exception as error:
        words = f"unexpected {type(error).__name__}: {error}. This is a fault of Cinegraph; --debug shows the stack"
        return _failed(error, 1, words, debug)


def _words(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    remedy = "; free some space there, or set CINEGRAPH_HOME to a folder on another disk, then do it again"
    return f"{error.strerror or error}{where}{remedy if is_full(error) else ''}"


def _failed(error: Exception, code: int, message: str, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    complain(message)
    return code
