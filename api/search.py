"""What a person typed → a query of the full-text index that forgives typos and never fails to parse.

Only letters and digits of the input reach the query; each word may be mistyped (one letter from four on, two from
seven on) or unfinished, and a word as typed counts more.
"""

import re
from collections.abc import Iterable
from typing import Final

from cinegraph.errors import InvalidInput
from graph.titles import JoinedTitles, words_in

_LEFT_OUT = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
will with
"""
STOP_WORDS: Final = frozenset(_LEFT_OUT.split())
"""What the index leaves out: those of Lucene's analyser for English, `standard-folding`."""
MAX_LENGTH = 200
MAX_WORDS = 12
JOINED = 3
"""Words at most that are also looked for as one."""
APART: Final = 5
"""Letters at least of one word that is also looked for as several."""
MOST_APART: Final = 50
_YEAR: Final = re.compile(r"(?:18|19|20)\d\d")


def words_of(text: str) -> list[str]:
    """Lower-case words without accents, as the index has them."""
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"the search text has {len(text)} characters; {MAX_LENGTH} is the most")
    words = words_in(text)[:MAX_WORDS]
    if not words:
        raise InvalidInput(f"{text!r} has no letter and no digit to search for")
    return words


def search_text(text: str) -> str:
    """All words, each as typed, mistyped or unfinished, or all of them as one ("wall-e", "old boy"); stop words count
    where nothing else was typed, and a year after other words may be that of the film ("alien 1979")."""
    words = words_of(text)
    apart = _required(words)
    if not apart:
        return f"{words[-1]}*"
    return f"({apart}) OR {''.join(words)}~1^8" if 1 < len(words) <= JOINED else apart


def autocomplete_text(text: str) -> str:
    """All words as typed, the last one unfinished: all that it may become counts alike, so that popularity decides. A
    stop word at the end may be the beginning of another word."""
    *whole, last = words_of(text)
    known = _required(whole)
    if last in STOP_WORDS or (known and _YEAR.fullmatch(last)):
        return f"{known} {last}*".strip()
    return f"{known} +{last}*".strip()


def telling_words(text: str) -> list[str]:
    """The words that a name must have, whole or unfinished, where the index cannot be asked: not stop words, unless
    nothing else was typed, and no year after other words."""
    words = words_of(text)
    telling = [word for i, word in enumerate(words) if word not in STOP_WORDS and not (i and _YEAR.fullmatch(word))]
    return telling or words[-1:]


def years_in(text: str) -> list[int]:
    """Years that stand after other words: of films, where they are in no title."""
    return [int(word) for word in words_of(text)[1:] if _YEAR.fullmatch(word)]


def exact_titles(text: str, joined: JoinedTitles) -> list[str]:
    """Titles that the index does not find: of stop words alone ("It", "They"), as they may be written; and those that
    begin with one word as if it were several ("starwars")."""
    words = words_of(text)
    if len(words) == 1 and len(words[0]) >= APART:
        return joined.beginning(words[0], MOST_APART)
    if not STOP_WORDS.issuperset(words):
        return []
    typed = " ".join(text.split())
    return sorted({typed, typed.title(), typed.capitalize()})


def _required(words: Iterable[str]) -> str:
    return " ".join(_clause(word, place) for place, word in enumerate(words) if word not in STOP_WORDS)


def _clause(word: str, place: int) -> str:
    if place and _YEAR.fullmatch(word):
        return f"{word}^4"
    return f"+({word}^4 OR {_mistyped(word)}{word}*)"


def _mistyped(word: str) -> str:
    if len(word) < 4:
        return ""
    return f"{word}~{1 if len(word) < 7 else 2} OR "
