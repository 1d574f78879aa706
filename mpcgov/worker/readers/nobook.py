"""What a file is that is named as a workbook and is none: programs write HTML or CSV under the names of Excel's."""

from __future__ import annotations

import mmap
import os

from mpcgov.errors import DataError
from mpcgov.worker.file import OpenFile

_OLD = b"\xd0\xcf\x11\xe0"
_LOCKED = "EncryptedPackage".encode("utf-16-le")
_BEGINNING_BYTES = 1 << 12


def fault(file: OpenFile) -> DataError:
    """What is said of such a file, if it can't be read as a workbook."""
    what, hint = _told(file)
    return DataError(f"{file.name}: {what}", hint=hint, code="data-unreadable")


def _told(file: OpenFile) -> tuple[str, str]:
    beginning = os.pread(file.fd, _BEGINNING_BYTES, 0)
    if beginning.startswith(_OLD) and _is_locked(file):
        return "the workbook is locked by a password", "save it without one"
    if beginning.startswith(_OLD) and file.suffix != ".xls":
        return "not such a workbook but one of an older Excel", "name it .xls, or save it as .xlsx"
    if beginning.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "not a workbook but HTML or XML", "open it in a spreadsheet program and save it as .xlsx"
    if beginning and 0 not in beginning and not beginning.startswith(b"PK"):
        return "not a workbook but text", "name it .csv"
    return "not a workbook, or damaged", ""


def _is_locked(file: OpenFile) -> bool:
    with mmap.mmap(file.fd, 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(_LOCKED) >= 0
