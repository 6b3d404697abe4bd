"""The time of a request: what runs within it obeys its deadline, and what does not is ended a moment later."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import Final

from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType

from api.context import Context
from cinegraph.deadlines import Deadline, deadline_of
from cinegraph.errors import CinegraphError, OutcomeUnknown
from cinegraph.settings import ApiSettings

GRACE: Final = 0.1
"""Seconds beyond the budget, in which errors become an answer, before the whole request is ended."""
QUERY: Final = "ask for less, or again in a moment"
MUTATION: Final = (
    "what it was to change may have been changed or not; read it, and send the mutation again where it was not"
)


def time_of(settings: ApiSettings) -> Deadline:
    """The time of what begins at this moment."""
    usual = settings.budget_ms / 1000 or math.inf
    return Deadline(usual, settings.planning_ms / 1000, asyncio.get_running_loop().time(), grace=GRACE)


async def in_time(
    run: Callable[[], Awaitable[ExecutionResult]],
    settings: ApiSettings,
    operation: OperationDefinitionNode | None,
    context: Context,
) -> ExecutionResult:
    """What an operation comes to within its time; where that is over and nothing below ended it, an error alone."""
    result = await _ended(run, time_of(settings), operation)
    if context.user_id and any(isinstance(one.original_error, OutcomeUnknown) for one in result.errors or ()):
        context.wrote()
    return result


async def _ended(
    run: Callable[[], Awaitable[ExecutionResult]], request: Deadline, operation: OperationDefinitionNode | None
) -> ExecutionResult:
    end = None if request.when is None else request.when + GRACE
    try:
        async with asyncio.timeout_at(end) as request.backstop:
            with deadline_of(request):
                return await run()
    except TimeoutError:
        if request.backstop is None or not request.backstop.expired():
            raise
    error: CinegraphError = request.spent(QUERY)
    if operation is not None and operation.operation is OperationType.MUTATION:
        error = OutcomeUnknown(f"the request's time of {request.seconds * 1000:.0f} ms is over; {MUTATION}")
    whole = GraphQLError("", original_error=error)
    whole.path = []  # it was running, unlike what has no path
    return ExecutionResult(None, [whole])
