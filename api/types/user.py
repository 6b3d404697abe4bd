"""The caller's own history. Nobody sees another user's."""

import strawberry

from api.scalars import DateTime
from api.types.build import Node, connected, connection, identity, lazily, leaf
from api.types.catalog import MOVIE, RATING
from api.types.orders import LATEST_BY_MOVIE, LATEST_BY_TAG, STRONGEST
from cinegraph.types import Label, Relation

AT = leaf("{r}.at", "When.")

UserRatingsConnection = connection("UserRatings", MOVIE, RATING)
ViewsConnection = connection(
    "Views",
    MOVIE,
    {
        "at": (DateTime, AT),
        "seconds": (int, leaf("{r}.seconds", "Seconds watched, all views together.")),
        "count": (int, leaf("coalesce({r}.count, 1)", "How many views.")),
    },
)
DismissedConnection = connection("Dismissed", MOVIE, {"at": (DateTime, AT)})
UserTagsConnection = connection("UserTags", MOVIE, {"tag": (str, leaf("{r}.name", "The word.")), "at": (DateTime, AT)})
PreferencesConnection = connection(
    "Preferences",
    lazily("Node", "build"),
    {"weight": (float, leaf("{r}.weight", "-1 (avoid) to 1 (favourite).")), "at": (DateTime, AT)},
)


@strawberry.type(description="A user, under a pseudonymous id: nothing here says who it is.")
class User(Node):
    id: strawberry.ID = identity(Label.USER)
    ratings = connected(
        UserRatingsConnection,
        Relation.RATED,
        LATEST_BY_MOVIE,
        "Ratings given, the latest first.",
        outgoing=True,
        target=Label.MOVIE,
        owner_key="userId",
    )
    views = connected(
        ViewsConnection,
        Relation.VIEWED,
        LATEST_BY_MOVIE,
        "Movies watched, the latest first.",
        outgoing=True,
        target=Label.MOVIE,
        owner_key="userId",
    )
    dismissed = connected(
        DismissedConnection,
        Relation.DISMISSED,
        LATEST_BY_MOVIE,
        "Movies that must not be recommended, the latest first.",
        outgoing=True,
        target=Label.MOVIE,
        owner_key="userId",
    )
    tags = connected(
        UserTagsConnection,
        Relation.TAGGED,
        LATEST_BY_TAG,
        "Tags given, the latest first.",
        outgoing=True,
        target=Label.MOVIE,
        owner_key="userId",
    )
    preferences = connected(
        PreferencesConnection,
        Relation.PREFERS,
        STRONGEST,
        "What the user said to like or to avoid, the strongest liking first.",
        outgoing=True,
        target=None,
    )
