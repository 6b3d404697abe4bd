"""The command line: `cinegraph …`. Errors of ours are one message; exit code 2 for usage, 1 for failure."""

import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import typer
from typer.exceptions import TyperException

from cinegraph import __version__, logs
from cinegraph.cli.console import complain, out
from cinegraph.cli.lazy import Lazy
from cinegraph.cli.signals import Signalled
from cinegraph.errors import CinegraphError, is_full

app = typer.Typer(
    name="cinegraph",
    cls=Lazy,
    help="A movie recommendation server whose data model is a graph.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"cinegraph {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the stack of an error; may stand anywhere."),
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True, callback=_print_version),
) -> None:
    """Options of every command."""
    if not logging.getLogger().handlers:
        logs.configure(logging.DEBUG if debug else logging.WARNING)
    for noisy in ("neo4j", "httpx", "httpcore", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run(given))


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    debug, rest = _without_debug(arguments)
    return exit_code_of(partial(app, args=rest, standalone_mode=False), debug)


def exit_code_of(work: Callable[[], Any], debug: bool) -> int:
    """Do it, and say what went wrong; the exit code of the process."""
    try:
        result = work()
        return result if isinstance(result, int) else 0
    except TyperException as error:
        error.show()  # type: ignore[attr-defined]
        return int(getattr(error, "exit_code", 2))
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Signalled as signalled:
        return signalled.exit_code
    except CinegraphError as error:
        return _failed(error, error.exit_code, str(error), debug)
    except OSError as error:
        return _failed(error, 1, _words(error), debug)
    except Exception as error:
        words = f"unexpected {type(error).__name__}: {error}. This is a fault of Cinegraph; --debug shows the stack"
        return _failed(error, 1, words, debug)


def _without_debug(arguments: Sequence[str]) -> tuple[bool, list[str]]:
    """`--debug` may stand anywhere before a `--`; what is after that is no option."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    before = [one for one in arguments[:end] if one != "--debug"]
    debug = len(before) < end
    return debug, [*(["--debug"] if debug else []), *before, *arguments[end:]]


def _words(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    remedy = "; free some space there, or set CINEGRAPH_HOME to a folder on another disk, then do it again"
    return f"{error.strerror or error}{where}{remedy if is_full(error) else ''}"


def _failed(error: Exception, code: int, message: str, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    complain(message)
    return code
