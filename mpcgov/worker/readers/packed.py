"""Compressed text files: by what their first bytes are, whatever they are called; a ZIP archive of one file is one."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from typing import Any, BinaryIO

import pyarrow as pa

from mpcgov.errors import DataError

FAULTS = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError)
"""What is raised where a file is damaged, or packed in a way that isn't read: `zipfile` has NotImplementedError for a
method of compression that it doesn't know."""

_ARCHIVE = b"PK\x03\x04"
_KINDS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2", b"\x04\x22\x4d\x18": "lz4"}
_KINDS |= {b"\xfd7zXZ\x00": "xz", _ARCHIVE: "zip"}
_OF_BOOKS = ("[Content_Types].xml", "mimetype", "xl/workbook.xml")


def is_packed(magic: bytes) -> bool:
    """Whether a file that begins so is compressed."""
    return any(magic.startswith(known) for known in _KINDS)


def unpacked(stream: BinaryIO, name: str) -> Any:
    """What a compressed file holds, as a stream.

    Raises:
        DataError: it is a workbook, or an archive of several files, or locked by a password. Others: see `FAULTS`.
    """
    magic = stream.read(8)
    stream.seek(0)
    kind = next(kind for known, kind in _KINDS.items() if magic.startswith(known))
    if kind == "xz":
        return lzma.open(stream)
    return _of_archive(stream, name) if kind == "zip" else pa.CompressedInputStream(stream, kind)


def _of_archive(stream: BinaryIO, name: str) -> Any:
    archive = zipfile.ZipFile(stream)
    if set(archive.namelist()) & {*_OF_BOOKS}:
        raise DataError(f"{name}: not CSV but a workbook: name it .xlsx, .xlsb or .ods")
    files = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(files) != 1:
        raise DataError(f"{name}: a ZIP archive of {len(files)} files", hint="unpack it; of one file it is read")
    if files[0].flag_bits & 1:
        raise DataError(f"{name}: a ZIP archive that is locked by a password", hint="unpack it")
    return archive.open(files[0])
