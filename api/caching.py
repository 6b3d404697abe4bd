"""Answers that are the same for everybody, as caches and browsers may keep them.

What a query that is sent by `GET` without a token is answered does not depend on who asks: it may be kept for some
seconds, and has an entity tag, so that whoever kept it is told in a few bytes that it still holds. Whatever a token
came with is for that caller alone.
"""

import hashlib
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PRIVATE: Final = {"Cache-Control": "private, no-store"}


def cached(request: Request, answer: Response, whole: bool, seconds: int) -> Response:
    """The answer with what caches may do; `whole` where it has no errors. 304 where the client has it already."""
    if request.method != "GET":
        return answer
    vary = {"Vary": "Accept, Authorization, Origin"}
    if request.headers.get("authorization") or not whole:
        answer.headers.update(PRIVATE | vary)
        return answer
    tag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}", **vary}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


def _has(given: str, tag: str) -> bool:
    """Whether an `If-None-Match` names the tag; weak ones are compared as strong ones are (RFC 9110, 13.1.2)."""
    tags = [one.strip().removeprefix("W/") for one in given.split(",")]
    return "*" in tags or tag in tags
