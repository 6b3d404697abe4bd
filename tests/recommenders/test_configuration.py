"""Configurations as files: what is shipped is what the code does, and an error says where and what is allowed."""

import json
from pathlib import Path

import pytest

from cinegraph.errors import InvalidInput, NotFound
from recommenders import registry
from recommenders.configuration import (
    Configuration,
    load_configuration,
    parse,
    schema,
    schema_of_all,
    together,
    written,
)


@pytest.mark.parametrize("name", registry.names())
def test_the_file_of_each_model_holds_its_defaults(name: str) -> None:
    one = load_configuration(name)
    config_class = registry.model_class(name).config_class
    assert one.hyper_parameters is not None
    assert list(one.hyper_parameters) == list(config_class.model_fields)
    assert config_class(**one.hyper_parameters) == config_class()
    assert (one.model, one.protocol, one.seed) == (name, "global_time", 0)
    text = (Path(registry.__file__).parent / "configs" / f"{name}.yaml").read_text()
    assert text == written(Configuration(name)), f"cinegraph models config {name} prints it"


def test_what_is_written_is_read_again() -> None:
    given = {"learning_rate": 1e-05, "epochs": 7, "loss": "bpr", "first_layer": 0}
    text = written(Configuration("lightgcn", given, "user_time", 3), ["found by hand"])
    assert text.splitlines()[1] == "# found by hand"
    again = parse(text, "mine.yaml")
    assert (again.protocol, again.seed) == ("user_time", 3)
    assert registry.create("lightgcn", again.hyper_parameters).config == registry.create("lightgcn", given).config


def test_what_a_file_leaves_open_stays_open() -> None:
    assert parse("model: ease\n", "x.yaml") == Configuration("ease", None, None, None, "x.yaml")
    assert parse("model: ease\nhyper_parameters: {l2: 1e2}\n", "x.yaml").hyper_parameters == {"l2": 100.0}


WRONG = [
    ("model: eas", "x.yaml, line 1: there is no model 'eas'; model is one of: popular, itemknn, ease, graphfilter"),
    ("seed: 1", "x.yaml: it names no model; model is one of: popular, itemknn"),
    ("- ease", "x.yaml: it holds a list, and must hold keys with values"),
    ("", "x.yaml: it holds nothing"),
    ("model: [", "x.yaml, line 1: this is no YAML: expected the node content, but found '<stream end>'"),
    ("model: ease\nseed: 1\nmodel: ials", "x.yaml, line 3: model stands in line 1 too; keep one"),
    ("model: ease\n? [a]\n: 1", "x.yaml, line 2: a key must be a name"),
    ("model: ease\nseed: -1", "x.yaml, line 2: seed = -1: it must be a whole number from 0 to 4294967295"),
    ("model: ease\nsede: 1", "line 2: sede = 1: there is no such key; did you mean seed? there are: model, protocol,"),
    (
        "model: ease\nhyper_parameters:\n  min_likes: 2\n  l2: -1",
        "x.yaml, line 4: hyper_parameters.l2 = -1: it must be a number above 0 (weight of the squared weights in the",
    ),
    ("model: ease\nhyper_parameters: {l2: true}", "line 2: hyper_parameters.l2 = true: it must be a number above 0"),
    ("model: ease\nhyper_parameters: {l2: .nan}", "line 2: hyper_parameters.l2 = NaN: it must be a number above 0"),
    ("model: ease\nhyper_parameters: 3", "line 2: hyper_parameters = 3: it must be keys with values"),
    ("model: popular\nhyper_parameters: {k: 3}", "hyper_parameters.k = 3: there is no such key; there are: none"),
    (
        "model: ensemble\nhyper_parameters:\n  members:\n    - ease\n    - 3",
        "x.yaml, line 5: hyper_parameters.members.1 = 3: it must be a text",
    ),
    (
        "model: lightgcn\nhyper_parameters:\n  precision: float64",
        'x.yaml, line 3: hyper_parameters.precision = "float64": it must be one of float32, bfloat16',
    ),
    (
        "model: xsimgcl\nhyper_parameters:\n  contrast_layer: 5",
        'x.yaml, line 2: hyper_parameters = {"contrast_layer": 5}: contrast_layer = 5 is beyond the last',
    ),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_a_bad_file_names_the_line_the_key_the_value_and_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse(text, "x.yaml")
    assert words in str(caught.value)


def test_every_error_of_a_file_is_told_in_the_order_of_its_lines() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse("model: ease\nhyper_parameters:\n  l2: 0\n  min_likes: 0\nseed: x\n", "x.yaml")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "x.yaml, line 3",
        "x.yaml, line 4",
        "x.yaml, line 5",
    ]


def test_a_protocol_of_ones_own_lies_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("about: mine\nmethod: user_time\n")
    (tmp_path / "ease.yaml").write_text("model: ease\nprotocol: mine.yaml\n")
    assert load_configuration(str(tmp_path / "ease.yaml")).protocol == str(tmp_path / "mine.yaml")


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match=r"there is no configuration 'no\.yaml'; give a \.yaml file, or one of: popular"):
        load_configuration("no.yaml")


def test_files_and_names_are_trained_together() -> None:
    files = [Configuration("ease", {"l2": 3.0}, None, None, "a"), Configuration("ials", None, "user_time", 5, "b")]
    found = together(["popular", "ials"], files)
    assert found.names == ("popular", "ials", "ease")
    assert (dict(found.configs), found.protocol, found.seed) == ({"ease": {"l2": 3.0}}, "user_time", 5)
    assert together([], files, "cold_users", 0).protocol == "cold_users"
    assert together([], files, None, 0).seed == 0
    assert (together([], []).protocol, together([], []).seed) == ("global_time", 0)


def test_files_that_contradict_each_other_are_refused() -> None:
    one, other = (
        Configuration("ease", {}, "user_time", 1, "a.yaml"),
        Configuration("ials", {}, "user_time", 2, "b.yaml"),
    )
    with pytest.raises(InvalidInput, match=r"a\.yaml has seed = 1, and b\.yaml seed = 2; .* or say --seed"):
        together([], [one, other])
    with pytest.raises(InvalidInput, match=r"a\.yaml and b\.yaml are both of ease; train one at a time"):
        together([], [one, Configuration("ease", {}, None, None, "b.yaml")])


def test_the_json_schema_is_that_of_the_code() -> None:
    found = schema("ease")
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["required"] == ["model"]
    assert found["properties"]["model"]["const"] == "ease"
    parameters = found["properties"]["hyper_parameters"]
    assert (parameters["additionalProperties"], list(parameters["properties"])) == (
        False,
        ["l2", "min_likes", "memory_mb"],
    )
    assert parameters["properties"]["l2"]["exclusiveMinimum"] == 0
    assert parameters["default"] == {"l2": 300.0, "min_likes": 2, "memory_mb": 6000}


def test_the_json_schema_of_all_refers_to_nothing_outside() -> None:
    found = schema_of_all(["popular", "ease"])
    assert [one["properties"]["model"]["const"] for one in found["oneOf"]] == ["popular", "ease"]
    assert "$ref" not in json.dumps(found)
