"""What a training says of its best model in a sentence: an advantage over EASE that is not significant is said so."""

from dataclasses import dataclass

from recommenders.results import TrainingRun


@dataclass(frozen=True, slots=True)
class Words:
    """What the figures say in a sentence, and whether it is good news."""

    words: str
    good: bool


def verdict(run: TrainingRun) -> Words:
    """Of the best model against EASE."""
    against = run.against_ease(run.best)
    if against is None:
        return Words("The best model on validation is EASE itself, the bar for all others.", True)
    sign = 1 if against.first == run.best else -1
    figures = f"{sign * against.difference:+.4f} NDCG@10, p = {against.p:.4f} after Holm's correction"
    if not against.significant and sign * against.difference < 0:
        return Words(f"{run.best} is not above EASE; that it is below is not significant: {figures}.", False)
    if not against.significant:
        return Words(f"The advantage of {run.best} over EASE is not significant: {figures}.", False)
    if sign * against.difference < 0:
        return Words(f"{run.best} is significantly worse than EASE: {figures}.", False)
    return Words(f"{run.best} is significantly better than EASE: {figures}.", True)
