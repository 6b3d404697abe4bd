"""Titles as one who leaves the spaces out types them."""

from graph.titles import JoinedTitles, words_in

TITLES = ["The Matrix", "Star Wars: Episode IV", "Star Wars: Episode V", "Spider-Man", "Amélie", "A Bug's Life"]


def test_titles_are_found_by_the_beginning_of_their_letters() -> None:
    joined = JoinedTitles.of(TITLES)
    assert joined.beginning("starwars", 10) == ["Star Wars: Episode IV", "Star Wars: Episode V"]
    assert joined.beginning("starwars", 1) == ["Star Wars: Episode IV"]
    assert joined.beginning("spiderman", 10) == ["Spider-Man"]
    assert joined.beginning("starw", 10) == ["Star Wars: Episode IV", "Star Wars: Episode V"]
    assert joined.beginning("star", 10) == []
    assert joined.beginning("zzz", 10) == []


def test_an_article_in_front_may_be_left_out() -> None:
    joined = JoinedTitles.of(TITLES)
    assert joined.beginning("thematrix", 10) == ["The Matrix"]
    assert joined.beginning("abugslife", 10) == joined.beginning("bugslife", 10) == ["A Bug's Life"]


def test_a_title_of_one_word_is_in_the_index_as_it_is() -> None:
    assert JoinedTitles.of(["Amélie", "The Matrix"]).beginning("amelie", 10) == []
    assert JoinedTitles.of(["The Matrix"]).beginning("matrix", 10) == []


def test_words_are_without_case_accents_and_signs() -> None:
    assert words_in("Amélie — WALL·E, 8½!") == ["amelie", "wall", "e", "81", "2"]
