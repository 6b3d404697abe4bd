"""An operation as a stream of answers, whatever carries them: one of a query or a mutation, any number of a
subscription."""

from asyncio import sleep
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
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
from api.http import Endpoint, Operation, body_of, not_run_by, without_of
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


class Points:
    """What an operation's answers take of their caller's points: each takes its own before it is made, and what it did
    not use goes back when it is there."""

    def __init__(
        self, endpoint: Endpoint, ready: Ready, operation: Operation, user_id: str | None, address: Address | None
    ) -> None:
        self._endpoint, self._ready, self._user_id, self._address = endpoint, ready, user_id, address
        # what is left is another number after each answer, which would make the same answer another one
        self._operation = replace(operation, shows_cost=False) if _is_followed(ready, operation) else operation
        self._spent: Spent | None = None

    async def take(self) -> None:
        """Those of an answer; raises `CinegraphError` where the caller has not enough."""
        self._spent = await self._endpoint.spend(self._ready, self._operation, self._user_id, self._address)
        if self._spent is not None and (one := seen()) is not None:
            one.cost = (one.cost or 0) + self._spent.points

    async def take_once_there(self) -> None:
        """Those of a later answer, as soon as the caller has them; one that is tried again has taken its own."""
        while self._spent is None:
            try:
                await self.take()
            except Refused as error:
                if error.again is None:
                    raise
                await sleep(error.again)

    def settled(self, body: dict[str, Any]) -> bytes:
        """The bytes of the answer that they were for."""
        content = self._endpoint.settled(body, self._spent, self._operation)
        self._spent = None
        return content

    def give_back(self) -> None:
        """All of them, since nothing ran."""
        if self._spent is not None:
            self._endpoint.unspent(self._spent)
            self._spent = None


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
            points = Points(self._endpoint, ready, operation, caller.user_id, address)
            await points.take()
            context = Context(
                self._services,
                caller.user_id,
                request_id,
                admin=caller.admin,
                time=partial(time_of, self._settings),
                pay=points.take_once_there,
            )
            async with aclosing(self._results(ready, operation, context, points)) as results:
                async for result in results:
                    answer = self._text(result, request_id, points)
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
        self, ready: Ready, operation: Operation, context: Context, points: Points
    ) -> AsyncGenerator[ExecutionResult, None]:
        """What it comes to: in the time of a request, and through its gate, but for a subscription, each answer of
        which has a time of its own."""
        operations, found = self._endpoint.operations, ready.operation(operation.name)
        if _is_followed(ready, operation):
            results = operations.answers(ready, operation.variables, context, operation.name)
            async with aclosing(results):
                async for result in results:
                    yield result
            return
        run = partial(operations.run, ready, operation.variables, context, operation.name)
        with self._let_in(points), self.observer.traced():
            result = await in_time(run, self._settings, found, context)
        yield result

    @contextmanager
    def _let_in(self, points: Points) -> Iterator[None]:
        """Through the gate; whoever is turned away has spent nothing."""
        try:
            with self._gate.through():
                yield
        except Refused:
            points.give_back()
            raise

    def _text(self, result: ExecutionResult, request_id: str, points: Points) -> str:
        """An answer as JSON; what it did not use of its points goes back."""
        body = body_of(result, request_id)
        if "data" not in body:
            raise NotRun(body["errors"])
        if "extensions" in body and (one := seen()) is not None:
            one.without = without_of(body)
        return points.settled(body).decode()


def _is_followed(ready: Ready, operation: Operation) -> bool:
    found = ready.operation(operation.name)
    return found is not None and found.operation is OperationType.SUBSCRIPTION


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
