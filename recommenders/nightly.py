"""Whether a training can go on from the live version, and with which options; `start.py` says how it is measured."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cinegraph.errors import CinegraphError
from recommenders import registry
from recommenders.interactions import Interactions
from recommenders.model import FitOptions
from recommenders.results import Recipe
from recommenders.start import Start, find_start, since
from recommenders.training import TrainingOptions


def nightly(
    artifacts: Path, live: Recipe, names: Sequence[str], interactions: Interactions, options: TrainingOptions
) -> tuple[TrainingOptions, str]:
    """Options to go on from the live version with its hyper-parameters, and ""; or to train in full, and why.

    In full the live model has the same hyper-parameters, but for epochs, unless `options` give others. Raises
    `NotEnoughData` where too few ratings came since to judge what an increment brings: the live version is to stay.
    """
    in_full = options
    if live.model in names and live.model not in options.configs:
        config = {name: value for name, value in live.config.items() if name != "epochs"}
        in_full = replace(options, configs={**options.configs, live.model: config})
    if live.model not in names:
        return in_full, f"{live.version} is a {live.model}, which is not to be trained: {', '.join(names)}"
    try:
        start = _checked(artifacts, live, interactions, options)
    except CinegraphError as error:
        return in_full, str(error)
    configs = {**options.configs, live.model: start.config}
    return replace(options, configs=configs, protocol=since(interactions, start), start=start), ""


def _checked(artifacts: Path, live: Recipe, interactions: Interactions, options: TrainingOptions) -> Start:
    """The start of the live version, where its model can take it."""
    model = registry.create(live.model, live.config)
    knowledge = options.facts.knowledge if options.facts else None
    model.check_start(interactions, FitOptions(knowledge=knowledge))
    start = find_start(artifacts, live.version, interactions)
    model.check_start(interactions, FitOptions(knowledge=knowledge, start=start))
    return start
