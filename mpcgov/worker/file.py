"""A data file of this agency, opened once: what is checked is what is read, and only a regular file is either."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mpcgov.errors import DataError
from mpcgov.worker.engine import quiet

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".txt")


@dataclass(frozen=True)
class OpenFile:
    """An open regular file that isn't empty."""

    name: str  # of the data set, for messages
    fd: int
    is_parquet: bool
    state: tuple[int, int]  # size and time of the last change, when it was opened

    @property
    def path(self) -> Path:
        """The open file itself, as a path: neither a rename nor a `*` in its name can make it another one."""
        return Path(f"/dev/fd/{self.fd}")

    def parquet_names(self) -> list[str]:
        """The column names in a Parquet file's footer."""
        fault = DataError(f"{self.name}: not a Parquet file, or damaged", code="data-unreadable")
        with os.fdopen(self.fd, "rb", closefd=False) as file:
            return quiet(lambda: list(pq.read_schema(pa.PythonFile(file)).names), fault)

    def check_unchanged(self) -> None:
        """Raises a DataError if the file was written to since it was opened."""
        if _state(self.fd) != self.state:
            raise DataError(f"{self.name}: the file changed while it was read", hint="try again when it is complete")


@contextmanager
def open_file(source: str, name: str, base: Path) -> Iterator[OpenFile]:
    """Opens a source that is a file; a relative path starts at `base`.

    The owner wrote the path, so absolute paths and `..` are taken as they stand; but a relative path without `..`
    looks as if it stayed in the folder, so it may not leave it through a symbolic link.

    Raises:
        DataError: it isn't a .csv, .txt, .parquet or .pq, can't be opened, isn't a regular file, or is empty.
    """
    path = resolve(source, name, base)
    suffix = Path(source).suffix.lower()
    if suffix not in _PARQUET + _CSV:
        raise DataError(f"{name}: the source is neither .csv nor .parquet", hint="check the source in datasets.yaml")
    fd = open_regular(path, name)
    try:
        if os.fstat(fd).st_size == 0 or (suffix in _CSV and os.pread(fd, 4, 0) == b"\xef\xbb\xbf"):
            raise DataError(f"{name}: the file is empty", hint="a data set without rows still has a header")
        yield OpenFile(name, fd, suffix in _PARQUET, _state(fd))
    finally:
        os.close(fd)


def resolve(source: str, name: str, base: Path) -> Path:
    """The absolute path of a source, free of symbolic links.

    Raises:
        DataError: a relative path leaves `base` through a symbolic link, or is no path.
    """
    path = None
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # a NUL byte, a circle of links
        path = (base / source).resolve()
    if path is None:
        raise DataError(f"{name}: the source is not a path", hint="check the source in datasets.yaml")
    plain = not Path(source).is_absolute() and ".." not in Path(source).parts
    if plain and not path.is_relative_to(base.resolve()):
        raise DataError(
            f"{name}: the source leads out of its folder through a symbolic link", hint="write the file's own path"
        )
    return path


def open_regular(path: Path, name: str) -> int:
    """A file descriptor for reading.

    Raises:
        DataError: it can't be opened, or isn't a regular file (a folder, a named pipe, a device).
    """
    # O_NONBLOCK: opening a named pipe would otherwise wait for its writer. O_NOFOLLOW: the path has been resolved.
    reason = ""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        reason = error.strerror or "unknown reason"
    except ValueError:
        reason = "not a path"
    if reason:
        raise DataError(f"{name}: the file can't be opened ({reason})", hint="check the source in datasets.yaml")
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise DataError(f"{name}: the source is not a regular file", hint="check the source in datasets.yaml")
    return fd


def _state(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns
