"""Popular: the movies that most users like, the same for everybody."""

from recommenders.interactions import Interactions
from recommenders.model import FitOptions, Model, ModelConfig
from recommenders.scorers import PopularityScorer


class Config(ModelConfig):
    """Nothing to set."""


class Popular(Model[Config]):
    """Counts likes."""

    config_class = Config

    def _learn(self, interactions: Interactions, options: FitOptions) -> PopularityScorer:
        return PopularityScorer(interactions.likes())
