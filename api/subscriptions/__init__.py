"""The root fields that push: each a state that is shown at once, and again whenever it is another."""

import strawberry

from api.subscriptions.movie_changed import movie_changed
from api.subscriptions.recommendations_changed import recommendations_changed
from api.types.catalog import Movie


@strawberry.type(
    description="All that can be watched: what it is now at once, then each time that the answer is another. Over "
    "WebSocket (graphql-transport-ws) or server-sent events."
)
class Subscription:
    recommendations_changed = strawberry.subscription(
        recommendations_changed,
        description="The first page of the caller's recommendations, and again after what they did, or when a new "
        "model or catalogue is served; for signed-in callers.",
    )
    movie_changed = strawberry.subscription(
        movie_changed,
        graphql_type=Movie | None,
        description="A movie, and again after a rating of it, an ingestion or a new model; null, and the end, when "
        "there is no such movie.",
    )
