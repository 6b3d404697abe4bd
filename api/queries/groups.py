"""From a group as the API takes it to members with histories: what is said of them, and what their invitations open."""

from collections import Counter
from dataclasses import replace
from typing import Final

from api.arguments import require
from api.context import Info
from api.ids import key_of
from api.invitations import invited
from api.types.group import GroupInput, GroupMemberInput
from cinegraph.errors import InvalidInput
from cinegraph.types import Label, NodeRef
from recommenders.histories import UserHistory
from recommenders.serving import Member

MOST_MEMBERS: Final = 10
MOST_LIKED: Final = 100
MOST_SEEN: Final = 1_000
LONGEST_NAME: Final = 100
LIKED_RATING: Final = 5.0


async def members_of(info: Info, group: GroupInput) -> list[Member]:
    """The others of a group; raises `InvalidInput` for what cannot be, `NotFound` for movies that are not there."""
    _check(group)
    liked = [_movies(one, "liked", MOST_LIKED) for one in group.members]
    seen = [_movies(one, "seen", MOST_SEEN) for one in group.members]
    await require(info, (NodeRef(Label.MOVIE, id_) for ids in (*liked, *seen) for id_ in ids))
    cursors, histories = info.context.services.cursors, info.context.services.serving.histories
    users = [None if one.invitation is None else invited(cursors, one.invitation, one.name) for one in group.members]
    known = await histories.read([user for user in users if user is not None])
    found = []
    for one, user, likes, views in zip(group.members, users, liked, seen, strict=True):
        history = (known[user] if user else UserHistory(None, None)).with_liked(likes, LIKED_RATING)
        found.append(Member(replace(history, viewed=history.viewed | set(views)), one.rewatch))
    return found


def said_to_be_liked(group: GroupInput) -> list[str]:
    """The movies that the query itself says somebody likes."""
    return [key_of(Label.MOVIE, id_) for one in group.members for id_ in one.liked or ()]


def _check(group: GroupInput) -> None:
    if not 1 <= len(group.members) <= MOST_MEMBERS:
        raise InvalidInput(f"group.members has {len(group.members)}: a group has 1 to {MOST_MEMBERS} beside the caller")
    name, count = Counter(one.name for one in group.members).most_common(1)[0]
    if count > 1:
        raise InvalidInput(f"group.members names {name[:LONGEST_NAME]!r} {count} times; give each member one name")
    for one in group.members:
        if not 1 <= len(one.name) <= LONGEST_NAME:
            raise InvalidInput(f"group.members: a name has 1 to {LONGEST_NAME} letters, and {one.name[:20]!r}… has not")


def _movies(member: GroupMemberInput, field: str, most: int) -> list[str]:
    ids = getattr(member, field) or []
    if len(ids) > most:
        raise InvalidInput(f"group: {field} of {member.name!r} has {len(ids)} movies; {most} is the most")
    return [key_of(Label.MOVIE, id_) for id_ in ids]
