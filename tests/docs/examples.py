"""Operations of the documents, each with the answer that stands below it.

An example is a block of GraphQL, or of JSON with a `query` (a whole request), and the next block, of JSON, in its
section, which is its answer: the data alone, or all that is sent for a whole request. Lines of comment say the rest:
`# as u001` who asks (`# as an administrator`; nobody without it), `# $id: explain.why.0.id` where a variable's value is
from, in the newest answer of that name, `# then as u001: removeRating(movie: "1")` what pushes a second event. In an
answer `"…"` stands for a value that is another each time.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graphql import FieldNode, OperationDefinitionNode, OperationType, parse

DOCS: Final = Path(__file__).parents[2] / "docs"
REFERENCE: Final = DOCS / "graphql-reference.md"
DOCUMENTS: Final = (DOCS / "graphql.md", REFERENCE)
ANY: Final = "…"
VARYING: Final = (
    "activeModel.id",
    "createdAt",
    "cursor",
    "durationMs",
    "endCursor",
    "expiresAt",
    "givenAt",
    "invitation",
    "modelVersion",
    "rateMovie.at",
    "relationshipId",
    "remaining",
    "replayId",
    "startedAt",
    "stoppedAt",
    "verifyExplanation.id",
    "why.id",
)
"""The ends of the places whose values are others each time."""
DIGITS: Final = 4
"""Digits that are shown of a number with a fraction; the last ones depend on the processor."""
WIDTH: Final = 118
"""Characters of a line of an answer, where its values allow it."""

PIECE: Final = re.compile(r"^#+ (?P<heading>[^\n]+)$|^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class Example:
    """One operation, and what is shown of its answer; `start` and `end` are where that stands in the document."""

    file: Path
    heading: str
    text: str
    shown: str
    start: int
    end: int

    @property
    def request(self) -> dict[str, Any]:
        """The body to send, but for its variables."""
        request: dict[str, Any] = json.loads(self.text) if self.text.startswith('{"') else {"query": self.text}
        return request

    @property
    def operation(self) -> OperationDefinitionNode:
        found = parse(self.request["query"]).definitions[0]
        assert isinstance(found, OperationDefinitionNode)
        return found

    @property
    def pushes(self) -> bool:
        """Whether it is a subscription."""
        return self.operation.operation is OperationType.SUBSCRIPTION

    @property
    def fields(self) -> list[str]:
        """The root fields that it asks for."""
        return [one.name.value for one in self.operation.selection_set.selections if isinstance(one, FieldNode)]

    @property
    def caller(self) -> str | None:
        """A user's id, `an administrator`, or None for a visitor."""
        found = re.search(r"^# as (.+)$", self.text, re.M)
        return found and found[1]

    @property
    def variables(self) -> dict[str, str]:
        """By its name the place of an answer that a variable's value comes from."""
        return dict(re.findall(r"^# \$(\w+): ([\w.]+)$", self.text, re.M))

    @property
    def then(self) -> tuple[str, str] | None:
        """Who does what after the first event of a subscription; both events are shown, in a list."""
        found = re.search(r"^# then as (\w+): (.+)$", self.text, re.M)
        return (found[1], found[2]) if found else None

    @property
    def whole(self) -> bool:
        """Whether all that the server sends is shown, and not the data alone."""
        return "query" in self.request and "extensions" in self.request


def examples(file: Path) -> Iterator[Example]:
    """Those of a document that have an answer, or the place of one."""
    heading, asked = "", ""
    for piece in PIECE.finditer(file.read_text(encoding="utf-8")):
        kind, text = piece["kind"], piece["text"]
        if piece["heading"]:
            heading, asked = piece["heading"].strip("`"), ""
        elif kind == "json" and asked:
            yield Example(file, heading, asked, text, piece.start("text"), piece.end("text"))
            asked = ""
        else:
            asked = text if kind == "graphql" or (kind == "json" and '"query"' in text) else ""


def differences(shown: Any, given: Any, place: str = "") -> list[str]:
    """The places where an answer is another than the one that is shown."""
    if shown == ANY and given is not None:
        return []
    if isinstance(shown, dict) and isinstance(given, dict) and [*shown] == [*given]:
        return [one for name in shown for one in differences(shown[name], given[name], f"{place}.{name}")]
    if isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        pairs = enumerate(zip(shown, given, strict=True))
        return [one for i, pair in pairs for one in differences(*pair, f"{place}.{i}")]
    if isinstance(shown, float) and isinstance(given, float):
        same = math.isclose(shown, given, rel_tol=10.0 ** (1 - DIGITS), abs_tol=1e-9)
    else:
        same = type(shown) is type(given) and shown == given
    return [] if same else [f"{place or 'all'}: {shown!r} is shown, {given!r} is answered"]


def varies(place: str) -> bool:
    """Whether the value at this place, without the numbers of list items, is another each time."""
    return any(f".{place}".endswith(f".{one}") for one in VARYING)


def as_shown(given: Any, place: str = "") -> Any:
    """An answer as a document has it."""
    if isinstance(given, dict):
        return {name: as_shown(value, f"{place}.{name}") for name, value in given.items()}
    if isinstance(given, list):
        return [as_shown(value, place) for value in given]
    if given is not None and varies(place):
        return ANY
    return float(f"{given:.{DIGITS}g}") if isinstance(given, float) else given


def written(value: Any, indent: int = 0, taken: int = 0) -> str:
    """JSON in as few lines as `WIDTH` allows, after `taken` characters of the line before it."""
    short = json.dumps(value, ensure_ascii=False)
    if indent + taken + len(short) <= WIDTH or not isinstance(value, dict | list) or not value:
        return short
    if isinstance(value, list):
        return _broken("[]", [written(one, indent + 2) for one in value], indent)
    names = [f"{json.dumps(name)}: " for name in value]
    if len(names) == 1:
        return f"{{{names[0]}{written(*value.values(), indent, taken + len(names[0]) + 2)}}}"
    rows = [name + written(one, indent + 2, len(name) + 1) for name, one in zip(names, value.values(), strict=True)]
    return _broken("{}", _packed(rows, WIDTH - indent), indent)


def _broken(brackets: str, rows: list[str], indent: int) -> str:
    inner = " " * (indent + 2)
    return f"{brackets[0]}\n{inner}" + f",\n{inner}".join(rows) + f"\n{' ' * indent}{brackets[1]}"


def _packed(rows: list[str], width: int) -> list[str]:
    """Rows of one line beside each other, where there is room."""
    found: list[str] = []
    for row in rows:
        if found and "\n" not in found[-1] + row and len(found[-1]) + len(row) < width - 4:
            found[-1] += f", {row}"
        else:
            found.append(row)
    return found
