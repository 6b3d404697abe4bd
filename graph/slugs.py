"""Ids from names."""

import re
import unicodedata
from typing import Final

_FOLDED: Final = str.maketrans(
    {"'": "", "’": "", "½": " 1 2", "ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "ł": "l", "Ł": "L"}
)


def slug(text: str) -> str:
    """ASCII letters and digits in lower case, parted by hyphens (`Léon: The Professional` → `leon-the-professional`);
    empty for a text that has none."""
    letters = unicodedata.normalize("NFKD", text.translate(_FOLDED)).lower()
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")
