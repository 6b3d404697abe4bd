"""GraphQL over HTTP: one endpoint, `application/json` and `application/graphql-response+json`, GET for queries only."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.auth import caller_of
from api.caching import cached
from api.context import Context, Services
from api.documents import Documents, Named
from api.errors import Refused, refusal, shown
from api.limits import check_document, check_variables
from api.warming import check_trusted, warm
from cinegraph.errors import CinegraphError, NotSignedIn
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
READING = {OperationType.QUERY}
ALL = {OperationType.QUERY, OperationType.MUTATION}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks to run."""

    document: Named
    variables: dict[str, Any] | None
    name: str | None


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
        self._schema, self._services, self._settings, self._secret = schema, services, settings, secret
        self._documents = documents or Documents()
        check_trusted(self._documents.trusted, schema, settings)

    async def warm(self) -> int:
        """Run the queries of the trusted documents, so that they are planned before anybody asks; how many ran."""
        return await warm(self._documents.trusted, self._schema, self._services)

    async def __call__(self, request: Request) -> Response:
        request_id = secrets.token_hex(8)
        try:
            media = _accepted(request)
            operation = await self._read(request)
            query = self._documents.find(operation.document)
            operations = check_document(query, self._settings)
            check_variables(operation.variables)
            self._documents.keep(operation.document)
            if operations > 1 and not operation.name:
                return _not_run("the document has several operations; operationName must say which", request_id, media)
            caller = caller_of(self._secret, request.headers.get("authorization"))
            context = Context(self._services, caller.user_id, request_id, admin=caller.admin)
            body = await self._run(query, operation, context, request.method)
            whole = "errors" not in body
            return cached(request, _answer(body, media), whole, self._settings.cache_seconds)
        except Refused as error:
            return refusal(error.status, error.reason, str(error), request_id, error.headers)
        except NotSignedIn as error:
            return refusal(401, error.code, str(error), request_id, {"WWW-Authenticate": "Bearer"})
        except InvalidOperationTypeError as error:
            kind = error.operation_type.value
            message = f"a {kind} is not run by {request.method}; send it with POST"
            if request.method == "POST":
                message = f"there are no {kind}s in this schema; ask with a query"
            return refusal(405, "METHOD_NOT_ALLOWED", message, request_id, {"Allow": "POST"})
        except CannotGetOperationTypeError:
            return _not_run(f"the document has no operation {operation.name!r}", request_id, media)
        except CinegraphError as error:
            return refusal(400, error.code, str(error), request_id)

    async def _run(self, query: str, operation: Operation, context: Context, method: str) -> dict[str, Any]:
        result = await self._schema.execute(
            query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=ALL if method == "POST" else READING,
        )
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = shown(result.errors, context.request_id)
        not_run = isinstance(result, PreExecutionError) or (result.data is None and _before_running(result.errors))
        if not not_run:
            body["data"] = result.data
        return body

    async def _read(self, request: Request) -> Operation:
        if request.method == "GET":
            return _operation(_from_url(request))
        if request.method != "POST":
            raise Refused(
                405, "METHOD_NOT_ALLOWED", f"{request.method}: use POST, or GET for a query", {"Allow": "GET, POST"}
            )
        content = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content != JSON:
            raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", f"content-type {content!r}: send the operation as {JSON}")
        return _operation(_parsed(await self._body(request), "the body"))

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
            raise Refused(400, "BAD_REQUEST", "the body ended early") from error
        return bytes(body)


def _answer(body: dict[str, Any], media: str) -> Response:
    """What was not run has no data, and the newer media type gives it a status of its own."""
    status = 400 if "data" not in body and media == GRAPHQL else 200
    return Response(json.dumps(body, ensure_ascii=False, separators=(",", ":")), status, media_type=media)


def _not_run(message: str, request_id: str, media: str) -> Response:
    return _answer({"errors": shown([GraphQLError(message)], request_id)}, media)


def _before_running(errors: Any) -> bool:
    """Whether all errors stand before any field: an unknown operation, variables of a wrong type."""
    return bool(errors) and all(error.path is None for error in errors)


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
        value = json.loads(text)
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no text
        return value
    except (ValueError, RecursionError) as error:
        raise Refused(400, "BAD_REQUEST", f"{what} is not JSON: {str(error)[:100]}") from error


def _operation(given: Any) -> Operation:
    if not isinstance(given, dict):
        found = KINDS.get(type(given), "null")
        raise Refused(400, "BAD_REQUEST", f"the body is {found}; send one object with a query (batches are not taken)")
    for name, kind in MEMBERS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, kind):
            raise Refused(400, "BAD_REQUEST", f"{name} must be {KINDS[kind]}, not {KINDS.get(type(value), 'null')}")
    return Operation(_named(given), given.get("variables"), given.get("operationName"))


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
