"""Invitations: sealed, so that who has one can count its user in, and learns nothing else; nothing is stored."""

from typing import Final

from api.ids import Cursors
from cinegraph.errors import InvalidInput
from cinegraph.types import Millis, now

KIND: Final = "invitation"
HOUR: Final = 3_600_000


def invite(cursors: Cursors, user_id: str, ends: Millis) -> str:
    """A sealed invitation of a user, which ends then."""
    return cursors.seal(KIND, [user_id, ends])


def invited(cursors: Cursors, invitation: str, name: str) -> str:
    """The user whom the invitation of a member of that name is of; `InvalidInput` where it is none, or has ended."""
    ask = "ask them for a new one (mutation inviteToGroup)"
    try:
        user_id, ends = cursors.open(KIND, invitation)
    except InvalidInput as error:
        raise InvalidInput(f"group: the invitation of {name!r} is none of this server's; {ask}") from error
    if ends <= now():
        raise InvalidInput(f"group: the invitation of {name!r} has ended; {ask}")
    return str(user_id)
