"""`inviteToGroup`: let somebody else count the caller in, for a while, without showing them what the caller did."""

from typing import Annotated

import strawberry

from api.context import Info
from api.invitations import HOUR, invite
from api.mutations.outcomes import InvalidValue, NotSignedIn, not_signed_in
from api.scalars import DateTime
from cinegraph.types import now

MOST_HOURS = 24 * 7


@strawberry.type(description="Who has the invitation can count the caller in, until it ends; nothing was written.")
class InvitedToGroup:
    invitation: str = strawberry.field(description="Give it to those who watch with you.")
    expires_at: DateTime = strawberry.field(description="From when on it is refused.")


InviteToGroupResult = Annotated[
    InvitedToGroup | NotSignedIn | InvalidValue,
    strawberry.union("InviteToGroupResult", description="What inviteToGroup comes to."),
]


async def invite_to_group(
    info: Info, hours: Annotated[int, strawberry.argument(description="Hours for which it holds, 1 to 168.")] = 24
) -> InviteToGroupResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    if not 1 <= hours <= MOST_HOURS:
        return InvalidValue(message=f"hours is {hours}: an invitation holds for 1 to {MOST_HOURS} hours")
    ends = now() + hours * HOUR
    return InvitedToGroup(invitation=invite(info.context.services.cursors, user_id, ends), expires_at=DateTime(ends))
