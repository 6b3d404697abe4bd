"""Sentences: each kind of path in its words, with names from the path and figures from the graph."""

import re

import pytest

from cinegraph.types import EdgeRef, Label, NodeRef, Relation
from recommenders.reasons import Reason
from recommenders.wording import DONE, SHARED, sentence, stars

USER, ALIEN, OTHER = NodeRef(Label.USER, "1"), NodeRef(Label.MOVIE, "a"), NodeRef(Label.MOVIE, "b")
LABELS = {
    Relation.HAS_GENRE: Label.GENRE,
    Relation.HAS_KEYWORD: Label.KEYWORD,
    Relation.PART_OF: Label.COLLECTION,
    Relation.PRODUCED_BY: Label.COMPANY,
    Relation.FROM_COUNTRY: Label.COUNTRY,
    Relation.IN_LANGUAGE: Label.LANGUAGE,
}
NAMES = {ALIEN: "Alien", OTHER: "Blade Runner"}
RATED = EdgeRef(Relation.RATED, USER, ALIEN, "r")


def name(node: NodeRef) -> str:
    return NAMES.get(node, f"<{node.label}>")


def edge(relation: Relation, movie: NodeRef, entity: NodeRef) -> EdgeRef:
    ends = (entity, movie) if relation in DONE else (movie, entity)
    return EdgeRef(relation, *ends, f"{relation}{movie}")


def path(one: Relation, other: Relation | None = None, *, source: EdgeRef | None = RATED) -> Reason:
    """Alien → something → Blade Runner."""
    entity = NodeRef(LABELS.get(one, Label.PERSON), "x")
    edges = edge(one, ALIEN, entity), edge(other or one, OTHER, entity)
    return Reason((ALIEN, entity, OTHER), edges, source, 5.0 if source else None, 0.5, 1.0)


def said(reason: Reason, rating: float = 5.0) -> str:
    return sentence(reason, {RATED: {"rating": rating}}, name)


RATED_ALIEN = "Because you rated Alien 5 stars, and "


@pytest.mark.parametrize(
    ("relation", "ending"),
    [
        (Relation.DIRECTED, "<Person> directed both."),
        (Relation.ACTED_IN, "<Person> is in both."),
        (Relation.WROTE, "<Person> wrote both."),
        (Relation.CREW, "<Person> worked on both."),
        (Relation.HAS_GENRE, "both are <Genre> films."),
        (Relation.HAS_KEYWORD, "the keyword “<Keyword>” fits both."),
        (Relation.PART_OF, "both belong to the <Collection> series."),
        (Relation.PRODUCED_BY, "<Company> produced both."),
        (Relation.FROM_COUNTRY, "both were made in <Country>."),
        (Relation.IN_LANGUAGE, "both are in <Language>."),
    ],
)
def test_a_shared_node_is_said_by_its_relationship(relation: Relation, ending: str) -> None:
    assert said(path(relation)) == RATED_ALIEN + ending


def test_every_relationship_between_a_movie_and_something_shared_has_words() -> None:
    of_users = {Relation.RATED, Relation.VIEWED, Relation.TAGGED, Relation.DISMISSED, Relation.PREFERS}
    assert set(DONE) | set(SHARED) == set(Relation) - of_users - {Relation.SIMILAR, Relation.HAS_TAG}


def test_two_different_jobs_are_both_said() -> None:
    assert said(path(Relation.ACTED_IN, Relation.DIRECTED)) == (
        RATED_ALIEN + "<Person>, who is in it, directed Blade Runner."
    )


def test_a_similarity_is_said_as_what_people_like() -> None:
    reason = Reason((ALIEN, OTHER), (EdgeRef(Relation.SIMILAR, ALIEN, OTHER, "s"),), RATED, 5.0, 0.5, 0.5)
    assert said(reason) == RATED_ALIEN + "people who like it tend to like Blade Runner."


def test_a_visitor_likes_and_did_not_rate() -> None:
    assert said(path(Relation.DIRECTED, source=None)) == "Because you like Alien, and <Person> directed both."


@pytest.mark.parametrize(
    ("label", "relation", "words"),
    [
        (Label.GENRE, Relation.HAS_GENRE, "Because you like <Genre> films."),
        (Label.KEYWORD, Relation.HAS_KEYWORD, "Because you like “<Keyword>”."),
        (Label.COLLECTION, Relation.PART_OF, "Because you like the <Collection> series."),
        (Label.PERSON, Relation.DIRECTED, "Because you like <Person>, who directed it."),
        (Label.PERSON, Relation.ACTED_IN, "Because you like <Person>, who is in it."),
    ],
)
def test_a_preference_is_said_as_liking(label: Label, relation: Relation, words: str) -> None:
    node = NodeRef(label, "x")
    source = EdgeRef(Relation.PREFERS, USER, node, "p")
    reason = Reason((node, OTHER), (edge(relation, OTHER, node),), source, None, 0.5, 1.0)
    assert sentence(reason, {source: {"weight": 1.0}}, name) == words


@pytest.mark.parametrize(
    ("relation", "written", "ending"),
    [
        (Relation.PART_OF, "Alien Collection", "both belong to the Alien series."),
        (Relation.FROM_COUNTRY, "United States", "both were made in the United States."),
        (Relation.FROM_COUNTRY, "France", "both were made in France."),
        (Relation.PRODUCED_BY, "Who?", "Who? produced both."),
    ],
)
def test_names_are_written_as_the_sentence_needs(relation: Relation, written: str, ending: str) -> None:
    assert sentence(path(relation), {RATED: {"rating": 5.0}}, lambda _: written).endswith(ending)


def test_a_title_that_ends_a_sentence_gets_no_second_stop() -> None:
    reason = Reason((ALIEN, OTHER), (EdgeRef(Relation.SIMILAR, ALIEN, OTHER, "s"),), None, None, 0.5, 0.5)
    assert sentence(reason, {}, lambda _: "What's Up, Doc?").endswith("tend to like What's Up, Doc?")


def test_the_stars_are_those_of_the_graph_now() -> None:
    assert said(path(Relation.DIRECTED), rating=4.5).startswith("Because you rated Alien 4.5 stars, and ")


@pytest.mark.parametrize(
    ("rating", "words"), [(5.0, "5 stars"), (4.5, "4.5 stars"), (1.0, "1 star"), (0.5, "0.5 stars")]
)
def test_stars_are_counted(rating: float, words: str) -> None:
    assert stars(rating) == words


@pytest.mark.parametrize("one", [*DONE, *SHARED])
def test_only_names_of_the_path_are_said(one: Relation) -> None:
    """Every name is marked, so that one from elsewhere would show."""
    asked: list[NodeRef] = []

    def marking(node: NodeRef) -> str:
        asked.append(node)
        return f"[{node}]"

    others = [other for other in DONE if one in DONE] or [one]
    for other in others:
        reason = path(one, other)
        text = sentence(reason, {RATED: {"rating": 5.0}}, marking)
        assert set(asked) <= set(reason.nodes)
        assert set(re.findall(r"\[(.*?)\]", text)) <= {str(node) for node in reason.nodes}
