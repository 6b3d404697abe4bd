"""GraphQL over HTTP: one endpoint, `application/json` and `application/graphql-response+json`, GET for queries only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, OperationType
from starlette.datastructures import Address
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.analysing import Look, look_of
from api.auth import caller_of
from api.budget import Budget, Spent, caller_key
from api.caching import cached
from api.context import Context, Services
from api.deadlines import in_time
from api.documents import Documents, Named
from api.errors import Refused, failed, refused, shown
from api.limits import check_variables
from api.observing import OperationNames, Seen
from api.operations import Operations, Ready, WrongVariables, bytes_of
from api.origins import check_simple
from api.parsing import parsed
from api.warming import check_trusted, warm
from api.wire import LATE
from cinegraph.errors import CinegraphError, TimeBudgetSpent
from cinegraph.settings import ApiSettings

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
KINDS = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}
"""What a value of JSON is called."""
MEMBERS: dict[str, type] = {
    "query": str,
    "documentId": str,
    "variables": dict,
    "operationName": str,
    "extensions": dict,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks to run."""

    document: Named
    variables: dict[str, Any] | None
    name: str | None
    look: Look | None = None
    shows_cost: bool = False
    """What is to be shown beside the answer."""
    wrong: list[GraphQLError] = field(default_factory=list)
    """What was found to be wrong with the variables."""


class Endpoint:
    """The endpoint `/graphql`."""

    def __init__(
        self,
        schema: strawberry.Schema,
        services: Services,
        settings: ApiSettings,
        secret: bytes,
        documents: Documents | None = None,
    ) -> None:
        self._services, self._settings, self._secret = services, settings, secret
        self.operations = Operations(schema._schema, settings, introspection=settings.graphiql)
        self._documents = documents or Documents()
        check_trusted(self._documents.trusted, self.operations)
        self._budget = Budget(settings, shared=services.points)
        self._names = OperationNames(self._documents.trusted, self.operations)

    async def warm(self) -> int:
        """Run the queries of the trusted documents, so that they are planned before anybody asks; how many ran."""
        return await warm(self._documents.trusted, self.operations, self._services)

    async def __call__(self, request: Request, seen: Seen) -> Response:
        request_id = seen.request_id
        try:
            media = _accepted(request)
            check_simple(request, self._settings)
            operation = await self.read(request)
            ready = self.checked(operation)
            self.name(seen, ready, operation.name)
            _allow(ready.operation(operation.name), request.method)
            caller = caller_of(self._secret, request.headers.get("authorization"))
            if operation.look is not None:
                operation.look.allow(caller.admin, self._settings.graphiql)
            context = Context(self._services, caller.user_id, request_id, admin=caller.admin)
            spent = await self.spend(ready, operation, context.user_id, request.client)
            seen.cost = None if spent is None else spent.points
            body = await self._run_seen(ready, operation, context, seen)
            seen.without = without_of(body)
            content = self.settled(body, spent, operation)
            whole = "errors" not in body and "extensions" not in body and not operation.shows_cost
            return cached(request, _answer(body, content, media), whole, self._settings.cache_seconds)
        except CinegraphError as error:
            return refused(error, request_id)
        except Exception as error:
            return failed(error, request_id)

    def name(self, seen: Seen, ready: Ready, name: str | None) -> None:
        """Say of a request which operation it runs."""
        self._names.note(seen, ready, name)

    def checked(self, operation: Operation) -> Ready:
        """An operation's document; raises for one that must not be run, or that is past a limit."""
        check_variables(operation.variables)
        ready = self.operations.ready(self._documents.find(operation.document))
        self._documents.keep(operation.document)
        return ready

    async def spend(
        self, ready: Ready, operation: Operation, user_id: str | None, client: Address | None
    ) -> Spent | None:
        """Take what an operation may cost from its caller's bucket; nothing for one that cannot be run. Raises
        `CinegraphError` for one that may cost too much."""
        if ready.faults(operation.name):
            return None
        snapshot = self._services.serving.state.snapshot
        try:
            cost = self.operations.cost(ready, operation.variables, snapshot, operation.name)
        except WrongVariables as error:
            operation.wrong.extend(error.errors)
            return None
        return await self._budget.spend(caller_key(user_id, client and client.host), cost)

    def settled(self, body: dict[str, Any], spent: Spent | None, operation: Operation) -> bytes:
        """The answer's bytes; what it did not use of its points goes back, and is shown to whoever asked. Whatever ran
        until its time was over has used all of them, since nobody knows what it looked at."""
        content = bytes_of(body)
        if spent is None:
            return content
        actual = spent.points if _is_late(body) else spent.cost.actual(content.count(b"{"))
        remaining = self._budget.give_back(spent, actual)
        if not operation.shows_cost:
            return content
        cost = {"requested": spent.points, "actual": actual, "max": spent.most, "remaining": remaining}
        body["extensions"] = {**body.get("extensions", {}), "cost": cost}
        return bytes_of(body)

    def unspent(self, spent: Spent) -> None:
        """Nothing ran, so all of its points go back."""
        self._budget.give_back(spent, 0)

    async def _run_seen(self, ready: Ready, operation: Operation, context: Context, seen: Seen) -> dict[str, Any]:
        look, development = operation.look, self._settings.graphiql
        if look is None:
            return await self._run(ready, operation, context)
        seen.kept = []
        body = await self._run(ready, operation, context)
        shown = await look.shown(self._services.graph, seen, values=development)
        return {**body, "extensions": {**body.get("extensions", {}), "cypher": shown}}

    async def _run(self, ready: Ready, operation: Operation, context: Context) -> dict[str, Any]:
        if faults := ready.faults(operation.name) or operation.wrong:
            return {"errors": shown(faults, context.request_id)}
        run = partial(self.operations.run, ready, operation.variables, context, operation.name)
        result = await in_time(run, self._settings, ready.operation(operation.name), context)
        return body_of(result, context.request_id)

    async def read(self, request: Request) -> Operation:
        """What a request asks to run, kept with it; raises `Refused` for one that asks for nothing."""
        if not hasattr(request.state, "operation"):
            request.state.operation = await self._read(request)
        operation: Operation = request.state.operation
        return operation

    async def _read(self, request: Request) -> Operation:
        if request.method == "GET":
            return operation_of(_from_url(request))
        if request.method != "POST":
            raise Refused(
                405, "METHOD_NOT_ALLOWED", f"{request.method}: use POST, or GET for a query", {"Allow": "GET, POST"}
            )
        content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content != JSON:
            raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", f"content-type {content!r}: send the operation as {JSON}")
        return operation_of(_parsed(await self._body(request), "the body"))

    async def _body(self, request: Request) -> bytes:
        most = self._settings.max_bytes
        body = bytearray()
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Refused(
                        413, "BODY_TOO_LARGE", f"the body has more than {most} bytes; send a smaller operation"
                    )
        except ClientDisconnect as error:
            if getattr(request.state, LATE, False):
                raise Refused(408, "REQUEST_TIMEOUT", "the body did not come in time") from error
            raise Refused(400, "BAD_REQUEST", "the body ended early") from error
        return bytes(body)


