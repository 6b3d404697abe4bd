"""MovieLens titles taken apart ("City of Lost Children, The (Cité des enfants perdus, La) (1995)"), and compared."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

_YEAR = re.compile(r"\s*\((\d{4})(?:\s*[-–]\s*(?:\d{4})?)?\)\s*$")
_GROUP = re.compile(r"^(?P<rest>.*\S)\s*\((?P<inside>[^()]+)\)$")
_ALIAS = re.compile(r"^(?:a\.?k\.?a\.?)[:\s]+", re.I)
_UNFINISHED = re.compile(r"(?:\bor|[:,])$", re.I)
_ARTICLE = re.compile(
    r"^(?P<rest>.+), (?P<article>The|A|An|L'|L’|Le|La|Les|Un|Une|Il|Lo|I|Gli|Una|Uno|El|Los|Las|Der|Die|Das|Den|Det|"
    r"De|Het|Een|Ein|Eine|En|Et|O|Os|As|Um|Uma)$"
)


@dataclass(frozen=True, slots=True)
class Title:
    """A title without its year, the original one where it stands in brackets, and every other name."""

    title: str
    original: str | None
    aliases: tuple[str, ...]
    year: int | None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (self.title, *([self.original] if self.original else []), *self.aliases)


def parse_title(text: str) -> Title:
    """The parts of a title as MovieLens writes it."""
    text = text.strip()
    found = _YEAR.search(text)
    rest, inside = _brackets(text[: found.start()] if found and found.start() else text)
    original = [front_article(name) for name in inside if not _ALIAS.match(name)]
    aliases = [front_article(_ALIAS.sub("", name)) for name in inside if _ALIAS.match(name)]
    year = int(found[1]) if found and found.start() else None
    return Title(front_article(rest), original[0] if original else None, (*aliases, *original[1:]), year)


def _brackets(text: str) -> tuple[str, list[str]]:
    """The title, and what stands in brackets after it; "Birdman: Or (The Unexpected …)" stays whole."""
    inside: list[str] = []
    while (group := _GROUP.match(text)) and not _UNFINISHED.search(group["rest"]):
        inside.insert(0, group["inside"].strip())
        text = group["rest"]
    return text, inside


def front_article(title: str) -> str:
    """ "Matrix, The" as "The Matrix", in any of the languages that MovieLens has."""
    found = _ARTICLE.match(title.strip())
    if not found:
        return title.strip()
    gap = "" if found["article"][-1] in "'’" else " "
    return f"{found['article']}{gap}{found['rest']}"


def plain(title: str) -> str:
    """A title without case, accents and punctuation, for comparing."""
    letters = unicodedata.normalize("NFKD", title.casefold().replace("&", " and "))
    return " ".join(re.findall(r"\w+", "".join(c for c in letters if not unicodedata.combining(c))))


def similarity(ours: Iterable[str], theirs: Iterable[str]) -> float:
    """How alike the two most alike names are, 0 to 1; a name that begins with the other counts as the same."""
    left, right = {plain(name) for name in ours} - {""}, {plain(name) for name in theirs} - {""}
    if left & right:
        return 1.0
    return max((_alike(one, two) for one in left for two in right), default=0.0)


def _alike(one: str, two: str) -> float:
    short, long = sorted((one, two), key=len)
    if f"{long} ".startswith(f"{short} ") or f" {long}".endswith(f" {short}"):
        return 1.0
    return SequenceMatcher(None, one, two, autojunk=False).ratio()
