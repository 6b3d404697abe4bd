"""`movieChanged`: a movie, whenever what is shown of it is another."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Any

from api.compiler.roots import Lookup
from api.context import Info, run
from api.ids import key_of
from api.subscriptions.feed import feed
from api.types.arguments import MovieId
from cinegraph.types import Label
from events.bus import CATALOGUE, Change, Kind


async def movie_changed(info: Info, id: MovieId) -> AsyncGenerator[Any, None]:
    changes = Change(Kind.MOVIE, key_of(Label.MOVIE, id)), CATALOGUE
    async with aclosing(feed(info.context, changes, partial(run, info, Lookup(Label.MOVIE)))) as movies:
        async for movie in movies:
            yield movie
            if movie is None:
                return
