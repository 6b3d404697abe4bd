"""The sample catalogue: films as facts, read from the `films/*.film` files beside this module.

A file is a row of blocks parted by empty lines; a line that begins with `#` is a comment. A block is a title with its
year and then one `field: value` a line, lists parted by `; `:

    Alien (1979)
    directors: Ridley Scott
    writers: Dan O'Bannon; Ronald Shusett
    cast: Sigourney Weaver as Ellen Ripley; Tom Skerritt as Dallas
    genres: Horror; Science Fiction
    keywords: space; android; survival
    runtime: 117
    language: en
    countries: US; GB
    collection: Alien
    renown: 5
    synopsis: One sentence in our own words.

`writers`, `cast`, `collection` and `renown` may be left out, and so may ` as <character>`. `writers` are those of the
screenplay and the story, not of a book behind them. `renown` says how many people know the film, from 1 to 5.
Different people who share a name are told apart by a number, `Steve McQueen [1]` (the actor) and `Steve McQueen [2]`
(the director): the number is part of the id and not of the name. Countries are ISO 3166 codes, with `SU` for films of
the Soviet Union and `DE` for all of Germany; languages are ISO 639-1 codes of the original, or of its intertitles.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, TypeVar

from graph import slugs
from graph.sample.vocabulary import GENRES, keywords

T = TypeVar("T")

DEFAULT_RENOWN: Final = 3
_TITLE = re.compile(r"(?P<title>.+) \((?P<year>\d{4})\)")
_FIELD = re.compile(r"(?P<name>[a-z]+): (?P<value>\S.*)")
_NUMBERED = re.compile(r"(?P<name>.+) \[(?P<number>\d+)\]")
_REQUIRED: Final = ("directors", "genres", "keywords", "runtime", "language", "countries", "synopsis")
_OPTIONAL: Final = ("writers", "cast", "collection", "renown")


class SampleFormatError(ValueError):
    """A line of a `.film` file that is not what the format asks for; names file, line, value and remedy."""


@dataclass(frozen=True, slots=True, order=True)
class Person:
    """Somebody who made or played; `name` is as it stands on a poster, `id` tells namesakes apart."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a person plays; `order` counts from 0, the most important first; no character where none is sure."""

    person: Person
    character: str | None
    order: int


@dataclass(frozen=True, slots=True)
class Film:
    """One film; `runtime` in minutes, `renown` from 1 (few know it) to 5 (everyone does)."""

    id: str
    title: str
    year: int
    directors: tuple[Person, ...]
    writers: tuple[Person, ...]
    cast: tuple[Role, ...]
    genres: tuple[str, ...]
    keywords: tuple[str, ...]
    runtime: int
    language: str
    countries: tuple[str, ...]
    collection: str | None
    renown: int
    synopsis: str

    @property
    def people(self) -> tuple[Person, ...]:
        """Everyone in it once: directors, writers, cast."""
        return tuple(dict.fromkeys((*self.directors, *self.writers, *(role.person for role in self.cast))))


@dataclass(frozen=True, slots=True)
class _Line:
    """A piece of text and where it stands, so that an error can say so."""

    source: str
    number: int
    text: str

    def refuse(self, problem: str, remedy: str) -> SampleFormatError:
        """The error for this line."""
        return SampleFormatError(f"{self.source}:{self.number}: {problem}; {remedy}")

    def items(self) -> tuple[str, ...]:
        """The parts of a list, none empty and none twice."""
        parts = tuple(part.strip() for part in self.text.split(";"))
        if "" in parts:
            raise self.refuse(f"an empty item in {self.text!r}", "put one `;` between two items and none at the end")
        if twice := [part for part in dict.fromkeys(parts) if parts.count(part) > 1]:
            raise self.refuse(f"{twice[0]!r} stands twice", "name it once")
        return parts


@dataclass(frozen=True, slots=True)
class _Block:
    """One film as text: its title line and its fields by name."""

    title: _Line
    fields: dict[str, _Line]

    def read(self, name: str, reader: Callable[[_Line], T]) -> T:
        """The value of a field that must be there."""
        if name not in self.fields:
            raise self.title.refuse(f"{self.title.text!r} has no {name}", f"add a line `{name}: …`")
        return reader(self.fields[name])

    def find(self, name: str, reader: Callable[[_Line], T], default: T) -> T:
        """The value of a field that may be left out."""
        return reader(self.fields[name]) if name in self.fields else default


def load_catalog() -> tuple[Film, ...]:
    """All films of the sample, oldest file first; the same objects each time."""
    return _load()


@cache
def _load() -> tuple[Film, ...]:
    folder = resources.files("graph.sample").joinpath("films")
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".film")), key=lambda file: file.name)
    films = tuple(film for file in files for film in parse(file.read_text(encoding="utf-8"), file.name))
    _check_ids(films)
    check_people(films)
    return films


def parse(text: str, source: str) -> tuple[Film, ...]:
    """The films of one file; `source` names it in errors, which are `SampleFormatError`."""
    films = tuple(_film(block) for block in _blocks(text, source))
    _check_ids(films)
    return films


def slug(text: str) -> str:
    """The id of a text; `SampleFormatError` for one that has no letter to make one of."""
    if not (id_ := slugs.slug(text)):
        raise SampleFormatError(f"{text!r} has no letter to make an id of; write it in Latin letters")
    return id_


