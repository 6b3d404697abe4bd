"""The example of docs/experiments.md runs, and prints what stands below it."""

import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "experiments.md"


def test_the_example_runs_and_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(f"{example}\narm = experiment.arm_of('ann')", str(DOCUMENT), "exec"), names)
    *_, said = example.strip().splitlines()
    assert f"# {capsys.readouterr().out}".strip() == said
    assert names["arm"] == "control"
