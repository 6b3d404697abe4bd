"""An operation as a stream of answers, whatever carries them: one of a query or a mutation, any number of a
subscription."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.datastructures import Address

from api.auth import Caller
from api.budget import Spent
from api.context import Context, Services
from api.deadlines import in_time, time_of
from api.errors import Refused, shown, told
from api.gate import Gate
from api.http import Endpoint, Operation, before_running, not_run_by
from api.observing import Observer, seen
from api.operations import Ready, bytes_of
from cinegraph.errors import CinegraphError
from cinegraph.settings import ApiSettings

EVERY: Final = frozenset(OperationType)
READING: Final = EVERY - {OperationType.MUTATION}


class NotRun(Exception):
    """The operation was not run, or it cannot go on; `errors` are as the client sees them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.errors = errors


class Answers:
    """Runs operations under the limits of every request, and lets them be seen by `observer`."""

    def __init__(
        self, endpoint: Endpoint, services: Services, settings: ApiSettings, gate: Gate, observer: Observer
    ) -> None:
        self._endpoint, self._services, self._settings = endpoint, services, settings
        self._gate, self.observer = gate, observer

    def checked(self, operation: Operation) -> Ready:
        """The document to run; raises `CinegraphError` for an operation that is past a limit, or must not be run."""
        return self._endpoint.checked(operation)

    async def stream(
        self,
        ready: Ready,
        operation: Operation,
        caller: Caller,
        request_id: str,
        address: Address | None,
        allowed: Iterable[OperationType] = EVERY,
    ) -> AsyncGenerator[str, None]:
        """The answers as JSON, of an operation that was checked; one that is the very bytes of the one before is left
        out. Raises `NotRun` for an operation that the schema does not take, or that fails at once."""
        if (one := seen()) is not None:
            self._endpoint.name(one, ready, operation.name)
        if faults := _faults(ready, operation.name, allowed):
            raise NotRun(shown(faults, request_id))
        before = ""
        try:
            spent = await self._endpoint.spend(ready, operation, caller.user_id, address)
            if one is not None and spent is not None:
                one.cost = spent.points
            context = Context(
                self._services, caller.user_id, request_id, admin=caller.admin, time=partial(time_of, self._settings)
            )
            async with aclosing(self._results(ready, operation, context, spent)) as results:
                async for result, whole in results:
                    answer = self._text(result, request_id, spent if whole else None, operation)
                    if answer != before:
                        yield answer
                    before = answer
        except NotRun:
            raise
        except CinegraphError as error:
            raise NotRun(told(error, request_id)) from error
        except Exception as error:
            raise unforeseen(error, request_id) from error

    async def _results(
        self, ready: Ready, operation: Operation, context: Context, spent: Spent | None
    ) -> AsyncGenerator[tuple[ExecutionResult, bool], None]:
        """What it comes to, and whether that is all of it: in the time of a request, and through its gate, but for a
        subscription, each answer of which has a time of its own."""
        operations, found = self._endpoint.operations, ready.operation(operation.name)
        if found is not None and found.operation is OperationType.SUBSCRIPTION:
            results = operations.answers(ready, operation.variables, context, operation.name)
            async with aclosing(results):
                async for result in results:
                    yield result, False
            return
        run = partial(operations.run, ready, operation.variables, context, operation.name)
        with self._let_in(spent), self.observer.traced():
            result = await in_time(run, self._settings, found, context)
        yield result, True

    @contextmanager
    def _let_in(self, spent: Spent | None) -> Iterator[None]:
        """Through the gate; whoever is turned away has spent nothing."""
        try:
            with self._gate.through():
                yield
        except Refused:
            if spent is not None:
                self._endpoint.unspent(spent)
            raise

    def _text(self, result: ExecutionResult, request_id: str, spent: Spent | None, operation: Operation) -> str:
        """An answer as JSON; what the whole one did not use of its points goes back."""
        errors = shown(result.errors, request_id) if result.errors else []
        if result.data is None and before_running(result.errors):
            raise NotRun(errors)
        beside = {"extensions": result.extensions} if result.extensions else {}
        if beside and (one := seen()) is not None:
            one.without = beside["extensions"].get("degraded", {}).get("without", ())
        body = {**({"errors": errors} if errors else {}), "data": result.data, **beside}
        return self._endpoint.settled(body, spent, operation).decode()


def unforeseen(error: Exception, request_id: str) -> NotRun:
    """What a bug of ours, which is logged, comes to for the client."""
    return NotRun(shown([GraphQLError("", original_error=error)], request_id))


def _faults(ready: Ready, name: str | None, allowed: Iterable[OperationType]) -> list[GraphQLError]:
    operation = ready.operation(name)
    if operation is not None and operation.operation not in allowed:
        return [GraphQLError(not_run_by("GET", operation.operation))]
    return list(ready.faults(name))


def text_of(value: Any) -> str:
    """A value as JSON, in few bytes."""
    return bytes_of(value).decode()
