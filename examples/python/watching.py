"""Recommendations page by page, ratings, and a subscription: python watching.py URL MOVIE [TOKEN]

It needs nothing of Cinegraph's: pip install httpx websockets
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
from websockets.sync.client import connect
from websockets.typing import Subprotocol

WATCH = """
  query Watch($liked: [ID!], $after: String) {
    recommendations(first: 2, liked: $liked, after: $after) {
      edges { node { title } why(first: 1) { sentence } }
      pageInfo { hasNextPage endCursor }
    }
  }
"""
RATE = """
  mutation Rate($movie: ID!, $rating: Float!) {
    rateMovie(movie: $movie, rating: $rating) {
      __typename
      ... on Rated { rating movie { title } }
      ... on MovieNotFound { message }
      ... on InvalidValue { message }
      ... on NotSignedIn { message }
    }
  }
"""
CHANGED = "subscription Changed { recommendationsChanged(first: 2) { edges { node { id title } } } }"


class Fault(Exception):
    """An error with its code, and how many seconds to wait, where the server says it."""

    def __init__(self, error: dict[str, Any]) -> None:
        self.code = error["extensions"]["code"]
        super().__init__(f"{self.code}: {error['message']}")
        self.retry_after: int | None = error["extensions"].get("retryAfter")


class Cinegraph:
    """One endpoint, and who asks."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(headers=self._headers, timeout=10)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data; once more where the server says when."""
        try:
            return self._ask(query, variables)
        except Fault as fault:
            if fault.retry_after is None:
                raise
            say(code=fault.code, again=fault.retry_after)
            time.sleep(fault.retry_after)
            return self._ask(query, variables)

    def _ask(self, query: str, variables: dict[str, Any]) -> Any:
        response = self._http.post(self._url, json={"query": query, "variables": variables})
        answer = response.json()
        if "degraded" in answer.get("extensions", {}):
            say(without=answer["extensions"]["degraded"]["without"])
        if "errors" in answer:
            raise Fault(answer["errors"][0])
        return answer["data"]

    def follow(self, query: str) -> Iterator[Any]:
        """The data of each event of a subscription."""
        url = self._url.replace("http", "ws", 1)
        with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            socket.send(json.dumps({"type": "connection_init", "payload": self._headers}))
            socket.recv()  # connection_ack; a token that is wrong ends the connection
            socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
            for message in map(json.loads, socket):
                if message["type"] == "next":
                    yield message["payload"]["data"]
                elif message["type"] == "ping":
                    socket.send('{"type": "pong"}')
                elif message["type"] == "error":
                    raise Fault(message["payload"][0])
                elif message["type"] == "complete":
                    return


def pages(cinegraph: Cinegraph, movie: str) -> Iterator[list[str]]:
    """What is like a movie, each with why."""
    after = None
    while True:
        page = cinegraph.ask(WATCH, liked=[movie], after=after)["recommendations"]
        yield [line(edge["node"]["title"], edge["why"]) for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def line(title: str, why: list[dict[str, str]]) -> str:
    """A movie and the first reason for it."""
    return f"{title}: {why[0]['sentence'] if why else 'no reason found'}"


def rate(cinegraph: Cinegraph, movie: str, rating: float) -> str:
    """What a rating came to."""
    rated = cinegraph.ask(RATE, movie=movie, rating=rating)["rateMovie"]
    if rated["__typename"] == "Rated":
        return f"{rated['movie']['title']}: {rated['rating']:g} stars"
    return str(rated["message"])


def say(**line: Any) -> None:
    """One line."""
    print(json.dumps(line, ensure_ascii=False, separators=(",", ":")), flush=True)


def main(url: str, movie: str, token: str | None = None) -> None:
    """All of it; of a subscription the list as it is, and as it is after the first of it was rated."""
    cinegraph = Cinegraph(url, token)
    for page in pages(cinegraph, movie):
        say(page=page)
    for named, rating in ((movie, 7), ("no-such-movie", 4.5), (movie, 4.5)):
        say(rated=rate(cinegraph, named, rating))
    if token:
        for event, data in enumerate(cinegraph.follow(CHANGED)):
            edges = data["recommendationsChanged"]["edges"]
            say(now=[edge["node"]["title"] for edge in edges])
            if event == 1:
                return
            rate(cinegraph, edges[0]["node"]["id"], 5)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
