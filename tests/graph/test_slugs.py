"""Ids from names."""

import pytest

from graph.slugs import slug


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Science Fiction", "science-fiction"),
        ("Léon: The Professional", "leon-the-professional"),
        ("Children's", "childrens"),
        ("8½", "8-1-2"),
        ("Film-Noir", "film-noir"),
        ("  (no genres listed) ", "no-genres-listed"),
        ("Straße nach Łódź", "strasse-nach-lodz"),
        ("七人の侍", ""),
        ("", ""),
    ],
)
def test_a_slug_has_ascii_letters_and_digits_parted_by_hyphens(text: str, found: str) -> None:
    assert slug(text) == found
