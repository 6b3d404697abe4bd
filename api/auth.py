"""Who is calling: until accounts arrive, a user id in a signed development token; without one, nobody.

The secret lies in the home folder, readable by its owner alone, and is made where it is missing.
"""

import secrets
import time
from pathlib import Path

import jwt

from cinegraph.errors import InvalidInput, NotSignedIn
from cinegraph.secret_file import read_or_make

ALGORITHM = "HS256"
ISSUER = "cinegraph"
AUDIENCE = "cinegraph-dev"
DAY = 86_400
SECRET_BYTES = 32


def load_secret(home: Path) -> bytes:
    """The server's secret, 32 bytes; made once with mode 0600."""
    return read_or_make(home / "secret", lambda: secrets.token_bytes(SECRET_BYTES), SECRET_BYTES)


def make_token(secret: bytes, user_id: str, days: int) -> str:
    """A token for a user, valid for some days."""
    if not user_id or len(user_id) > 100:
        raise InvalidInput(f"{user_id[:100]!r} is not a user id: it has 1 to 100 characters")
    now = int(time.time())
    claims = {"sub": user_id, "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + days * DAY}
    return jwt.encode(claims, secret, ALGORITHM)


def user_of(secret: bytes, authorization: str | None) -> str | None:
    """The user of an `Authorization: Bearer …` header; None without the header, `NotSignedIn` for a bad token."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("the Authorization header must be 'Bearer TOKEN'; cinegraph token USER makes one")
    required = ["sub", "exp", "iss", "aud"]
    try:
        claims = jwt.decode(token, secret, [ALGORITHM], audience=AUDIENCE, issuer=ISSUER, options={"require": required})
    except jwt.PyJWTError as error:
        raise NotSignedIn(f"the token is not valid ({error}); cinegraph token USER makes one") from error
    return str(claims["sub"])
