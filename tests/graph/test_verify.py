"""Which nodes the graph has, whatever is in memory."""

from cinegraph.types import Label, NodeRef
from graph.client import GraphClient
from graph.verify import find_missing
from tests import tiny


async def test_nodes_that_the_graph_lacks_are_found_in_order_each_once(graph: GraphClient) -> None:
    await tiny.load(graph)
    gone, wrong = NodeRef(Label.GENRE, "opera"), NodeRef(Label.PERSON, "1")
    known = [NodeRef(Label.MOVIE, "1"), NodeRef(Label.GENRE, "drama"), NodeRef(Label.PERSON, "ridley-scott")]
    assert await find_missing(graph.reader, [gone, *known, wrong, gone]) == [gone, wrong]
    assert await find_missing(graph.reader, [*known, NodeRef(Label.LANGUAGE, "fr")]) == []


async def test_to_ask_about_nothing_takes_no_statement(graph: GraphClient) -> None:
    before = graph.session.statements
    assert await find_missing(graph.reader, []) == []
    assert graph.session.statements == before
