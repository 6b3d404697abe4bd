"""Reasons: which path says it best, for whom, and what none is made of."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from graph.snapshot import Snapshot, assemble, edges_among
from recommenders.histories import Preference, Rated, UserHistory
from recommenders.reasons import SIMILAR_STRENGTH, Explainer, Reason
from recommenders.told import WEIGHTS, told_of

MOVIES = 40
PERSON, GENRE, KEYWORD, SERIES = "director", "genre", "keyword", "series"
Edge = tuple[int, str | int, Relation] | tuple[int, str | int, Relation, int]


def catalogue(edges: list[Edge]) -> Snapshot:
    """Forty movies `0` to `39`, a person, a genre, a keyword, a series, and relationships (movie, other, type), with
    the place in the billing where it matters."""
    films = [
        {"id": str(i), "name": f"Movie {i}", "year": 2000, "runtime": 90, "popularity": 0.0} for i in range(MOVIES)
    ]
    labels = {PERSON: "Person", GENRE: "Genre", KEYWORD: "Keyword", SERIES: "Collection"}
    others = [{"id": name, "name": name.title(), "label": label} for name, label in labels.items()]
    place = {name: MOVIES + i for i, name in enumerate(labels)}
    rows = []
    for number, (movie, other, relation, *order) in enumerate(edges):
        ends = [place[other] if isinstance(other, str) else other]
        place_of = order or [-1]
        rows.append(
            {"movie": [movie], "relation": [relation.value], "other": ends, "number": [number], "order": place_of}
        )
    found = edges_among(np.arange(MOVIES + 4), rows)
    return assemble(0, "m", [{"sample": "5:db:0"}], films, others, found)


def movie(id_: int) -> NodeRef:
    return NodeRef(Label.MOVIE, str(id_))


def history(*movies: int, preferences: tuple[Preference, ...] = ()) -> UserHistory:
    return UserHistory("u", 1, tuple(Rated(str(id_), 5.0, 1, f"rated{id_}") for id_ in movies), preferences=preferences)


def both(entity: str, relation: Relation, *more: int) -> list[Edge]:
    """A connection of movies 0 and 1, and of others."""
    return [(id_, entity, relation) for id_ in (0, 1, *more)]


def reasons(edges: list[Edge], count: int = 3, **values: float) -> list[Reason]:
    """The reasons for movie 1; `m0=0.5` is a contribution."""
    parts = {movie(int(name[1:])): value for name, value in (values or {"m0": 1.0}).items()}
    return explained(catalogue(edges), history(*range(MOVIES)), "1", parts, count)


def explained(
    snapshot: Snapshot, history: UserHistory, movie_id: str, parts: dict[NodeRef, float], count: int = 3
) -> list[Reason]:
    return Explainer(snapshot, told_of(snapshot), history, list(parts)).reasons(
        movie_id, np.array([*parts.values()]), count
    )


def entities(found: list[Reason]) -> list[str]:
    return [str(one.nodes[1]) for one in found]


def test_a_shared_director_comes_before_a_shared_genre() -> None:
    common = both(GENRE, Relation.HAS_GENRE, *range(2, 20))
    assert entities(reasons([*common, *both(PERSON, Relation.DIRECTED, 2)])) == ["Person:director"]


def test_a_genre_that_is_rare_enough_comes_before_a_person_who_is_everywhere() -> None:
    edges = [*both(GENRE, Relation.HAS_GENRE), *both(PERSON, Relation.ACTED_IN, *range(2, 36))]
    assert entities(reasons(edges)) == ["Genre:genre"]


def test_a_series_comes_before_a_director_of_as_many_films() -> None:
    edges = [*both(PERSON, Relation.DIRECTED), *both(SERIES, Relation.PART_OF)]
    assert entities(reasons(edges)) == ["Collection:series"]


def test_the_similarity_of_a_model_comes_after_a_shared_person_and_before_a_genre_of_half_the_movies() -> None:
    similar: list[Edge] = [(0, 1, Relation.SIMILAR)]
    half = both(GENRE, Relation.HAS_GENRE, *range(2, 20))
    (one,) = reasons([*similar, *half])
    assert (one.nodes, one.strength) == ((movie(0), movie(1)), SIMILAR_STRENGTH)
    assert entities(reasons([*similar, *half, *both(PERSON, Relation.ACTED_IN)])) == ["Person:director"]


def test_a_person_counts_by_the_weaker_of_both_relationships() -> None:
    edges: list[Edge] = [(0, PERSON, Relation.DIRECTED), (1, PERSON, Relation.CREW)]
    (one,) = reasons(edges)
    assert one.strength == pytest.approx(WEIGHTS[Relation.CREW] * 4.321928094887363)  # log2(40 / 2)


def test_an_actor_counts_by_the_smaller_of_both_roles() -> None:
    leads = reasons([(0, PERSON, Relation.ACTED_IN, 0), (1, PERSON, Relation.ACTED_IN, 2)])
    small = reasons([(0, PERSON, Relation.ACTED_IN, 0), (1, PERSON, Relation.ACTED_IN, 12)])
    assert (leads[0].strength, small[0].strength) == pytest.approx((4.321928094887363, 0.3 * 4.321928094887363))


def test_a_reason_is_a_chain_of_relationships_from_the_user_to_the_movie() -> None:
    (one,) = reasons(both(PERSON, Relation.DIRECTED))
    person = NodeRef(Label.PERSON, PERSON)
    assert one.nodes == (movie(0), person, movie(1))
    assert one.source == EdgeRef(Relation.RATED, NodeRef(Label.USER, "u"), movie(0), "rated0")
    assert [(edge.relation, edge.start, edge.end) for edge in one.edges] == [
        (Relation.DIRECTED, person, movie(0)),
        (Relation.DIRECTED, person, movie(1)),
    ]
    assert [edge.element_id for edge in one.edges] == ["5:db:0", "5:db:1"]
    assert (one.contribution, one.rating) == (1.0, 5.0)
    assert one.all_edges == (one.source, *one.edges)


def test_each_own_movie_has_one_reason_the_most_telling_contribution_first() -> None:
    edges: list[Edge] = [
        *both(PERSON, Relation.DIRECTED),
        *both(GENRE, Relation.HAS_GENRE),
        (2, GENRE, Relation.HAS_GENRE),
        (3, PERSON, Relation.DIRECTED),
    ]
    found = reasons(edges, m0=0.05, m2=0.4, m3=0.3)
    assert [one.nodes[0] for one in found] == [movie(3), movie(2), movie(0)]
    assert len(reasons(edges, 2, m0=0.05, m2=0.4, m3=0.3)) == 2


def test_what_lowers_a_score_is_no_reason() -> None:
    assert reasons(both(PERSON, Relation.DIRECTED), m0=-1.0) == []
    assert reasons(both(PERSON, Relation.DIRECTED), m0=0.0) == []


def test_a_movie_is_no_reason_for_itself() -> None:
    assert reasons(both(PERSON, Relation.DIRECTED), m1=1.0) == []


def test_movies_with_nothing_in_common_have_no_reason() -> None:
    assert reasons([(0, PERSON, Relation.DIRECTED), (1, GENRE, Relation.HAS_GENRE)]) == []


def test_of_many_like_contributions_the_most_specific_connection_is_the_reason() -> None:
    """A model whose contributions are all about as large must not hide the one movie of the same series."""
    many = {f"m{id_}": 1.1 for id_ in range(2, 39)}
    genre = both(GENRE, Relation.HAS_GENRE, *range(2, 20))
    found = reasons([*genre, *both(SERIES, Relation.PART_OF)], m0=1.0, **many)
    assert (found[0].nodes[0], entities(found)[0]) == (movie(0), "Collection:series")


def test_reasons_lead_over_different_entities_as_far_as_there_are_such() -> None:
    edges: list[Edge] = [
        *((id_, PERSON, Relation.DIRECTED) for id_ in (0, 1, 2, 3)),
        *((id_, GENRE, Relation.HAS_GENRE) for id_ in (0, 1, 2, 3, 4)),
    ]
    found = reasons(edges, m0=1.0, m2=0.9, m3=0.8, m4=0.1)
    assert entities(found) == ["Person:director", "Genre:genre", "Person:director"]
    assert [one.nodes[0] for one in found] == [movie(0), movie(4), movie(2)]


def test_one_who_made_a_movie_in_two_ways_tells_as_much_as_one_who_did_in_one() -> None:
    once = reasons(both(PERSON, Relation.DIRECTED))
    twice = reasons([*both(PERSON, Relation.WROTE), *both(PERSON, Relation.DIRECTED)])
    assert [one.strength for one in twice] == [one.strength for one in once]
    assert [edge.relation for edge in twice[0].edges] == [Relation.DIRECTED, Relation.DIRECTED]


ENDS = [
    (end, relation)
    for end, relations in {
        PERSON: (Relation.DIRECTED, Relation.WROTE, Relation.ACTED_IN),
        GENRE: (Relation.HAS_GENRE,),
        KEYWORD: (Relation.HAS_KEYWORD,),
        SERIES: (Relation.PART_OF,),
    }.items()
    for relation in relations
]


@given(st.data())
def test_reasons_are_those_of_a_search_without_shortcuts(data: st.DataObject) -> None:
    edges: list[Edge] = sorted(
        (id_, *end) for id_, end in data.draw(st.sets(st.tuples(st.integers(0, 9), st.sampled_from(ENDS))))
    )
    values = data.draw(st.dictionaries(st.integers(0, 9), st.sampled_from([-0.5, 0.1, 0.5, 1.0]), min_size=1))
    weights: dict[tuple[int, str | int], float] = {}
    for id_, end, relation in edges:
        weights[id_, end] = max(weights.get((id_, end), 0.0), WEIGHTS[relation])
    bits = {end: math.log2(MOVIES / sum(1 for _, other in weights if other == end)) for _, end in weights}
    slow = {
        movie(id_): value * max(strengths)
        for id_, value in values.items()
        if id_ != 1 and value > 0
        if (
            strengths := [
                bits[end] * min(weight, weights[1, end])
                for (own, end), weight in weights.items()
                if own == id_ and (1, end) in weights
            ]
        )
    }
    found = reasons(edges, MOVIES, **{f"m{id_}": value for id_, value in values.items()})
    assert {one.nodes[0]: one.contribution * one.strength for one in found} == pytest.approx(slow)
    assert len(found) == len(slow)
    best = max(slow.values(), default=None)
    assert [one.contribution * one.strength for one in found[:1]] == ([] if best is None else [pytest.approx(best)])


def test_what_every_movie_has_is_no_reason() -> None:
    assert reasons([(i, GENRE, Relation.HAS_GENRE) for i in range(MOVIES)]) == []


def test_a_movie_that_is_not_in_the_catalogue_has_no_reason_and_is_none() -> None:
    films = catalogue(both(PERSON, Relation.DIRECTED))
    assert explained(films, history(0), "gone", {movie(0): 1.0}) == []
    assert explained(films, history(0), "1", {NodeRef(Label.MOVIE, "gone"): 1.0}) == []
    assert explained(films, history(0), "1", {movie(0): 1.0}, 0) == []
    assert explained(films, history(), "1", {}) == []


def test_a_preference_is_a_reason_by_its_own_relationship() -> None:
    person = NodeRef(Label.PERSON, PERSON)
    stated = history(preferences=(Preference(person, 1, "p"),))
    (one,) = explained(catalogue(both(PERSON, Relation.DIRECTED)), stated, "1", {person: 0.5})
    assert one.nodes == (person, movie(1))
    assert one.source == EdgeRef(Relation.PREFERS, NodeRef(Label.USER, "u"), person, "p")
    assert [(edge.relation, edge.start, edge.end) for edge in one.edges] == [(Relation.DIRECTED, person, movie(1))]


def test_a_preference_is_a_reason_by_the_relationship_that_tells_most() -> None:
    person = NodeRef(Label.PERSON, PERSON)
    stated = history(preferences=(Preference(person, 1, "p"),))
    edges = [*both(PERSON, Relation.CREW), *both(PERSON, Relation.DIRECTED)]
    (one,) = explained(catalogue(edges), stated, "1", {person: 0.5})
    assert [edge.relation for edge in one.edges] == [Relation.DIRECTED]
    assert one.strength == pytest.approx(WEIGHTS[Relation.DIRECTED] * math.log2(40 / 2))


def test_a_visitor_has_no_relationship_of_their_own() -> None:
    visitor = UserHistory(None, None).with_liked(["0"], 5.0)
    (one,) = explained(catalogue(both(PERSON, Relation.DIRECTED)), visitor, "1", {movie(0): 1.0})
    assert (one.source, one.rating) == (None, None)
    assert one.all_edges == one.edges
