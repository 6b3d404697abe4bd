"""What is asked, in the words of each peer, and about which nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

DEGREES: Final = (10, 1_000, 100_000)
"""Edges of the keywords that are planted."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One question; peers that have no such field are not in `texts`."""

    name: str
    title: str
    texts: Mapping[str, str]
    """The document for each peer, by its name."""
    variables: str
    """Whose variables are used in turn: a name in `Subjects`."""
    planted: bool = False
    """Whether it asks of what is planted, and so comes after all others."""
    one: bool = False
    """Whether it asks of one node, also where a peer answers with a list."""

    def requests(self, peer: str, subjects: "Subjects") -> list[dict[str, Any]]:
        """The bodies of requests, one for each set of variables."""
        return [{"query": self.texts[peer], "variables": given} for given in getattr(subjects, self.variables)]


@dataclass(frozen=True, slots=True)
class Subjects:
    """Variables, of which operations take one set after the other."""

    movies: Sequence[Mapping[str, Any]]
    genres: Sequence[Mapping[str, Any]]
    pairs: Sequence[Mapping[str, Any]]
    liked: Sequence[Mapping[str, Any]]
    small: Sequence[Mapping[str, Any]]
    medium: Sequence[Mapping[str, Any]]
    large: Sequence[Mapping[str, Any]]
    nothing: Sequence[Mapping[str, Any]] = ({},)


SCALARS = "id title originalTitle year runtime overview popularity"
BY_ID = {
    "cinegraph": f"query($id: ID!) {{ movie(id: $id) {{ {SCALARS} }} }}",
    "apollo": f"query($id: ID!) {{ movies(where: {{id: {{eq: $id}}}}) {{ {SCALARS} }} }}",
    "loaders": f"query($id: ID!) {{ movie(id: $id) {{ {SCALARS} }} }}",
}
NESTED = {
    "cinegraph": """query($id: ID!) { movie(id: $id) { title
      cast(first: 5) { edges { character node { name
        films: actedIn(first: 5, sort: POPULARITY) { nodes { title year
          directors(first: 3) { nodes { name } } } } } } } } }""",
    "apollo": """query($id: ID!) { movies(where: {id: {eq: $id}}) { title
      cast: actorsConnection(first: 5, sort: [{edge: {order: ASC}}, {node: {id: ASC}}]) {
        edges { properties { character } node { name
          films: actedIn(limit: 5, sort: [{popularity: DESC}, {id: DESC}]) { title year
            directors(limit: 3, sort: [{name: ASC}, {id: ASC}]) { name } } } } } } }""",
    "loaders": """query($id: ID!) { movie(id: $id) { title
      cast(first: 5) { character person { name
        films(first: 5) { title year directors(first: 3) { name } } } } } }""",
}
IN_LIST = {
    "cinegraph": """id title year genres(first: 10) { nodes { name } }
      cast(first: 5) { edges { character node { name } } }""",
    "apollo": """id title year genres(limit: 10, sort: [{name: ASC}, {id: ASC}]) { name }
      cast: actorsConnection(first: 5, sort: [{edge: {order: ASC}}, {node: {id: ASC}}]) {
        edges { properties { character } node { name } } }""",
    "loaders": "id title year genres(first: 10) { name } cast(first: 5) { character person { name } }",
}
SORTED = {
    "cinegraph": f"{{ movies(first: 20, sort: POPULARITY) {{ nodes {{ {IN_LIST['cinegraph']} }} }} }}",
    # What holds for every movie lets Neo4j take them in the order of the index on both: 41 database hits, not 29,247.
    "apollo": f"""{{ movies(where: {{popularity: {{gte: 0}}, id: {{startsWith: ""}}}}, limit: 20,
      sort: [{{popularity: DESC}}, {{id: DESC}}]) {{ {IN_LIST["apollo"]} }} }}""",
    "loaders": f"{{ movies(first: 20) {{ {IN_LIST['loaders']} }} }}",
}
FILTERED = {
    "cinegraph": f"""query($genre: ID!) {{ movies(first: 20, sort: POPULARITY,
      filter: {{genres: [$genre], year: {{min: 1980, max: 1999}}}}) {{ nodes {{ {IN_LIST["cinegraph"]} }} }} }}""",
    "apollo": f"""query($genre: ID!) {{ movies(limit: 20, sort: [{{popularity: DESC}}, {{id: DESC}}],
      where: {{genres: {{some: {{id: {{eq: $genre}}}}}}, year: {{gte: 1980, lte: 1999}}}})
      {{ {IN_LIST["apollo"]} }} }}""",
    "loaders": f"""query($genre: ID!) {{ moviesOfGenre(first: 20, genre: $genre, fromYear: 1980, toYear: 1999)
      {{ {IN_LIST["loaders"]} }} }}""",
}
BY_POPULARITY = "sort: [{edge: {popularity: DESC}}]"
"""By the relationship's copy, which is the cheapest for Neo4j; what is planted has no ties."""


