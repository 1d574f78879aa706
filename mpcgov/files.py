"""Small files that must survive a crash: replaced whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from mpcgov.errors import LocalError


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """The file holds `data` from now on, on disk and not just in a cache; a reader sees the old bytes or the new.

    Raises:
        LocalError: it can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise LocalError(f"{path}: can't be written ({error.strerror})", code="file") from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