def person(name: str) -> Person:
    """Somebody by the name in a file, with or without the number that tells namesakes apart."""
    numbered = _NUMBERED.fullmatch(name)
    return Person(slug(name), numbered["name"] if numbered else name)


def check_people(films: Iterable[Film]) -> None:
    """Refuse one id under two spellings, and a bare name beside a numbered one: both are one person, or two."""
    names: dict[str, str] = {}
    for someone in (each for film in films for each in film.people):
        if names.setdefault(someone.id, someone.name) != someone.name:
            raise SampleFormatError(
                f"{names[someone.id]!r} and {someone.name!r} are both {someone.id!r}; spell one person one way"
            )
    for id_, name in names.items():
        if slug(name) != id_ and slug(name) in names:
            raise SampleFormatError(f"{name!r} stands with and without a number ({id_!r}); number every one of them")


def _check_ids(films: Iterable[Film]) -> None:
    seen: set[str] = set()
    for film in films:
        if film.id in seen:
            raise SampleFormatError(f"{film.title!r} ({film.year}) stands twice in the catalogue; keep one block")
        seen.add(film.id)


def _blocks(text: str, source: str) -> Iterator[_Block]:
    lines = [_Line(source, number, raw.strip()) for number, raw in enumerate(text.splitlines(), start=1)]
    block: list[_Line] = []
    for line in (*lines, _Line(source, len(lines) + 1, "")):
        if line.text and not line.text.startswith("#"):
            block.append(line)
        elif block and not line.text:
            yield _block(block[0], block[1:])
            block = []


def _block(title: _Line, lines: list[_Line]) -> _Block:
    fields: dict[str, _Line] = {}
    for line in lines:
        match = _FIELD.fullmatch(line.text)
        if not match:
            raise line.refuse(f"{line.text!r} is no field", "write `name: value`, or part two films by an empty line")
        name = match["name"]
        if name not in (*_REQUIRED, *_OPTIONAL):
            raise line.refuse(f"unknown field {name!r}", f"use one of {', '.join((*_REQUIRED, *_OPTIONAL))}")
        if name in fields:
            raise line.refuse(f"{name!r} stands twice in {title.text!r}", "keep one of the two lines")
        fields[name] = _Line(line.source, line.number, match["value"])
    return _Block(title, fields)


def _film(block: _Block) -> Film:
    match = _TITLE.fullmatch(block.title.text)
    if not match:
        raise block.title.refuse(f"{block.title.text!r} is no title", "write `Title (year)`, as in `Alien (1979)`")
    return Film(
        id=f"{slug(match['title'])}-{match['year']}",
        title=match["title"],
        year=int(match["year"]),
        directors=block.read("directors", _people),
        writers=block.find("writers", _people, ()),
        cast=block.find("cast", _cast, ()),
        genres=block.read("genres", _genres),
        keywords=block.read("keywords", _keywords),
        runtime=block.read("runtime", _runtime),
        language=block.read("language", _language),
        countries=block.read("countries", _countries),
        collection=block.find("collection", _text, None),
        renown=block.find("renown", _renown, DEFAULT_RENOWN),
        synopsis=block.read("synopsis", _text),
    )


def _text(line: _Line) -> str:
    return line.text


def _people(line: _Line) -> tuple[Person, ...]:
    return tuple(person(name) for name in line.items())


def _cast(line: _Line) -> tuple[Role, ...]:
    named = [part.partition(" as ") for part in line.items()]
    return tuple(Role(person(name), character or None, order) for order, (name, _, character) in enumerate(named))


def _genres(line: _Line) -> tuple[str, ...]:
    return _known(line, GENRES, "genre", "vocabulary.py")


def _keywords(line: _Line) -> tuple[str, ...]:
    return _known(line, keywords(), "keyword", "keywords.txt")


def _known(line: _Line, words: Iterable[str], what: str, where: str) -> tuple[str, ...]:
    items = line.items()
    if unknown := [item for item in items if item not in words]:
        raise line.refuse(f"unknown {what} {unknown[0]!r}", f"use one of {where}, or add it there")
    return items


def _runtime(line: _Line) -> int:
    if not line.text.isdecimal() or int(line.text) < 1:
        raise line.refuse(f"runtime {line.text!r} is no number of minutes", "write whole minutes, as in `runtime: 117`")
    return int(line.text)


def _renown(line: _Line) -> int:
    if line.text not in ("1", "2", "3", "4", "5"):
        raise line.refuse(f"renown {line.text!r} is not from 1 to 5", "write 1 (few know it) to 5 (everyone does)")
    return int(line.text)


def _language(line: _Line) -> str:
    if not re.fullmatch(r"[a-z]{2}", line.text):
        raise line.refuse(f"language {line.text!r} is no ISO 639-1 code", "write two small letters, as in `en`")
    return line.text


def _countries(line: _Line) -> tuple[str, ...]:
    codes = line.items()
    if wrong := [code for code in codes if not re.fullmatch(r"[A-Z]{2}", code)]:
        raise line.refuse(f"country {wrong[0]!r} is no ISO 3166 code", "write two capitals, as in `US; GB`")
    return codes
