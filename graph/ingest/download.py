"""MovieLens, fetched from where GroupLens publishes it, checked against the checksum published beside it.

A fetch that was cut off goes on where it stopped, or begins anew where the server cannot do that; what is not the
published file, byte for byte, is thrown away.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

import httpx

from cinegraph.errors import ChecksumMismatch, DownloadFailed, InvalidInput
from graph.ingest.options import Progress, silent
from graph.ingest.source import BLOCK

GROUPLENS: Final = "https://files.grouplens.org/datasets/movielens"
TIMEOUT: Final = 60.0
"""Seconds without a byte after which a fetch has failed."""

PUBLISHED: Final = {
    "ml-latest-small": "sha256:696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
    "ml-100k": "md5:0e33842e24a9c977be4e0107933c0723",
    "ml-1m": "md5:c4d9eecfca2ab87c1945afe126590906",
    "ml-10m": "md5:ce571fd55effeba0271552578f2648bd",
    "ml-20m": "md5:cd245b17a1ae2cc31bb14903e1204af3",
    "ml-25m": "md5:6b51fb2759a8657d3bfcbfc42b592ada",
    "ml-32m": "md5:d472be332d4daa821edc399621853b57",
}
"""The data sets and the checksums of their archives (ml-latest-small as generated in September 2018)."""


async def download_movielens(
    name: str,
    folder: Path,
    progress: Progress = silent,
    *,
    base_url: str = GROUPLENS,
    checksum: str | None = None,
) -> Path:
    """The archive of a data set in a folder, fetched where it is not there; checked either way.

    Raises `DownloadFailed` without a network and `ChecksumMismatch` for a file that is not the published one.
    """
    if name not in PUBLISHED:
        raise InvalidInput(f"there is no data set {name!r} to fetch; there are {', '.join(sorted(PUBLISHED))}")
    wanted = checksum or PUBLISHED[name]
    path = folder / f"{name}.zip"
    if path.exists() and await asyncio.to_thread(_digest, path, wanted) == wanted:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".zip.part")
    resumed = part.exists()
    await _fetch(f"{base_url}/{name}.zip", part, progress)
    if resumed and await asyncio.to_thread(_digest, part, wanted) != wanted:
        part.unlink()
        await _fetch(f"{base_url}/{name}.zip", part, progress)
    found = await asyncio.to_thread(_digest, part, wanted)
    if found != wanted:
        part.unlink()
        raise ChecksumMismatch(
            f"{base_url}/{name}.zip has the checksum {found}, and {wanted} was published; it was thrown away. Try "
            f"again later, or fetch it yourself and name its place"
        )
    part.replace(path)
    return path


async def _fetch(url: str, part: Path, progress: Progress) -> None:
    """Append what is missing of a file, or write it anew."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return
            response.raise_for_status()
            going_on = response.status_code == httpx.codes.PARTIAL_CONTENT
            await _save(response, part, have if going_on else 0, progress)
    except httpx.HTTPError as error:
        raise DownloadFailed(
            f"could not fetch {url} ({type(error).__name__}: {error}). Check the network and try again: it goes on "
            f"where it stopped. Or fetch it elsewhere and name its place: cinegraph ingest movielens PATH"
        ) from error


async def _save(response: httpx.Response, part: Path, have: int, progress: Progress) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else None
    with part.open("ab" if have else "wb") as file:
        async for data in response.aiter_bytes():
            file.write(data)
            have += len(data)
            progress("fetching", have, total)


def _digest(path: Path, like: str) -> str:
    """The checksum of a file, by the algorithm that another one names."""
    algorithm = like.partition(":")[0]
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            digest.update(data)
    return f"{algorithm}:{digest.hexdigest()}"
