"""`recommendationsChanged`: what the caller is recommended, whenever it is another."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from api.compiler.compiler import DEFAULT_FIRST
from api.context import Info
from api.queries.recommendations import first_page
from api.subscriptions.feed import feed
from api.types.arguments import First
from api.types.recommendations import RecommendationConnection
from events.bus import CATALOGUE, Change, Kind


async def recommendations_changed(
    info: Info, first: First = DEFAULT_FIRST
) -> AsyncGenerator[RecommendationConnection, None]:
    changes = Change(Kind.USER, info.context.signed_in()), CATALOGUE
    async with aclosing(feed(info.context, changes, partial(first_page, info, first))) as pages:
        async for page in pages:
            yield page
