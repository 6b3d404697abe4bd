"""The only list of models. A model's module is loaded when it is asked for, so that the list costs nothing to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from cinegraph import plugins
from cinegraph.errors import InvalidInput, NotFound
from recommenders.model import Model, ModelConfig


@dataclass(frozen=True, slots=True)
class Entry:
    """A model by name: where its class is, and what it is in one line; `slow` ones are trained where they are named,
    and where one is too large its `stand_in` is trained. `reads_texts` is whether it learns from what is written."""

    name: str
    module: str
    class_name: str
    description: str
    slow: bool = False
    stand_in: str = ""
    reads_texts: bool = False


MODELS = (
    Entry("popular", "recommenders.models.popular", "Popular", "what most users like, the same for everybody"),
    Entry("itemknn", "recommenders.models.itemknn", "ItemKNN", "movies near to the user's own, by cosine"),
    Entry("ease", "recommenders.models.ease", "Ease", "linear item-item weights in closed form", False, "sparse_ease"),
    Entry("graphfilter", "recommenders.models.graph_filter", "GraphFilter", "likes spread over their graph, sharpened"),
    Entry("lightgcn", "recommenders.models.lightgcn", "LightGCN", "embeddings propagated over the graph of likes"),
    Entry("xsimgcl", "recommenders.models.xsimgcl", "XSimGCL", "the same, by contrast with noise as well", True),
    Entry("kgnn", "recommenders.models.kgnn", "KGNN", "movies embedded by their neighbours in the catalogue", True),
    Entry("sparse_ease", "recommenders.models.sparse_ease", "SparseEase", "EASE for very many movies", True),
    Entry("ials", "recommenders.models.ials", "IALS", "vectors by alternating least squares", True),
    Entry(
        "content",
        "recommenders.models.content",
        "Content",
        "movies like the user's own in the catalogue",
        slow=True,
        reads_texts=True,
    ),
    Entry("blend", "recommenders.models.blend", "Blend", "a weighted sum of other models", True),
    Entry(
        "ensemble",
        "recommenders.models.ensemble",
        "Ensemble",
        "an additive ranker over other models",
        reads_texts=True,
    ),
)
BASELINES = ("popular", "itemknn", "ease")
"""The models that stand beside every other one."""


def names() -> tuple[str, ...]:
    """The names of all models, the simplest first."""
    return tuple(entry.name for entry in MODELS)


def usual() -> tuple[str, ...]:
    """The names of those that are trained where none is named."""
    return tuple(entry.name for entry in MODELS if not entry.slow)


def entry(name: str) -> Entry:
    """The model of that name; raises `NotFound` with the names that there are."""
    for known in MODELS:
        if known.name == name:
            return known
    near = get_close_matches(name.lower(), names(), 1)
    meant = f"did you mean {near[0]}? there are" if near else "there are"
    raise NotFound(f"there is no model {name!r}; {meant}: {', '.join(names())}")


def model_class(name: str) -> type[Model[Any]]:
    """The class of the model; raises `MissingExtra` where it needs a part that is not installed."""
    known = entry(name)
    found: type[Model[Any]] = getattr(plugins.load(known.module), known.class_name)
    return found


def create(name: str, config: Mapping[str, Any] | ModelConfig | None = None) -> Model[Any]:
    """The unfitted model with these hyper-parameters, others at their defaults; raises `InvalidInput` for bad ones."""
    found = model_class(name)
    values = config.model_dump() if isinstance(config, ModelConfig) else dict(config or {})
    try:
        return found(found.config_class(**values))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc']))} = {one['input']!r}: {one['msg']}" for one in error.errors()
        )
        known = ", ".join(found.config_class.model_fields) or "none"
        raise InvalidInput(f"{name} cannot be configured so: {wrong}. Its hyper-parameters: {known}") from error
