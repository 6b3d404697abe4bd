"""Titles as one who leaves the spaces out types them: `starwars`, `thematrix`, `spiderman`."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
ARTICLES: Final = frozenset({"a", "an", "the"})


def words_in(text: str) -> list[str]:
    """Lower-case words without accents, as the full-text index has them."""
    decomposed = unicodedata.normalize("NFKD", text.lower()).replace("\N{FRACTION SLASH}", " ")
    return _WORD.findall("".join(letter for letter in decomposed if not unicodedata.combining(letter)))


@dataclass(frozen=True, slots=True)
class JoinedTitles:
    """Titles of several words by their letters alone, with and without the article in front, in order; `first` is the
    number of letters of the first word."""

    joined: tuple[str, ...]
    first: tuple[int, ...]
    titles: tuple[str, ...]

    @classmethod
    def of(cls, titles: Iterable[str]) -> "JoinedTitles":
        """Of these titles, each once."""
        rows = sorted({(*form, title) for title in titles for form in _forms(title)})
        joined, first, named = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(joined, first, named)

    def beginning(self, letters: str, most: int) -> list[str]:
        """The first `most` titles whose letters begin with these, and that have more than one word of them: what begins
        a single word is found by that word."""
        start = bisect_left(self.joined, letters)
        places = takewhile(lambda place: self.joined[place].startswith(letters), range(start, len(self.joined)))
        found = (self.titles[place] for place in places if self.first[place] < len(letters))
        return list(islice(dict.fromkeys(found), most))


def _forms(title: str) -> set[tuple[str, int]]:
    words = words_in(title)
    kinds = [words, words[1:]] if words and words[0] in ARTICLES else [words]
    return {("".join(one), len(one[0])) for one in kinds if len(one) > 1}
