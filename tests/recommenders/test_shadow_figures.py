"""What is counted of a model in the shadow: worked out by hand; two servers add up to one."""

import numpy as np
import pytest

from recommenders.shadow_figures import Figures, Histogram, jaccard, rank_biased_overlap, summed


def test_the_overlap_of_two_lists_is_the_part_of_all_their_movies_that_both_have() -> None:
    assert jaccard("abcd", "cdef") == 2 / 6
    assert jaccard("abc", "cba") == 1
    assert jaccard("ab", "cd") == 0
    assert jaccard("", "") == 1


def test_the_rank_biased_overlap_is_that_of_the_paper() -> None:
    """By hand: agreement 1, 1/2, 2/3 at p = 0.9."""
    by_hand = 2 / 3 * 0.9**3 + 0.1 / 0.9 * (1 * 0.9 + 1 / 2 * 0.9**2 + 2 / 3 * 0.9**3)
    assert rank_biased_overlap("abc", "adb") == pytest.approx(by_hand, abs=1e-15)
    assert rank_biased_overlap("abcdefghij", "abcdefghij") == pytest.approx(1, abs=1e-15)
    assert rank_biased_overlap("abc", "def") == 0
    assert rank_biased_overlap("", "") == 1
    assert rank_biased_overlap("", "a") == 0


def test_a_difference_at_the_top_counts_more() -> None:
    assert rank_biased_overlap("abcde", "xbcde") < rank_biased_overlap("abcde", "abcdx")


def test_a_quantile_is_at_most_a_bucket_too_high() -> None:
    seconds = np.random.default_rng(1).lognormal(-6, 1, 5_000)
    histogram = Histogram()
    for one in seconds.tolist():
        histogram.add(one)
    for share in (0.5, 0.99):
        exact = float(np.quantile(seconds, share, method="inverted_cdf")) * 1000
        found = histogram.quantile_ms(share)
        assert found is not None
        assert exact <= found < exact * 2 ** (1 / 8) * (1 + 1e-12)
    assert Histogram().quantile_ms(0.5) is None


def counted(numbers: range) -> Figures:
    figures = Figures()
    for number in numbers:
        figures.add("abc", "abd" if number % 2 else "bac", 0.001 * (number + 1), 0.002 * (number + 1))
        if number % 3 == 0:
            figures.drop()
        if number % 4 == 0:
            figures.fail("broken")
    return figures


def test_servers_add_up_to_what_one_would_have_counted() -> None:
    """Their parts are merged exactly, quantiles too."""
    one = summed([counted(range(20)).as_json()])
    two = summed([counted(range(12)).as_json(), counted(range(12, 20)).as_json()])
    assert (one.servers, two.servers) == (1, 2)
    names = [name for name in one.__slots__ if name != "servers"]
    assert [getattr(two, name) for name in names] == pytest.approx([getattr(one, name) for name in names])
    assert (one.requests, one.dropped, one.failed, one.error) == (20, 7, 5, "broken")
    assert one.same_first == 0.5
    assert one.jaccard == pytest.approx((0.5 + 1) / 2)


def test_without_a_request_there_is_no_mean() -> None:
    found = summed([Figures().as_json()])
    assert (found.requests, found.jaccard, found.overlap, found.same_first, found.live_p50_ms) == (0, *[None] * 4)
    assert summed([]).servers == 0
