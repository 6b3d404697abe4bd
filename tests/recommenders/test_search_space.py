"""What is tried of each model: fields that there are, values that they may have, and the default among them."""

import pytest

from recommenders import registry
from recommenders.search_space import Choice, Range


def ends(values: Range | Choice) -> tuple[object, ...]:
    return (values.low, values.high) if isinstance(values, Range) else values.values


@pytest.mark.parametrize("name", registry.names())
def test_all_that_is_tried_may_be_and_the_default_is_tried(name: str) -> None:
    config_class = registry.model_class(name).config_class
    assert (name in ("popular", "blend")) == (not config_class.search_space)  # a blend learns its own weights
    for field, values in config_class.search_space.items():
        for value in ends(values):
            assert getattr(registry.create(name, {field: value}).config, field) == value
        assert getattr(config_class(), field) in values


def test_a_range_has_both_its_ends() -> None:
    assert [value in Range(1, 4) for value in (0, 1, 4, 5, "1")] == [False, True, True, False, False]
    assert ["bpr" in Choice(("bpr",)), "x" in Choice(("bpr",))] == [True, False]
