"""What a person typed → a query of the full-text index that forgives typos and never fails to parse.

Only letters and digits of the input reach the query; each word may be mistyped (one letter from four on, two from
seven on) or unfinished, and a word as typed counts more.
"""

import re
import unicodedata

from cinegraph.errors import InvalidInput

MAX_LENGTH = 200
MAX_WORDS = 12
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Lower-case words without accents, as the index has them."""
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"the search text has {len(text)} characters; {MAX_LENGTH} is the most")
    folded = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    words = _WORD.findall(folded)[:MAX_WORDS]
    if not words:
        raise InvalidInput(f"{text!r} has no letter and no digit to search for")
    return words


def search_text(text: str) -> str:
    """All words, each as typed, mistyped or unfinished."""
    return " AND ".join(f"({word}^4 OR {_mistyped(word)}{word}*)" for word in words_of(text))


def autocomplete_text(text: str) -> str:
    """All words as typed, the last one unfinished."""
    *whole, last = words_of(text)
    return " AND ".join([*(f"({word}^4 OR {_mistyped(word)}{word}*)" for word in whole), f"({last}^2 OR {last}*)"])


def _mistyped(word: str) -> str:
    if len(word) < 4:
        return ""
    return f"{word}~{1 if len(word) < 7 else 2} OR "
