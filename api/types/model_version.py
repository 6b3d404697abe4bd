"""A version of a model: what it is made of, what it reached, and whether it is served."""

import strawberry

from api.scalars import DateTime, JsonText
from api.types.build import Node, identity, leaf
from cinegraph.types import Label


@strawberry.type(description="A version of a model, as training wrote it into the graph.")
class ModelVersion(Node):
    id: strawberry.ID = identity(Label.MODEL_VERSION)
    model: str = leaf("{n}.model", "The model's name, as in lightgcn.")
    created_at: DateTime = leaf("{n}.createdAt", "When it was written.")
    status: str = leaf(
        "{n}.status", "ready, staged where it was never served, or writing where its publication has no end."
    )
    fingerprint: str = leaf("{n}.fingerprint", "A hash of the ratings that it learnt from.")
    config: JsonText = leaf("{n}.config", "Its hyper-parameters.")
    metrics: JsonText = leaf("{n}.metrics", "The evaluation it was published with: the table of all models.")
