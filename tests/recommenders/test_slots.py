"""Kept places: where they are, who fills them, and that the chance that is told is the chance that it was."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommenders.candidates import Source
from recommenders.slots import ORDINARY, Kept, Slot, fill, keeps, seed_of

ORDER = np.arange(10, dtype=np.int32)
KEPT = Kept(np.array([3, 20, 21], np.int32), np.array([30, 31, 0], np.int32), np.array([3.0, 1.0, 4.0]))


def test_a_share_keeps_as_many_places_as_it_says() -> None:
    for share in (0.0, 0.05, 0.1, 0.25, 1 / 3, 0.5, 0.7, 1.0):
        assert sum(keeps(place, share) for place in range(1, 61)) == int(60 * share + 1e-9)
    assert [place for place in range(1, 61) if keeps(place, 0.1)] == [10, 20, 30, 40, 50, 60]
    assert [place for place in range(1, 61) if keeps(place, 0.1, 0.5)] == [5, 15, 25, 35, 45, 55]


def test_fresh_places_have_the_best_new_movie_that_does_not_stand_above() -> None:
    filled, slots = fill(ORDER, KEPT, (0.25, 0.0), 10, seed=1)
    assert filled.tolist() == [0, 3, 1, 2, 4, 20, 5, 6, 7, 21]
    assert slots == dict.fromkeys([3, 20, 21], Slot(Source.FRESH, 1.0))


def test_a_place_that_nothing_is_left_for_goes_to_the_list() -> None:
    nothing = Kept(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
    assert fill(ORDER, nothing, (0.5, 0.5), 10, seed=1)[0].tolist() == ORDER.tolist()
    filled, slots = fill(ORDER, KEPT, (0.0, 1.0), 10, seed=1)
    assert (sorted(filled[:3].tolist()), filled[3:].tolist()) == ([0, 30, 31], [1, 2, 3, 4, 5, 6, 7])
    assert list(slots) == filled[:3].tolist()


def test_the_chance_that_is_told_is_the_chance_that_it_was() -> None:
    drawn = Counter(tuple(fill(ORDER, KEPT, (0.0, 0.5), 4, seed)[0][:4].tolist()) for seed in range(20_000))
    told: dict[tuple[int, ...], float] = {}
    for seed in range(200):
        filled, slots = fill(ORDER, KEPT, (0.0, 0.5), 4, seed)
        told[tuple(filled[:4].tolist())] = float(np.prod([slots[item].propensity for item in slots]))
    assert sum(told.values()) == pytest.approx(1.0)  # every list that there is
    assert set(told) == set(drawn)
    for one, chance in told.items():
        assert drawn[one] / 20_000 == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 20_000) ** 0.5)


def test_what_stands_above_is_not_drawn_and_its_chance_goes_to_the_others() -> None:
    _, slots = fill(ORDER, KEPT, (0.0, 0.5), 2, seed=1)  # 0 stands at the first place
    [(item, slot)] = slots.items()
    assert slot == Slot(Source.EXPLORATION, {30: 0.75, 31: 0.25}[item])


SHARES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0])


@given(SHARES, SHARES, st.integers(0, 99), st.integers(1, 10), st.permutations(range(10)))
def test_however_many_places_are_filled_the_first_are_the_same(
    fresh: float, trying: float, seed: int, places: int, order: list[int]
) -> None:
    ranked = np.array(order, np.int32)
    whole, _ = fill(ranked, KEPT, (fresh, trying), 10, seed)
    part, slots = fill(ranked, KEPT, (fresh, trying), places, seed)
    assert part[:places].tolist() == whole[:places].tolist()
    assert len(set(part.tolist())) == len(part) == len(ranked)
    assert all(slots.get(item, ORDINARY).propensity > 0 for item in part.tolist())
    rest = [item for item in part[places:].tolist()]
    assert rest == [item for item in order if item in rest]


def test_a_seed_is_of_all_its_parts() -> None:
    assert len({seed_of("1", 5, "ease-1", 7), seed_of("1", 6, "ease-1", 7), seed_of("2", 5, "ease-1", 7)}) == 3
    assert seed_of("1", 5) == seed_of("1", 5)
