"""What a file of an experiment may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput, NotFound
from graph.experiments import Limit, RecordedArm
from recommenders.experiment_file import experiment_of, load_experiment, schema
from recommenders.experiments import Guardrail
from recommenders.sequential import LEVEL, PLANNED_USERS
from recommenders.standing import remaining

WHOLE = """\
id: ensemble-1
salt: pepper
outcome: viewed
window_days: 0.5
planned_users: 500
level: 0.1
guardrails:
  - {outcome: dismissed, at_most: 0.2}
arms:
  - {name: control, share: 0.5}
  - {name: ensemble, share: 0.5, model: ensemble-0123456789ab, tuning: {diversity: 0.1}}
"""
SHORT = "id: one\narms:\n  - {name: a, share: 0.5}\n  - {name: b, share: 0.5}\n"


def loaded(tmp_path: Path, text: str) -> object:
    file = tmp_path / "experiment.yaml"
    file.write_text(text, encoding="utf-8")
    return load_experiment(file)


def test_a_file_says_all_of_it(tmp_path: Path) -> None:
    file = tmp_path / "experiment.yaml"
    file.write_text(WHOLE)
    one = load_experiment(file)
    assert (one.id, one.salt, one.outcome, one.window) == ("ensemble-1", "pepper", "viewed", 43_200_000)
    assert (one.planned_users, one.level, one.guardrails) == (500, 0.1, (Limit("dismissed", None, 0.2),))
    assert one.arms == (
        RecordedArm("control", 0.5),
        RecordedArm("ensemble", 0.5, "ensemble-0123456789ab", diversity=0.1),
    )
    going = remaining(one)
    assert going is not None
    assert going.guardrails == (Guardrail("dismissed", at_most=0.2),)


def test_what_is_left_out_has_a_default() -> None:
    one = experiment_of({"id": "x", "arms": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}]}, "input")
    assert (one.salt, one.outcome, one.window, one.guardrails) == ("x", "liked", 14 * 86_400_000, ())
    assert (one.level, one.planned_users) == (LEVEL, PLANNED_USERS)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("share: 0.5}\n", "share: 0.4}\n", ", line 2: the shares of a, b sum to 0.9: they must sum to 1"),
        (
            "{name: b, share: 0.5}",
            "{name: b, share: 0}",
            ", line 4: arms.1.share = 0: it must be a number above 0 to 1 (part of all",
        ),
        ("name: b", "name: a", ", line 2: arms have the name 'a' twice; give each its own"),
        ("name: b", "name: B", ', line 4: arms.1.name = "B": it must be a text that matches ^[a-z0-9]'),
        ("id: one\n", "", "experiment.yaml: id is missing: it must be a text that matches"),
        (
            "id: one",
            "id: one\nwindow: 3",
            ", line 2: window = 3: there is no such key; did you mean window_days? there are: id,",
        ),
        ("id: one", "id: one\nwindow_days: 0", ", line 2: window_days = 0: it must be a number above 0 to 365 (days"),
        (
            "id: one",
            "id: one\noutcome: bought",
            ', line 2: outcome = "bought": it must be one of liked, dismissed, viewed',
        ),
        (
            "id: one",
            "id: one\nguardrails: [{outcome: viewed}]",
            ", line 2: guardrail viewed is at least -inf and at most",
        ),
        ("id: one", "id: one\nlevel: .nan", "experiment.yaml"),
        ("  - {name: b, share: 0.5}\n", "", ", line 2: arms = [{"),
        (
            "share: 0.5}\n",
            "share: 0.5, tuning: {novelty: 2}}\n",
            ", line 3: arms.0.tuning.novelty = 2: it must be a number from 0 to 1 or null",
        ),
        ("share: 0.5}\n", "share: half}\n", ', line 3: arms.0.share = "half": it must be a number above 0'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert right in SHORT
    with pytest.raises(InvalidInput) as raised:
        loaded(tmp_path, SHORT.replace(right, wrong, 1))
    assert said in str(raised.value)
    assert "experiment.yaml" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        load_experiment(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="this is no text in UTF-8"):
        load_experiment(tmp_path / "binary.yaml")


def test_the_schema_names_every_key() -> None:
    described = schema()
    assert set(described["properties"]) == {
        "id", "salt", "outcome", "window_days", "planned_users", "level", "guardrails", "arms",
    }  # fmt: skip
    assert described["required"] == ["id", "arms"]


def test_an_arm_that_was_stopped_is_out_and_leaves_the_others_their_level() -> None:
    shares = {"control": 0.5, "one": 0.3, "other": 0.2}
    arms = [{"name": name, "share": share} for name, share in shares.items()]
    whole = experiment_of({"id": "x", "arms": arms}, "input")
    object.__setattr__(whole.arms[1], "because", "harm")
    going = remaining(whole)
    assert going is not None
    assert going.shares == {"control": 0.5 / 0.7, "other": 0.2 / 0.7}
    assert (going.level, going.level_of_an_arm) == (0.025, 0.025)
    object.__setattr__(whole.arms[2], "because", "harm")
    assert remaining(whole) is None
