"""The registry: one list, lazily loaded, with names in its errors."""

import subprocess
import sys

import pytest

from cinegraph.errors import InvalidInput, NotFound
from recommenders import registry


def test_all_models_are_there() -> None:
    assert registry.names() == (
        "popular",
        "itemknn",
        "ease",
        "graphfilter",
        "lightgcn",
        "xsimgcl",
        "kgnn",
        "sparse_ease",
        "ials",
        "content",
        "blend",
        "ensemble",
    )


def test_slow_ones_are_trained_where_they_are_named() -> None:
    assert set(registry.names()) - set(registry.usual()) == {
        "content",
        "sparse_ease",
        "ials",
        "xsimgcl",
        "kgnn",
        "blend",
    }
    assert set(registry.BASELINES) < set(registry.usual())


def test_what_stands_in_for_another_is_a_model_trained_where_it_is_named() -> None:
    stand_ins = {entry.name: entry.stand_in for entry in registry.MODELS if entry.stand_in}
    assert stand_ins == {"ease": "sparse_ease"}
    assert "sparse_ease" not in registry.usual()


@pytest.mark.parametrize("name", registry.names())
def test_every_hyper_parameter_is_documented(name: str) -> None:
    for field, info in registry.model_class(name).config_class.model_fields.items():
        assert info.description, field


@pytest.mark.parametrize("name", registry.names())
def test_what_is_searched_is_a_configuration(name: str) -> None:
    for config in registry.model_class(name).search:
        registry.create(name, config)


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound, match="no model 'svd'; there are: popular, itemknn, ease, graphfilter, lightgcn"):
        registry.create("svd")


def test_a_name_that_is_mistyped_brings_the_nearest() -> None:
    with pytest.raises(NotFound, match="no model 'Eese'; did you mean ease"):
        registry.entry("Eese")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"l2": -1}, "l2 = -1: Input should be greater than 0"),
        ({"lambda": 5}, "lambda = 5: Extra inputs are not permitted.*l2, min_likes, memory_mb"),
        ({"l2": float("nan")}, "l2 = nan"),
        ({"l2": "much"}, "l2 = 'much': Input should be a valid number"),
    ],
)
def test_bad_hyper_parameters_are_named_with_their_value(config: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        registry.create("ease", config)


def test_the_list_loads_no_model() -> None:
    code = (
        "import sys, recommenders.registry as r, recommenders.training, recommenders.artifacts, recommenders.gate\n"
        "r.names(); r.model_class('ease')\n"
        "assert not {'torch', 'torch_geometric'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
