"""A group to recommend for, as the API takes it, and how satisfied each member is, as it shows it."""

import strawberry

from api.types.build import enumeration
from recommenders.group import Agreement

enumeration(
    Agreement,
    "How a group comes to one order.",
    {
        "FAIR": "Each place goes to those whom the places above satisfied least.",
        "AVERAGE": "By the mean of the members' satisfactions.",
        "LEAST_MISERY": "By the satisfaction of the least satisfied member.",
    },
)


@strawberry.input(
    name="GroupMember",
    description="Somebody who watches with the caller: what they like and have seen, or an invitation that they made.",
)
class GroupMemberInput:
    name: str = strawberry.field(description="As the answer names them; each name once.")
    liked: list[strawberry.ID] | None = strawberry.field(default=None, description="Movies that they like; up to 100.")
    seen: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Movies that they have seen; up to 1,000."
    )
    invitation: str | None = strawberry.field(
        default=None,
        description="From their own `inviteToGroup`: their history counts, and what is in it is not shown.",
    )
    rewatch: bool = strawberry.field(default=False, description="Whether they would watch again what they have seen.")


@strawberry.input(
    name="Group",
    description="Who watches: others, and the caller, unless they leave themselves out.",
)
class GroupInput:
    members: list[GroupMemberInput] = strawberry.field(description="The others; up to 10.")
    agreement: Agreement = strawberry.field(default=Agreement.FAIR, description="How they come to one order.")
    with_me: bool = strawberry.field(default=True, description="Whether the caller watches too.")


@strawberry.type(description="How much one member of the group would like a movie.")
class MemberSatisfaction:
    name: str | None = strawberry.field(description="As the query named them; null for the caller.")
    satisfaction: float = strawberry.field(
        description="From 0 to 1, which is the movie that they would like best of all that the group may be shown."
    )
