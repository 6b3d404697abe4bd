"""Every model on a folder of MovieLens ratings: the table of figures, and the seconds each took.

python -m benchmarks.models ../shared/data/ml-latest-small
"""

import sys
from pathlib import Path

import polars as pl

from recommenders.interactions import Interactions
from recommenders.training import ModelResult, TrainingOptions, train


def interactions(folder: Path) -> Interactions:
    """The ratings of a MovieLens folder."""
    ratings = pl.read_csv(folder / "ratings.csv")
    at = pl.col("timestamp") * 1000
    return Interactions.from_frame(ratings.select(user_id="userId", movie_id="movieId", rating="rating", at=at))


def line(one: ModelResult) -> str:
    """One row of the table."""
    test, recall = one.test, f"{one.test.recall_at_10.mean:.4f} | {one.test.recall_at_20.mean:.4f}"
    over_popular = next((str(beside.difference) for beside in one.against if beside.baseline == "popular"), "")
    return (
        f"| {one.name} | {one.validation.ndcg_at_10} | {test.ndcg_at_10} | {over_popular} "
        f"| {recall} | {test.mrr.mean:.4f} | {test.coverage_at_10:.4f} "
        f"| {test.novelty_at_10.mean:.2f} | {one.seconds:.1f} |"
    )


def main(folder: Path) -> None:
    """Train all and print the table."""
    run = train(interactions(folder), options=TrainingOptions(device="cpu"))
    print(f"{folder.name}: {run.protocol.name}, {run.test_users} test users, seed {run.seed}, best: {run.best}\n")
    print("| model | validation NDCG@10 | test NDCG@10 | over popular | R@10 | R@20 | MRR | coverage | bits | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for one in run.results:
        print(line(one))
    print("\n" + "\n".join(f"{one.name}: {dict(one.config)}" for one in run.results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