def page(count: str) -> dict[str, str]:
    """The first ten movies of a keyword, and whether there are more; with `count` beside."""
    rest = f"pageInfo {{ hasNextPage }} {count}"
    return {
        "cinegraph": f"""query($id: ID!) {{ keyword(id: $id) {{ name
          movies(first: 10) {{ nodes {{ title year }} {rest} }} }} }}""",
        "apollo": f"""query($id: ID!) {{ keywords(where: {{id: {{eq: $id}}}}) {{ name
          movies: moviesConnection(first: 10, {BY_POPULARITY}) {{ edges {{ node {{ title year }} }} {rest} }} }} }}""",
        "loaders": f"""query($id: ID!) {{ keyword(id: $id) {{ name
          movies(first: 10) {{ nodes {{ title year }} {rest} }} }} }}""",
    }


BARE = {
    "cinegraph": "query($id: ID!) { keyword(id: $id) { name movies(first: 10) { nodes { title year } } } }",
    "apollo": """query($id: ID!) { keywords(where: {id: {eq: $id}}) { name
      movies(limit: 10, sort: [{popularity: DESC}]) { title year } } }""",
    "loaders": "query($id: ID!) { keyword(id: $id) { name movies(first: 10) { nodes { title year } } } }",
}
PATHS = {
    "cinegraph": """query($from: ID!, $to: ID!) { paths(from: $from, to: $to, first: 10) { edges { node { length
      nodes { id ... on Movie { title } ... on Person { name } ... on Genre { name } ... on Keyword { name } }
      segments { relation } } } } }""",
}
RECOMMENDED = {
    "cinegraph": """query($liked: [ID!]!) { recommendations(first: 20, liked: $liked) { edges { rank score
      node { title year } why(first: 3) { sentence contribution } } } }""",
}

OPERATIONS: Sequence[Operation] = (
    Operation("by-id", "a movie by id", BY_ID, "movies", one=True),
    Operation("nested", "a movie, its 5 top-billed, their 5 films, the directors", NESTED, "movies", one=True),
    Operation("sorted", "20 movies by popularity, with genres and cast", SORTED, "nothing"),
    Operation("filtered", "the same of a genre, 1980 to 1999", FILTERED, "genres"),
    Operation("paths", "10 paths between two movies", PATHS, "pairs"),
    Operation("recommendations", "20 recommendations, with three reasons each", RECOMMENDED, "liked"),
    *(
        Operation(f"page-{degree}{suffix}", f"first 10 of {degree:,} edges{words}", page(count), who, True, True)
        for degree, who in zip(DEGREES, ("small", "medium", "large"), strict=True)
        for suffix, words, count in (("", "", ""), ("-counted", ", with totalCount", "totalCount"))
    ),
    Operation(f"list-{DEGREES[-1]}", f"first 10 of {DEGREES[-1]:,} edges, no page info", BARE, "large", True, True),
)
