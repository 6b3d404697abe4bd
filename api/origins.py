"""From which pages a browser may send operations, open a stream, or send a query by GET.

A WebSocket is not held back by the same-origin policy, so the server looks: the page's own origin, and those that the
operator names. What is no browser sends no `Origin`. A GET of nothing but what any page may send is sent without
asking the server first, and its time alone can tell something; a header beyond these makes the browser ask, and it is
told no.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request

from api.errors import Refused
from cinegraph.settings import ApiSettings

ASKED_FIRST = ("apollo-require-preflight", "x-apollo-operation-name", "x-requested-with", "authorization")
"""Headers for which a browser asks the server first."""
SIMPLE_MEDIA = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
"""Types of content for which it does not."""
SENT = ("content-type", "if-none-match", "traceparent", "tracestate", "x-request-id", *ASKED_FIRST)
"""Headers that a page of another origin may send."""
READ = ("ETag", "Retry-After", "X-Request-Id")
"""Headers of an answer that it may read, beside those that any page may."""
PREFLIGHT_SECONDS = 600
"""How long a browser need not ask again."""


def readable(settings: ApiSettings) -> list[Middleware]:
    """What lets pages of the origins that the operator names send operations, and read the answers (CORS). No cookies
    come with them: who asks is in the token that the page sends."""
    if not settings.origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=("GET", "POST"),
            allow_headers=SENT,
            expose_headers=READ,
            max_age=PREFLIGHT_SECONDS,
        )
    ]


def check_origin(connection: HTTPConnection, allowed: Collection[str]) -> None:
    """Raise `Refused` for a page of another origin that opens a stream."""
    if _is_elsewhere(connection, allowed):
        origin = connection.headers.get("origin", "another site")
        message = f"no stream is opened from {origin[:200]!r}; CINEGRAPH_API__ORIGINS can allow it"
        raise Refused(403, "FORBIDDEN", message)


def check_simple(request: Request, settings: ApiSettings) -> None:
    """Raise `Refused` for a GET that any page could have sent: in development where it is known that one has."""
    if request.method != "GET" or _is_asked_first(request):
        return
    if settings.graphiql and not _is_elsewhere(request, settings.origins):
        return
    message = (
        "a GET that any page could send is not run; send it with the header Apollo-Require-Preflight: 1, or by POST"
    )
    raise Refused(403, "FORBIDDEN", message)


def _is_asked_first(request: Request) -> bool:
    headers = request.headers
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    own = headers.get("sec-fetch-site") == "same-origin"
    return own or media not in SIMPLE_MEDIA or any(name in headers for name in ASKED_FIRST)


def _is_elsewhere(connection: HTTPConnection, allowed: Collection[str]) -> bool:
    """Whether a browser says that a page of another origin sends this."""
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    return origin not in allowed and _host(origin) != connection.headers.get("host", "").lower()


def _host(origin: str) -> str | None:
    """Host and port of an origin; None for one that has none, such as `null`."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
