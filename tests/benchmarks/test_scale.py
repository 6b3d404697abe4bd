"""The files that the run at scale makes are a data set that can be ingested, and can be divided by time."""

from pathlib import Path

import polars as pl

from benchmarks import scale
from graph.ingest.layouts import find_layout


def test_the_files_are_a_data_set_in_the_layout_of_movielens(tmp_path: Path) -> None:
    shape = scale.make(tmp_path / "generated", 20_000)
    _, files = find_layout(tmp_path / "generated")
    ratings = pl.read_csv(tmp_path / "generated" / "ratings.csv")
    assert ratings.height == shape["ratings"]
    assert ratings["userId"].n_unique() == shape["users"]
    assert pl.read_csv(tmp_path / "generated" / "movies.csv").height == shape["movies"]
    assert files


def test_a_users_ratings_lie_on_both_sides_of_the_moments_that_part_them(tmp_path: Path) -> None:
    scale.make(tmp_path / "generated", 20_000)
    ratings = pl.read_csv(tmp_path / "generated" / "ratings.csv")
    late = ratings["timestamp"].quantile(0.9)
    by_user = ratings.group_by("userId").agg(
        both=(pl.col("timestamp") > late).any() & (pl.col("timestamp") < late).any()
    )
    assert by_user["both"].mean() > 0.9


def test_memory_counts_this_process() -> None:
    ballast = bytearray(50_000_000)
    with_it = scale.resident()
    del ballast
    stages = list[dict[str, object]]()
    with scale.told(stages, "something"):
        pass
    assert with_it > 50_000_000
    assert [row["stage"] for row in stages] == ["something"]
    assert isinstance(stages[0]["peakMegabytes"], int)
