"""The benchmark of folding in, on little data."""

import pytest

from benchmarks import folding
from benchmarks.folding import asked, fitted, measured
from recommenders import registry
from recommenders.protocol import divide, load_protocol
from tests.recommenders.planted import planted


def test_its_models_are_there_as_they_are_named() -> None:
    for name, config in folding.MODELS.items():
        registry.create(name.partition(" ")[0], config)


@pytest.mark.parametrize("parts", [2, 5])
def test_every_user_is_asked_of_both(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setattr(folding, "PARTS", parts)
    split, _ = divide(planted(), load_protocol("user_time"))
    found = measured("ease", split)
    whole = asked(fitted("ease", split.train), split, split.question("validation").users.tolist())
    assert found["trained"] == pytest.approx(whole.mean())
    assert found["difference"][0] == pytest.approx(found["folded"] - found["trained"])
    assert found["difference"][1] < found["difference"][0] < found["difference"][2]
    assert found["folded"] > 0.8 * found["trained"], "others like the same here"
