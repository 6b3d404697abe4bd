"""What invented people like: named tastes over genres, keywords, people, languages and eras.

A taste is something a film lover would recognise, not a random vector: so a demo can say why a user is shown a film,
and a model can find structure that really is there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from graph.sample.catalog import Film, person

Array = NDArray[np.float64]

_GENRE, _KEYWORD, _PERSON, _LANGUAGE, _ERA = 1.0, 0.8, 1.6, 1.2, 0.8


@dataclass(frozen=True, slots=True)
class Taste:
    """One way to like films; `eras` are decades by their first year."""

    name: str
    genres: frozenset[str] = field(default_factory=frozenset)
    keywords: frozenset[str] = field(default_factory=frozenset)
    people: frozenset[str] = field(default_factory=frozenset)
    languages: frozenset[str] = field(default_factory=frozenset)
    eras: frozenset[int] = field(default_factory=frozenset)

    def points(self, film: Film) -> float:
        """How much speaks for a film, 0 or more; of keywords and people, each further one adds less."""
        return float(
            _GENRE * len(self.genres.intersection(film.genres))
            + _KEYWORD * np.sqrt(len(self.keywords.intersection(film.keywords)))
            + _PERSON * np.sqrt(len(_people_of(film) & self.people))
            + _LANGUAGE * (film.language in self.languages)
            + _ERA * (film.year // 10 * 10 in self.eras)
        )


def taste_matrix(films: Sequence[Film]) -> Array:
    """Tastes × films, each row with mean 0 and deviation 1 over the films (a row of zeros where none differs)."""
    points = np.array([[taste.points(film) for film in films] for taste in TASTES])
    return standard(points)


def standard(rows: Array) -> Array:
    """The rows moved to mean 0 and scaled to deviation 1; a constant row becomes zeros."""
    spread = rows.std(axis=-1, keepdims=True)
    return np.asarray((rows - rows.mean(axis=-1, keepdims=True)) / np.where(spread > 0, spread, 1.0))


@cache
def _people_of(film: Film) -> frozenset[str]:
    return frozenset(someone.id for someone in film.people)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.strip() for word in text.split(";") if word.strip())


def _taste(
    name: str,
    *,
    genres: str = "",
    keywords: str = "",
    people: str = "",
    languages: str = "",
    eras: Sequence[int] = (),
) -> Taste:
    ids = frozenset(person(someone).id for someone in _words(people))
    return Taste(name, _words(genres), _words(keywords), ids, _words(languages), frozenset(eras))


TASTES: Final = (
    _taste(
        "space and machines",
        genres="Science Fiction",
        keywords="space; spaceship; alien; android; artificial intelligence; robot; future; dystopia; time travel",
        people="Ridley Scott; Denis Villeneuve; James Cameron; Stanley Kubrick; Harrison Ford; Sigourney Weaver",
    ),
    _taste(
        "crime and the city",
        genres="Crime",
        keywords="mafia; gangster; heist; police; undercover; assassin; drugs; betrayal; stolen money",
        people="Martin Scorsese; Quentin Tarantino; Francis Ford Coppola; Robert De Niro; Al Pacino; Joe Pesci",
        eras=(1970, 1990),
    ),
    _taste(
        "puzzles and suspense",
        genres="Mystery; Thriller",
        keywords="detective; investigation; serial killer; murder; unreliable narrator; conspiracy; surveillance",
        people="Alfred Hitchcock; David Fincher; Christopher Nolan; David Lynch; James Stewart",
    ),
    _taste(
        "nightmares",
        genres="Horror",
        keywords="monster; vampire; zombie; demon; witch; body horror; ghost; cult; isolation; serial killer",
        people="John Carpenter; William Friedkin; Dario Argento; David Cronenberg; Roman Polanski",
    ),
    _taste(
        "drawn worlds",
        genres="Animation; Family",
        keywords="talking animals; toys; magic; fairy tale; spirits; childhood; princess; stop motion",
        people="Hayao Miyazaki; Pete Docter; Andrew Stanton; Brad Bird; John Lasseter",
    ),
    _taste(
        "quests and heroes",
        genres="Adventure; Action; Fantasy",
        keywords="journey; sword fight; superhero; treasure; chosen one; pirate; mentor; car chase; spy",
        people="Peter Jackson; Steven Spielberg; George Lucas; Harrison Ford; George Miller; Sean Connery",
        eras=(1980, 2000, 2010),
    ),
    _taste(
        "love stories",
        genres="Romance",
        keywords="first love; forbidden love; unrequited love; love triangle; marriage; wedding; dance; nostalgia",
        people="Richard Linklater; Wong Kar-wai; Ang Lee; Audrey Hepburn; Kate Winslet; Julie Delpy",
    ),
    _taste(
        "laughter",
        genres="Comedy",
        keywords="slapstick; satire; screwball comedy; black comedy; mistaken identity; con artist; food",
        people="Charlie Chaplin; Billy Wilder; Joel Coen; Ethan Coen; Wes Anderson; Edgar Wright; Bill Murray",
    ),
    _taste(
        "war and history",
        genres="War; History",
        keywords="world war ii; world war i; vietnam war; soldier; nazis; resistance; holocaust; based on true story",
        people="David Lean; Oliver Stone; Alec Guinness; Steven Spielberg",
    ),
    _taste(
        "the West",
        genres="Western",
        keywords="gunfight; outlaw; frontier; bounty hunter; desert; revenge; 19th century; farm",
        people="Sergio Leone; John Ford; Clint Eastwood; John Wayne; Sam Peckinpah; Howard Hawks",
        eras=(1950, 1960),
    ),
    _taste(
        "swords of the East",
        genres="Action",
        keywords="samurai; martial arts; sword fight; revenge; gangster; middle ages",
        people="Akira Kurosawa; Toshiro Mifune; Tatsuya Nakadai; Zhang Yimou; Chow Yun-fat; Michelle Yeoh; John Woo",
        languages="ja; zh; ko",
    ),
    _taste(
        "European masters",
        genres="Drama",
        keywords="existentialism; memory; dream; surrealism; faith; filmmaking; death; identity; paris; rome",
        people="Ingmar Bergman; Federico Fellini; Andrei Tarkovsky; François Truffaut; Jean-Luc Godard; Lars von Trier;"
        "Krzysztof Kieślowski; Michael Haneke; Pedro Almodóvar; Marcello Mastroianni; Jean-Pierre Léaud",
        languages="fr; it; sv; ru; de; pl; es; da",
        eras=(1950, 1960, 1970),
    ),
    _taste(
        "voices of Asia",
        genres="Drama",
        keywords="family; village; poverty; class differences; tokyo; hong kong; loneliness; father and daughter",
        people="Yasujiro Ozu; Hirokazu Kore-eda; Abbas Kiarostami; Satyajit Ray; Wong Kar-wai; Bong Joon-ho;"
        "Park Chan-wook; Tony Leung Chiu-wai; Song Kang-ho",
        languages="ja; zh; ko; fa; bn; hi",
    ),
    _taste(
        "old Hollywood",
        genres="Film-Noir",
        keywords="hollywood; femme fatale; detective; screwball comedy; journalist; silent film; new york",
        people="Billy Wilder; Howard Hawks; Frank Capra; Cary Grant; Humphrey Bogart; James Stewart; Orson Welles",
        languages="en",
        eras=(1930, 1940, 1950),
    ),
    _taste(
        "song and dance",
        genres="Musical; Music",
        keywords="singer; dance; musician; jazz; theatre; artist; fame; ambition",
        people="Gene Kelly; Julie Andrews; Judy Garland; Damien Chazelle; Bob Fosse; Jacques Demy",
    ),
    _taste(
        "growing up",
        genres="Drama; Family",
        keywords="coming of age; childhood; teenager; school; family; mother and daughter; father and son; lgbt",
        people="Richard Linklater; Greta Gerwig; Saoirse Ronan; Hirokazu Kore-eda; François Truffaut; Ethan Hawke",
        eras=(1980, 2010, 2020),
    ),
)