def _answer(body: dict[str, Any], content: bytes, media: str) -> Response:
    """What was not run has no data, and the newer media type gives it a status of its own."""
    status = 400 if "data" not in body and media == GRAPHQL else 200
    return Response(content, status, media_type=media)


def _is_late(body: dict[str, Any]) -> bool:
    return any(error["extensions"]["code"] == TimeBudgetSpent.code for error in body.get("errors", ()))


def _allow(operation: OperationDefinitionNode | None, method: str) -> None:
    """Raise `Refused` for an operation that the method is not for."""
    kind = operation.operation if operation else OperationType.QUERY
    if kind is OperationType.SUBSCRIPTION:
        raise Refused(
            406, "NOT_ACCEPTABLE", "a subscription is answered over WebSocket, or to 'Accept: text/event-stream'"
        )
    if kind is OperationType.MUTATION and method != "POST":
        raise Refused(405, "METHOD_NOT_ALLOWED", not_run_by(method, kind), {"Allow": "POST"})


def not_run_by(method: str, kind: OperationType) -> str:
    """What whoever sends an operation by the wrong method is told."""
    return f"a {kind.value} is not run by {method}; send it with POST"


def body_of(result: ExecutionResult, request_id: str) -> dict[str, Any]:
    """A result as clients see it; of an operation that was not run there is no data."""
    body: dict[str, Any] = {}
    if result.errors:
        body["errors"] = shown(result.errors, request_id)
    if result.data is not None or not _before_running(result.errors):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body


def without_of(body: dict[str, Any]) -> Sequence[str]:
    """What an answer is given without."""
    found: Sequence[str] = body.get("extensions", {}).get("degraded", {}).get("without", ())
    return found


def _before_running(errors: Sequence[GraphQLError] | None) -> bool:
    """Whether all errors stand before any field: an unknown operation, variables of a wrong type."""
    return bool(errors) and all(error.path is None for error in errors or ())


def _accepted(request: Request) -> str:
    """The media type of the answer; the older one unless the newer is asked for."""
    accepted = request.headers.get("accept", "*/*").lower()
    types = [part.partition(";")[0].strip() for part in accepted.split(",")]
    if GRAPHQL in types:
        return GRAPHQL
    if not types or any(one in (JSON, "*/*", "application/*", "") for one in types):
        return JSON
    raise Refused(406, "NOT_ACCEPTABLE", f"accept {accepted!r}: answers are {GRAPHQL} or {JSON}")


def _from_url(request: Request) -> Any:
    parameters: dict[str, Any] = dict(request.query_params)
    for name in ("variables", "extensions"):
        if parameters.get(name):
            parameters[name] = _parsed(parameters[name].encode(), name)
    return parameters


def _parsed(text: bytes, what: str) -> Any:
    try:
        return parsed(text)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "BAD_REQUEST", f"{what} is not JSON: {str(error)[:100]}") from error


def operation_of(given: Any) -> Operation:
    """What an object of JSON asks to run."""
    if not isinstance(given, dict):
        found = KINDS.get(type(given), "null")
        raise Refused(400, "BAD_REQUEST", f"the body is {found}; send one object with a query (batches are not taken)")
    for name, kind in MEMBERS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, kind):
            raise Refused(400, "BAD_REQUEST", f"{name} must be {KINDS[kind]}, not {KINDS.get(type(value), 'null')}")
    look = look_of(given.get("extensions"))
    costs = (given.get("extensions") or {}).get("cost") is True
    return Operation(_named(given), given.get("variables"), given.get("operationName"), look, costs)


def _named(given: dict[str, Any]) -> Named:
    """The document's text, or its id: a hash of Apollo's protocol counts before `documentId`."""
    text, asked = given.get("query") or None, (given.get("extensions") or {}).get("persistedQuery")
    if asked is not None:
        hash_ = asked.get("sha256Hash") if isinstance(asked, dict) else None
        if not isinstance(hash_, str) or not hash_ or asked.get("version") != 1:
            raise Refused(400, "BAD_REQUEST", "persistedQuery: an object with version 1 and a sha256Hash is wanted")
        return Named(text, hash_.lower(), hashed=True)
    if not text and not given.get("documentId"):
        raise Refused(400, "BAD_REQUEST", "there is no query; send an object with a query, or with a documentId")
    return Named(text, given.get("documentId") or None)
