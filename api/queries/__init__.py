"""The root fields that read."""

import strawberry

from api.queries.catalog import CatalogQuery
from api.queries.experiments import ExperimentQuery
from api.queries.paths import PathQuery
from api.queries.questions import QuestionQuery
from api.queries.recommendations import RecommendationQuery
from api.queries.replays import ReplayQuery


@strawberry.type(description="All that can be asked.")
class Query(CatalogQuery, RecommendationQuery, QuestionQuery, PathQuery, ReplayQuery, ExperimentQuery):
    """One class out of those of each file."""
