"""Who is calling: until accounts arrive, a user id in a signed development token; without one, nobody.

A token may say that its user is an administrator, who can run experiments.

The secret lies in the home folder, readable by its owner alone, and is made where it is missing.
"""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import jwt

from cinegraph.errors import InvalidInput, NotSignedIn
from cinegraph.secret_file import read_or_make

ALGORITHM = "HS256"
ISSUER = "cinegraph"
AUDIENCE = "cinegraph-dev"
ADMIN = "admin"
"""The claim of an administrator's token."""
DAY = 86_400
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: nobody, a user, or a user who is an administrator."""

    user_id: str | None = None
    admin: bool = False
    until: float | None = None
    """When the token ends, in seconds since 1970; None without one."""


def load_secret(home: Path) -> bytes:
    """The server's secret, 32 bytes; made once with mode 0600."""
    return read_or_make(home / "secret", lambda: secrets.token_bytes(SECRET_BYTES), SECRET_BYTES)


def make_token(secret: bytes, user_id: str, days: int, admin: bool = False) -> str:
    """A token for a user, or for an administrator, valid for some days."""
    if not user_id or len(user_id) > 100:
        raise InvalidInput(f"{user_id[:100]!r} is not a user id: it has 1 to 100 characters")
    now = int(time.time())
    claims = {"sub": user_id, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + days * DAY}
    return jwt.encode({**claims, ADMIN: True} if admin else claims, secret, ALGORITHM)


def caller_of(secret: bytes, authorization: str | None) -> Caller:
    """Who an `Authorization: Bearer …` header names; nobody without the header, `NotSignedIn` for a bad token."""
    if not authorization:
        return Caller()
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("the Authorization header must be 'Bearer TOKEN'; cinegraph token USER makes one")
    required = ["sub", "exp", "iss", "aud"]
    try:
        claims = jwt.decode(token, secret, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options={"require": required})
    except jwt.PyJWTError as error:
        raise NotSignedIn(f"the token is not valid ({error}); cinegraph token USER makes one") from error
    return Caller(str(claims["sub"]), claims.get(ADMIN) is True, float(claims["exp"]))
