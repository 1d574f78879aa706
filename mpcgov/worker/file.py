"""A data file of this agency, opened once: what is checked is what is read, and only a regular file is either."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from mpcgov.errors import DataError

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".txt", ".tsv", ".tab")
FIXED = (".dat", ".fwf", ".asc")
TEXT = CSV + FIXED
PX = (".px",)
ARROW = (".arrow", ".feather", ".ipc")
EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
STATISTICAL = (".sav", ".zsav", ".dta", ".sas7bdat", ".xpt")
_PACKED = (".gz", ".zst", ".bz2", ".lz4", ".xz", ".zip")
_KINDS = "a .csv, .tsv, .parquet, .arrow, .xlsx, .sav, .dta, .sas7bdat or .xpt file, or a folder of .parquet files"
_MOST_FILES = 10_000
_LOGS = ("_delta_log", ".hoodie")
_ICEBERG = "metadata/*.metadata.json"
_PARTITION = re.compile(r"([^=/]+)=([^=/]*)")
_NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


State = tuple[int, int, int]
"""A file's size, when it was last written to, and when anything of it was last changed, the time before included."""


@dataclass(frozen=True)
class OpenFile:
    """An open regular file that isn't empty."""

    name: str  # of the data set, for messages
    fd: int
    suffix: str
    state: State  # when it was opened
    part: str = ""  # what stands after # in the source: a sheet
    of_folder: bool = False
    partition: Mapping[str, str | None] = field(default_factory=dict)  # what the names of its folders say

    @property
    def path(self) -> Path:
        """The open file itself, as a path: neither a rename nor a `*` in its name can make it another one."""
        return Path(f"/dev/fd/{self.fd}")

    def check_unchanged(self, *, touched: bool = False) -> None:
        """Raises a DataError if the file was written to since it was opened; or, with `touched`, has another name or
        other times now: whoever writes to it can put the time of that back, but not the one at which that was done."""
        now = _state(self.fd)
        if now != self.state if touched else now[:2] != self.state[:2]:
            raise DataError(f"{self.name}: the file changed while it was read", hint="try again when it is complete")


@contextmanager
def open_files(source: str, name: str, base: Path) -> Iterator[list[OpenFile]]:
    """Opens a source that is a file, or a folder or pattern (`*`) of Parquet files; a relative path starts at `base`.

    The owner wrote the path, so absolute paths and `..` are taken as they stand; but a relative path without `..`
    looks as if it stayed in the folder, so it may not leave it through a symbolic link.

    Raises:
        DataError: it is of a kind that isn't read, can't be opened, isn't a regular file, or is empty.
    """
    path, part = _parted(source)
    found, root = _found(path, name, base)
    with contextlib.ExitStack() as stack:
        files = []
        for one in found:
            suffix = suffix_of(one)
            fd = open_regular(resolve(one, name, base), name)
            stack.callback(os.close, fd)
            if os.fstat(fd).st_size == 0 or (suffix in TEXT and os.pread(fd, 4, 0) == b"\xef\xbb\xbf"):
                raise DataError(f"{name}: the file is empty", hint="a data set without rows still has a header")
            many = root is not None
            files.append(OpenFile(name, fd, suffix, _state(fd), part, many, _partition(one, root) if root else {}))
        yield files


def suffix_of(path: str) -> str:
    """The ending that says what a file is, compressed or not."""
    whole = Path(path)
    return Path(whole.stem).suffix.lower() if whole.suffix.lower() in _PACKED else whole.suffix.lower()


def _parted(source: str) -> tuple[str, str]:
    ways = ((source[: mark.start()], source[mark.end() :]) for mark in re.finditer("#", source))
    return next((way for way in ways if suffix_of(way[0]) in EXCEL), (source, ""))


def _found(source: str, name: str, base: Path) -> tuple[list[str], str | None]:
    """The paths of the files, and the folder that they are of; None for a single file."""
    whole = base / source
    kinds = PARQUET + TEXT + ARROW + EXCEL + STATISTICAL + PX
    with contextlib.suppress(OSError, ValueError):
        if whole.is_dir() and suffix_of(source) in ("", *PARQUET):
            return _parquet_of(sorted(whole.rglob("*")), whole, source, name), source
        if "*" in source and not whole.exists():
            pattern = Path(source)
            folder = Path(*pattern.parts[: next(i for i, part in enumerate(pattern.parts) if "*" in part)])
            inside = sorted((base / folder).glob(str(pattern.relative_to(folder))))
            return _parquet_of(inside, base / folder, str(folder), name), str(folder)
    if not suffix_of(source) and not whole.exists():
        raise DataError(f"{name}: there is no such file or folder", hint="check the source in datasets.yaml")
    if suffix_of(source) not in kinds:
        raise DataError(
            f"{name}: the source is of a kind that isn't read",
            hint=f"a source is {_KINDS}",
        )
    return [source], None


def _parquet_of(paths: Sequence[Path], folder: Path, source: str, name: str) -> list[str]:
    """Of a folder's files those with rows; what Spark writes beside them begins with `_` or `.`."""
    inside = [path.relative_to(folder) for path in paths if path.is_file()]
    if _is_versioned({folder, folder.parent, *(path.parent for path in paths)}):
        hint = "write it out as plain Parquet, such as by Spark, or read it by pyspark:// or trino://"
        raise DataError(f"{name}: a table of Delta, Iceberg or Hudi, whose files hold rows it no longer has", hint=hint)
    inside = [path for path in inside if not any(part.startswith(("_", ".")) for part in path.parts)]
    others = [path for path in inside if path.suffix.lower() not in PARQUET]
    if others or not inside:
        what = f"{len(others)} files of the folder aren't Parquet" if others else "there are no Parquet files"
        raise DataError(f"{name}: {what}", hint="a folder is read if it holds .parquet files and no others")
    if len(inside) > _MOST_FILES:
        raise DataError(f"{name}: {len(inside):,} files, more than {_MOST_FILES:,}", hint="write fewer and larger ones")
    return [str(Path(source) / path) for path in inside]


def _is_versioned(folders: Collection[Path]) -> bool:
    """Whether a log beside the files says which of their rows still are the table's."""
    logs = ((folder / log).exists() for folder in folders for log in _LOGS)
    return any(logs) or any(next(folder.glob(_ICEBERG), None) for folder in folders)


def _partition(path: str, root: str) -> Mapping[str, str | None]:
    found = (_PARTITION.fullmatch(part) for part in Path(path).relative_to(root).parts[:-1])
    pairs = {unquote(match[1]): unquote(match[2]) for match in found if match}
    return {key: None if value == _NO_PARTITION else value for key, value in pairs.items()}


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


def _state(fd: int) -> State:
    status = os.fstat(fd)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
