"""The folder of an archive, on a disk or in an object store, by its URL: list, put whole files, take files away."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from schemas.archive.layout import MANIFEST, SUFFIX, ArchiveFile, parse_path, topic_folder
from schemas.errors import StoreError, UsageError


class ArchiveFolder(Protocol):
    """Where an archive's files are. Paths are below the folder, with slashes."""

    url: str

    def files(self, below: str = "") -> list[ArchiveFile]:
        """The files below a folder of the layout; none where it is not there.

        Raises:
            OSError: it cannot be reached.
        """

    def put(self, path: str, data: pa.Buffer) -> None:
        """Make a file, which appears whole or not at all, and is there for good when this returns. Raises OSError."""

    def remove(self, path: str) -> None:
        """Take a file away, if it is there. Raises OSError."""

    def opened(self, path: str) -> Any:
        """The file as pyarrow takes it. Raises OSError."""

    def read(self, path: str) -> bytes | None:
        """A whole file; None: there is none. Raises OSError."""

    def tidy(self, topic: str, partition: int) -> None:
        """Take away what a writer of a partition that died left half written. Raises OSError."""


def open_folder(url: str) -> ArchiveFolder:
    """The folder of a URL: a path, or ``s3://BUCKET/PREFIX`` (credentials and endpoint from ``AWS_*`` of the environment).

    Raises:
        UsageError: the URL is of no kind that there is.
    """
    scheme, colon, _ = url.partition("://")
    if not colon:
        return DiskFolder(Path(url))
    if scheme == "file":
        return DiskFolder(Path(url.removeprefix("file://")))
    if scheme != "s3":
        raise UsageError(f"expected a folder, or the URL of an S3 store, found {url!r}", hint="such as s3://bucket/archive")
    return ObjectFolder(url)


class DiskFolder:
    """On a disk."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self._folder = folder

    def files(self, below: str = "") -> list[ArchiveFile]:
        return list(self._found(below))

    def _found(self, below: str) -> Iterator[ArchiveFile]:
        for folder, _, names in os.walk(self._folder / below):
            prefix = Path(folder).relative_to(self._folder).as_posix()
            for name in names:
                if name.endswith(SUFFIX):
                    with contextlib.suppress(FileNotFoundError):  # taken away meanwhile
                        file = parse_path(f"{prefix}/{name}", (Path(folder) / name).stat().st_size)
                        if file:
                            yield file

    def put(self, path: str, data: pa.Buffer) -> None:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{target.name}.half")
        try:
            with half.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            half.replace(target)
        except OSError:
            with contextlib.suppress(OSError):  # the room that it took is wanted
                half.unlink()
            raise
        for folder in (target.parent, *target.parent.parents):
            _sync(folder)
            if folder == self._folder:
                break

    def remove(self, path: str) -> None:
        (self._folder / path).unlink(missing_ok=True)

    def opened(self, path: str) -> Any:
        return pa.memory_map(str(self._folder / path))

    def read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None

    def tidy(self, topic: str, partition: int) -> None:
        for half in (self._folder / topic_folder(topic)).glob(f"*/*/.{partition}-*.half"):
            half.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class ObjectFolder:
    """In an object store, whose files appear whole by themselves."""

    def __init__(self, url: str) -> None:
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import from_url

        self.url = url
        self._library: Any = obstore
        try:
            self._store: Any = from_url(url, client_options=_client_options())
        except (ValueError, BaseError) as error:
            raise UsageError(f"expected the URL of an object store, found {url!r}: {error}", hint="such as s3://bucket/archive") from None

    def files(self, below: str = "") -> list[ArchiveFile]:
        found = []
        with _as_os_error():
            for part in self._library.list(self._store, prefix=below or None):
                found += [file for one in part if (file := parse_path(one["path"], one["size"]))]
        return found

    def put(self, path: str, data: pa.Buffer) -> None:
        with _as_os_error():
            self._library.put(self._store, path, data.to_pybytes())

    def remove(self, path: str) -> None:
        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            self._library.delete(self._store, path)

    def opened(self, path: str) -> Any:
        with _as_os_error():
            return pa.BufferReader(bytes(self._library.get(self._store, path).bytes()))

    def read(self, path: str) -> bytes | None:
        try:
            with _as_os_error():
                return bytes(self._library.get(self._store, path).bytes())
        except FileNotFoundError:
            return None

    def tidy(self, topic: str, partition: int) -> None:
        """Nothing is ever half there."""


def _client_options() -> Any:
    """A server beside us may speak without TLS; the URL of its endpoint says so."""
    return {"allow_http": os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")}


def file_system() -> Any:
    """S3 as fsspec knows file systems, for a library that reads through it."""
    from obstore.fsspec import FsspecStore

    return FsspecStore("s3", client_options=_client_options())


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """The library raises errors of its own for a store out of reach."""
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise FileNotFoundError from None
    except BaseError as error:
        raise OSError(str(error).partition("\n")[0]) from None


def read_log(folder: ArchiveFolder) -> str | None:
    """Identity of the log that an archive is of; None: it is none yet.

    Raises:
        StoreError: the manifest is none.
    """
    raw = folder.read(MANIFEST)
    if raw is None:
        return None
    try:
        manifest = json.loads(raw)
        version, log = manifest["version"], str(manifest["log"])
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"expected the manifest of an archive in {folder.url}/{MANIFEST}, found {raw[:80]!r}") from None
    if version != 1:
        raise StoreError(f"expected an archive of version 1 in {folder.url}, found version {version!r}", hint="use a newer program")
    return log


def write_log(folder: ArchiveFolder, log: str) -> None:
    """Say which log an archive is of. Raises OSError."""
    folder.put(MANIFEST, pa.py_buffer(json.dumps({"version": 1, "log": log}).encode()))
