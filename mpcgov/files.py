"""Small files, and folders of them, that must survive a crash: there as a whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mpcgov.errors import LocalError


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """The file holds `data` from now on, on disk and not just in a cache; a reader sees the old bytes or the new.

    Raises:
        LocalError: it can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise LocalError(f"{path}: can't be written ({error.strerror})", code="file") from None


def own_folder(path: Path) -> None:
    """There is a folder that only its owner may enter.

    Raises:
        LocalError: it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
    except OSError as error:
        raise LocalError(f"{path}: can't be made ({error.strerror})", code="file") from None


def lock_file(path: Path) -> IO[str]:
    """An empty file that is there to be locked.

    Raises:
        LocalError: it can't be opened.
    """
    try:
        return path.open("w")
    except OSError as error:
        raise LocalError(f"{path}: can't be opened ({error.strerror})", code="file") from None


@contextmanager
def whole_folder(path: Path, mode: int = 0o755) -> Iterator[Path]:
    """A folder to fill, which gets its name once everything is in it; whatever goes wrong, nothing of it stays.

    Raises:
        LocalError: it can't be written.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True, mode=mode)
        yield beside
        beside.rename(path)
        sync(path.parent)
    except OSError as error:
        raise LocalError(f"{path}: can't be written ({error.strerror})", code="file") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def digest(path: Path) -> str:
    """The SHA-256 of a file, which may be large."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Has a file, or the names in a folder, on disk and not just in a cache."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
