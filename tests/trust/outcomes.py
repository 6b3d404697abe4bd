"""T17: each root field, and what it comes to under each fault of the network to each dependency.

`python -m tests.trust.outcomes` prints the tables that stand in the documents.
"""

import sys
from typing import Final

from tests.trust.proxy import (
    BANDWIDTH,
    DATA_LIMIT,
    DOWN,
    HALF_OPEN,
    LATENCY,
    PASSING,
    RESET,
    SLICING,
    SLOW_CLOSE,
    TIMEOUT,
    TOXICS,
    Toxic,
)

RIGHT, MEMORY = "the answer", "the answer, from memory"
UNKNOWN, EITHER = "null, `GRAPH_UNAVAILABLE`", "null, `TIME_BUDGET_SPENT` or `GRAPH_UNAVAILABLE`"
REFUSED = "nothing changed, `TIME_BUDGET_SPENT` or `GRAPH_UNAVAILABLE`"

MOVIES: Final = "nodes { id title }"
READS: Final = {
    "node": 'node(id: "Genre:drama") { id ... on Genre { name movies(first: 2) { nodes { title } totalCount } } }',
    "movie": 'movie(id: "1") { title year cast(first: 2) { edges { order node { name } } } }',
    "person": 'person(id: "ridley-scott") { name directed(sort: YEAR, first: 2) { nodes { title } } }',
    "genre": f'genre(id: "drama") {{ name movies(first: 2) {{ {MOVIES} }} }}',
    "keyword": f'keyword(id: "space") {{ name movies(first: 2) {{ {MOVIES} }} }}',
    "collection": f'collection(id: "alien") {{ name movies(first: 2) {{ {MOVIES} }} }}',
    "movies": f"movies(first: 2, sort: TITLE) {{ totalCount pageInfo {{ endCursor }} {MOVIES} }}",
    "people": "people(first: 2) { totalCount nodes { name } }",
    "genres": "genres(first: 2) { totalCount nodes { name } }",
    "search": 'search(query: "alien", first: 1) { edges { node { __typename ... on Node { id } } } }',
    "autocomplete": 'autocomplete(prefix: "gla", first: 1) { nodes { ... on Movie { title } } }',
    "similarMovies": f'similarMovies(movie: "1", first: 2) {{ {MOVIES} edges {{ score }} }}',
    "activeModel": "activeModel { id createdAt }",
    "me": "me { id ratings(first: 2) { edges { rating node { title } } } }",
    "user": 'user(id: "7") { id ratings(first: 2) { totalCount } }',
    "recommendations": "recommendations(first: 2) { basis edges { score node { title } why { sentence share } } }",
    "explain": 'explain(movie: "2") { score rank why { sentence } contributions { value node { id } } }',
    "verifyExplanation": 'verifyExplanation(id: "$reason") { holds segments { start end } }',
    "firstQuestions": "firstQuestions(first: 2) { answered questions { movie { title } } }",
    "paths": 'paths(from: "Movie:1", to: "Movie:3", first: 2) { nodes { nodes { id } segments { relation } } }',
    "replayRecommendations": 'replayRecommendations(id: "$replay") { __typename ... on Replay { identical '
    "movies { rank score movieId } } ... on ReplayImpossible { missing } }",
    "experiments": "experiments { id status arms { name share } }",
}
WRITES: Final = {
    "rateMovie": 'rateMovie(movie: "5", rating: 4.0) { ... on Rated { rating movie { title } } }',
    "removeRating": 'removeRating(movie: "3") { ... on RatingRemoved { rating movie { title } } }',
    "dismissMovie": 'dismissMovie(movie: "1") { ... on Dismissed { movie { title } } }',
    "removeDismissal": 'removeDismissal(movie: "4") { ... on DismissalRemoved { dismissed movie { title } } }',
    "recordView": 'recordView(movie: "1", seconds: 60) { ... on ViewRecorded { seconds count movie { title } } }',
    "removeViews": 'removeViews(movie: "2") { ... on ViewsRemoved { seconds count movie { title } } }',
    "inviteToGroup": "inviteToGroup(hours: 1) { __typename }",
    "setPreferences": 'setPreferences(preferences: [{node: "Genre:drama", weight: 0.5}]) '
    "{ ... on PreferencesSet { user { id } } }",
    "stopExperiment": 'stopExperiment(id: "one") { ... on ExperimentStopped { experiment { status } } }',
    "startExperiment": 'startExperiment(experiment: {id: "two", arms: [{name: "a", share: 0.5}, '
    '{name: "b", share: 0.5, novelty: 0.5}]}) { __typename }',
}
FIELDS: Final = {**READS, **WRITES}

OF_THE_GRAPH_ALONE: Final = (
    "similarMovies",
    "activeModel",
    "me",
    "user",
)
UNTIL_THE_END: Final = ("verifyExplanation", "experiments")
"""What is only in the graph, and is waited for as long as the request has."""
DEPENDENCIES: Final = {"graph": "the graph", "bus": "Redis, telling of changes", "points": "Redis, counting points"}
WORDS: Final = {
    DOWN: "every connection is closed, new ones at once",
    LATENCY: "2 s later, each way",
    TIMEOUT: "nothing passes, nothing ends",
    RESET: "every connection is reset",
    BANDWIDTH: "64 bytes a second",
    SLICING: "7 bytes at a time",
    HALF_OPEN: "nothing comes back",
    DATA_LIMIT: "every connection ends after 10 bytes",
    SLOW_CLOSE: "a connection ends 2 s later",
}


def outcome(dependency: str, toxic: Toxic, field: str) -> str:
    """What a root field comes to."""
    if dependency != "graph" or toxic in PASSING or field == "inviteToGroup":
        return RIGHT
    if field in WRITES:
        return REFUSED
    if field in UNTIL_THE_END:
        return EITHER
    return UNKNOWN if field in OF_THE_GRAPH_ALONE else MEMORY


def tables() -> str:
    """All outcomes, for the documents: fields that come to the same stand in one row."""
    head = " | ".join(f"{toxic.name}: {WORDS[toxic]}" for toxic in TOXICS)
    return "\n\n".join(
        f"| between API and {what} | {head} |\n{'|---' * (len(TOXICS) + 1)}|\n" + "\n".join(_rows(dependency))
        for dependency, what in DEPENDENCIES.items()
    )


def _rows(dependency: str) -> list[str]:
    alike: dict[tuple[str, ...], list[str]] = {}
    for field in FIELDS:
        alike.setdefault(tuple(outcome(dependency, toxic, field) for toxic in TOXICS), []).append(f"`{field}`")
    return [f"| {', '.join(fields)} | {' | '.join(outcomes)} |" for outcomes, fields in alike.items()]


if __name__ == "__main__":
    sys.stdout.write(tables() + "\n")
