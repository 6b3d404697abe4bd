"""`setPreferences`: what the caller likes or avoids, all or none."""

from collections import Counter
from typing import Annotated, Any

import strawberry

from api.compiler.roots import Lookup
from api.context import Info, run
from api.ids import parse_id
from api.mutations.outcomes import InvalidValue, NotSignedIn, not_signed_in
from api.types.user import User
from cinegraph.types import Label, now
from graph.actions import Stated, prefer

CAN_BE_PREFERRED = (Label.GENRE, Label.PERSON, Label.KEYWORD, Label.COLLECTION)
MOST = 100


@strawberry.input(description="How much the caller likes (up to 1) or avoids (down to -1) a node; 0 takes it back.")
class PreferenceInput:
    node: strawberry.ID = strawberry.field(
        description="The global id of a genre, a person, a keyword or a collection: Genre:drama."
    )
    weight: float = strawberry.field(description="-1 (avoid) to 1 (favourite); 0 takes the preference back.")


@strawberry.type(description="The preferences stand in the graph; the next recommendations know them.")
class PreferencesSet:
    user_id: strawberry.Private[str]

    @strawberry.field(description="The caller, as they are after the write.", graphql_type=User)
    async def user(self, info: Info) -> Any:
        return await run(info, Lookup(Label.USER, None), key=self.user_id)


@strawberry.type(description="A node of a preference does not exist; nothing was written.")
class NodeNotFound:
    ids: list[strawberry.ID] = strawberry.field(description="The ids that nothing has.")
    message: str = strawberry.field(description="What is wrong, and what to do.")


SetPreferencesResult = Annotated[
    PreferencesSet | NodeNotFound | NotSignedIn | InvalidValue,
    strawberry.union("SetPreferencesResult", description="What setPreferences comes to."),
]


async def set_preferences(
    info: Info,
    preferences: Annotated[
        list[PreferenceInput], strawberry.argument(description="What is set, 1 to 100, each node once.")
    ],
) -> SetPreferencesResult | None:
    user_id = info.context.user_id
    if user_id is None:
        return not_signed_in()
    stated = [Stated(parse_id(one.node, CAN_BE_PREFERRED), one.weight) for one in preferences]
    wrong = _wrong(stated)
    if wrong:
        return InvalidValue(message=wrong)
    unknown = await prefer(info.context.services.graph, user_id, stated, now())
    if unknown:
        ids = [strawberry.ID(str(node)) for node in unknown]
        return NodeNotFound(ids=ids, message=f"nothing has the ids {', '.join(ids)}; search finds ids by name")
    info.context.wrote()
    return PreferencesSet(user_id=user_id)


def _wrong(stated: list[Stated]) -> str:
    """What is wrong with the preferences; "" for nothing."""
    if not 1 <= len(stated) <= MOST:
        return f"{len(stated)} preferences: 1 to {MOST} can be set at once"
    node, count = Counter(one.node for one in stated).most_common(1)[0]
    if count > 1:
        return f"{node} stands in the list {count} times; give each node one weight"
    for one in stated:
        if one.node.label not in CAN_BE_PREFERRED:
            return f"{one.node}: only a {', '.join(CAN_BE_PREFERRED)} can be preferred"
        if not -1 <= one.weight <= 1:
            return f"{one.node} weight {one.weight:g}: a weight is -1 (avoid) to 1 (favourite)"
    return ""
