"""A folder or a zip of files, read as streams: an archive is never unpacked, so nothing can leave it."""

import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cinegraph.errors import InvalidInput, SourceMalformed

BLOCK: Final = 4 << 20
"""Bytes of a file in memory at once."""
LONGEST: Final = 1 << 26
"""Bytes of a line at most: a file without line ends is none of lines."""
BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile)


@dataclass(frozen=True)
class Source:
    """Files by their plain names, wherever in the folder or archive they lie."""

    path: Path
    places: dict[str, str]

    @property
    def name(self) -> str:
        """The name of the folder, archive or file, without its endings: it stands in reports."""
        path = self.path.resolve()
        return path.name if path.is_dir() else path.name.partition(".")[0]

    def __contains__(self, name: str) -> bool:
        return name in self.places

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of a file, unpacked where it is a `.gz`; damage anywhere in it is `SourceMalformed`."""
        try:
            with self._raw(name) as raw:
                file = io.BufferedReader(raw, 1 << 16)  # type: ignore[type-var]
                zipped = file.peek(2)[:2] == b"\x1f\x8b"
                if name.endswith(".gz") and not zipped:
                    raise SourceMalformed(f"{self.path} is called .gz and is not packed; fetch it again, or rename it")
                yield gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[misc]
        except BROKEN as error:
            raise SourceMalformed(
                f"{self.path} is damaged ({name}: {error}): it was cut off or changed on its way here; fetch it again"
            ) from error
        except OSError as error:
            raise SourceMalformed(f"{self.path} cannot be read ({name}: {error})") from error

    @contextmanager
    def _raw(self, name: str) -> Iterator[IO[bytes]]:
        if self.path.is_dir() or not zipfile.is_zipfile(self.path):
            with (self.path / self.places[name] if self.path.is_dir() else self.path).open("rb", 0) as file:
                yield file
        else:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.places[name]) as member:
                yield member

    def blocks(self, name: str) -> Iterator[tuple[int, bytes]]:
        """The file in blocks of whole lines, each with the number of its first line (the file's first is 1)."""
        with self.open(name) as file:
            number, rest = 1, b""
            while data := file.read(BLOCK):
                lines, newline, rest = (rest + data).rpartition(b"\n")
                if len(rest) > LONGEST:
                    raise SourceMalformed(f"{self.path}: {name} has a line of more than {LONGEST:,} bytes: not a table")
                if newline:
                    yield number, lines + newline
                    number += lines.count(b"\n") + 1
            if rest:
                yield number, rest

    def lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """The lines of a file with their numbers, blank ones left out."""
        for first, block in self.blocks(name):
            for number, line in enumerate(block.split(b"\n"), first):
                if line.strip():
                    yield number, line.rstrip(b"\r")

    def size(self, name: str) -> int:
        """Bytes of a file, unpacked from a zip, but not from a `.gz`."""
        if self.path.is_dir():
            return (self.path / self.places[name]).stat().st_size
        if zipfile.is_zipfile(self.path):
            with zipfile.ZipFile(self.path) as archive:
                return archive.getinfo(self.places[name]).file_size
        return self.path.stat().st_size

    def fingerprint(self, *more: object) -> str:
        """Of the bytes of all files that are read, and of whatever else the result depends on."""
        digest = hashlib.blake2b(digest_size=16)
        for name in sorted(self.places):
            digest.update(name.encode() + b"\0")
            with self.open(name) as file:
                while data := file.read(BLOCK):
                    digest.update(data)
        digest.update(repr(more).encode())
        return digest.hexdigest()


def open_source(
    path: Path, wanted: tuple[frozenset[str], ...], optional: frozenset[str] = frozenset(), otherwise: str = ""
) -> Source:
    """The source at a path that has one of the wanted sets of files; the first set that is there counts.

    Files are found in the folder itself or one below, and anywhere in an archive; `otherwise` says what else a caller
    would have taken. Raises `InvalidInput` for a path where there is nothing.
    """
    if not path.exists():
        raise InvalidInput(f"there is nothing at {path}; give {otherwise}a folder or a zip with {_choices(wanted)}")
    places = _places(path)
    for names in wanted:
        if names <= places.keys():
            return Source(path, {name: places[name] for name in sorted((names | optional) & places.keys())})
    raise SourceMalformed(
        f"{path} has not the files that were looked for: {otherwise}{_choices(wanted)}; "
        f"it has {', '.join(sorted(places)[:10]) or 'no files'}"
    )


def _choices(wanted: tuple[frozenset[str], ...]) -> str:
    return ", or ".join(" and ".join(sorted(names)) for names in wanted)


def _places(path: Path) -> dict[str, str]:
    if path.is_dir():
        found = sorted([*path.glob("*/*"), *path.glob("*")], key=lambda file: -len(file.parts))
        return {file.name: str(file.relative_to(path)) for file in found if file.is_file()}
    try:
        with zipfile.ZipFile(path) as archive:
            return {Path(name).name: name for name in archive.namelist() if not name.endswith("/")}
    except BROKEN as error:
        raise SourceMalformed(f"{path} is no zip archive, or one that was cut off ({error}); fetch it again") from error
    except OSError as error:
        raise SourceMalformed(f"{path} cannot be read: {error}") from error
