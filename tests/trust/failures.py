"""What an answer must not say, and parts that fail with just that."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx

from api.metrics import codes
from tests.api.web import SECRETS

POISON = (
    'Traceback (most recent call last): File "/home/cinegraph/graph/bolt.py", line 7: MATCH (n:User {id: $p0}) RETURN n'
    "; SELECT * FROM runs; bolt://neo4j:hunter2@10.1.2.3:7687 /tmp/artifacts ZeroDivisionError <object at 0x7f00>"
)
INSIDE = re.compile(
    SECRETS.pattern.replace("MATCH", r"\bMATCH\b")
    + r"|hunter2|10\.1\.2\.3|7687|SELECT|DELETE|MERGE|UNWIND|LIMIT \$|/etc|/var|/usr|/work|site-packages|C:\\\\"
    + r"|line \d+:|object at|0x[0-9a-f]{4}|Exception|password|artifacts|eyJ|AssertionError|starlette|uvicorn"
)
"""What stands in no response: nothing of the code, of its errors, of statements, files, hosts, passwords and tokens."""


PASSING = frozenset(
    {
        *("GRAPH_UNAVAILABLE", "GRAPH_BUSY", "TIME_BUDGET_SPENT", "GRAPH_CONFLICT", "GRAPH_FULL", "DOWNLOAD_FAILED"),
        *("OVERLOADED", "RATE_LIMITED", "TOO_MANY_STREAMS"),
    }
)
"""Codes of errors after which the same may work, which say when."""


def raising(make: Callable[[], BaseException]) -> Any:
    """A part that fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise make()

    return fail


def told(text: str) -> re.Match[str] | None:
    """What of the inside a text tells; a request's id is left out, in whose digits a port's may come together."""
    return INSIDE.search(re.sub(r"\b[0-9a-f]{16}\b", "", text))


def judged(response: httpx.Response, *, of_stream: bool = False) -> list[str]:
    """The codes of a response with errors, which says nothing of what is inside."""
    head = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    for said in (head, response.text):
        assert not told(said), said
    body = json.loads(response.text.partition("data: ")[2].partition("\n")[0]) if of_stream else response.json()
    assert set(body) <= {"data", "errors", "extensions"}
    assert set(body.get("extensions", {})) <= {"degraded"}
    return codes_of(body["errors"], response.headers["x-request-id"])


def codes_of(errors: list[dict[str, Any]], request_id: str | None = None) -> list[str]:
    """Codes of errors, each of which has one of the list, the request's id, and words."""
    assert errors
    for one in errors:
        assert set(one) <= {"message", "locations", "path", "extensions"}
        code, again = one["extensions"]["code"], one["extensions"].get("retryAfter")
        assert set(one["extensions"]) <= {"code", "requestId", "retryAfter"}
        assert code in codes()
        assert (code in PASSING) is (again is not None), (code, again)
        assert one["message"]
        assert re.fullmatch(r"[0-9a-f]{16}", one["extensions"]["requestId"])
        assert request_id in (None, one["extensions"]["requestId"])
    return [one["extensions"]["code"] for one in errors]
