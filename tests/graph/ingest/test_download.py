"""MovieLens is fetched whole, checked, and gone on with where it was cut off."""

import hashlib
from pathlib import Path

import pytest

from cinegraph.errors import ChecksumMismatch, DownloadFailed, InvalidInput
from graph.ingest.download import PUBLISHED, download_movielens
from graph.ingest.layouts import find_layout
from tests.graph.ingest import made
from tests.graph.ingest.web import Answer, Asked, serve

NAME = "ml-latest-small"


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A data set as a zip."""
    return made.zipped(made.write_csv(tmp_path / "made" / NAME)).read_bytes()


def checksum(data: bytes) -> str:
    """As the published ones are written."""
    return f"md5:{hashlib.md5(data, usedforsecurity=False).hexdigest()}"


def whole(data: bytes) -> Answer:
    """All of it, from a server that knows no ranges."""
    return 200, {}, data


def ranged(data: bytes, asked: Asked) -> Answer:
    """What was asked for of it."""
    start = int(asked.headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    return (206 if start else 200), {}, data[start:]


async def test_a_data_set_is_fetched_once(tmp_path: Path, archive: bytes) -> None:
    seen: list[tuple[str, int, int | None]] = []
    with serve(lambda asked: whole(archive)) as web:
        for _ in range(2):
            path = await download_movielens(
                NAME, tmp_path, lambda *step: seen.append(step), base_url=web.url, checksum=checksum(archive)
            )
    assert path.read_bytes() == archive
    assert [asked.path for asked in web.asked] == [f"/{NAME}.zip"]
    assert seen[-1] == ("fetching", len(archive), len(archive))
    assert find_layout(path)[1].ratings == "ratings.csv"


async def test_a_fetch_that_was_cut_off_goes_on_where_it_stopped(tmp_path: Path, archive: bytes) -> None:
    short = serve(lambda asked: (200, {"Content-Length": str(len(archive))}, archive[:500]))
    with short as web, pytest.raises(DownloadFailed, match="goes on where it stopped"):
        await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
    assert not (tmp_path / f"{NAME}.zip").exists()
    with serve(lambda asked: ranged(archive, asked)) as web:
        path = await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
    assert path.read_bytes() == archive
    assert [asked.headers["range"] for asked in web.asked] == ["bytes=500-"]


async def test_a_rest_of_something_else_is_fetched_anew(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(b"of an older file")
    with serve(lambda asked: ranged(archive, asked)) as web:
        path = await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
    assert path.read_bytes() == archive
    assert ["range" in asked.headers for asked in web.asked] == [True, False]


async def test_a_server_without_ranges_sends_all_of_it(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / f"{NAME}.zip.part").write_bytes(archive[:100])
    with serve(lambda asked: whole(archive)) as web:
        path = await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
    assert path.read_bytes() == archive


async def test_what_is_not_the_published_file_is_thrown_away(tmp_path: Path, archive: bytes) -> None:
    with serve(lambda asked: whole(archive + b"more")) as web:
        with pytest.raises(ChecksumMismatch, match="was published; it was thrown away"):
            await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
        with pytest.raises(ChecksumMismatch):
            await download_movielens(NAME, tmp_path, base_url=web.url)
    assert sorted(file.name for file in tmp_path.glob("*.zip*")) == []


async def test_a_file_that_changed_since_is_fetched_again(tmp_path: Path, archive: bytes) -> None:
    (tmp_path / f"{NAME}.zip").write_bytes(archive[:-1])
    with serve(lambda asked: whole(archive)) as web:
        path = await download_movielens(NAME, tmp_path, base_url=web.url, checksum=checksum(archive))
    assert path.read_bytes() == archive
    assert len(web.asked) == 1


async def test_no_network_no_such_file_and_no_such_name_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="Check the network and try again"):
        await download_movielens(NAME, tmp_path, base_url="http://127.0.0.1:1")
    with serve(lambda asked: (404, {}, b"")) as web, pytest.raises(DownloadFailed, match="404"):
        await download_movielens(NAME, tmp_path, base_url=web.url)
    with pytest.raises(InvalidInput, match=r"no data set 'ml-7'.*ml-latest-small"):
        await download_movielens("ml-7", tmp_path)


def test_every_published_checksum_is_a_whole_one() -> None:
    lengths = {"md5": 32, "sha256": 64}
    for name, value in PUBLISHED.items():
        algorithm, _, digest = value.partition(":")
        assert len(digest) == lengths[algorithm], name
