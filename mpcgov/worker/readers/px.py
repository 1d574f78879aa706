"""PC-Axis files (.px): a row for each cell, with a column for each variable and one, `value`, for what the cell holds.

Read by ourselves: the format is a few dozen lines to read, and its libraries make floats of everything and ask the
network for files. Where a variable has codes these are read, or its labels where the declaration lists those. What
stands for a cell without a number (`..`, `-`) is left as it is written: its owner says what it means by `missing`.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import pyarrow as pa

from mpcgov.errors import DataError
from mpcgov.worker.engine import Backend
from mpcgov.worker.file import OpenFile
from mpcgov.worker.readers.raw import Raw, Wanted, check_names, check_rows, declared_labels, taken, text_schema

VALUE = "value"
"""The name of the column of what cells hold."""

LIMIT_BYTES = 1 << 30
_BATCH_ROWS = 100_000
_DATA = re.compile(r"(?:^|;)\s*DATA\s*=", re.MULTILINE)
_WORD = re.compile(r'"([^"]*)"|([^\s",;=()\[\]]+)|([,;=()\[\]])')


@dataclass(frozen=True)
class Cube:
    """A file as it stands: its variables, the slowest first, with their codes and labels, and its cells."""

    codes: Mapping[str, Sequence[str]]
    labels: Mapping[str, Sequence[str]]
    cells: Sequence[str]


def read(file: OpenFile, wanted: Wanted, backend: Backend) -> Raw:
    """The cells of a file.

    Raises:
        DataError: it is none, is sparse, or has not as many cells as its variables make.
    """
    declared = wanted.dataset.encoding if "encoding" in wanted.dataset.model_fields_set else None
    cube = cube_of(file, declared)
    check_names([*cube.codes, VALUE], wanted, "its columns are its variables and value; another name is given by from")
    check_rows(len(cube.cells), wanted)
    sources = list(wanted.sources.values())
    table, rows = taken(backend, wanted, text_schema(len(sources)), _batches(cube, sources))
    labels = {
        column: declared_labels(
            wanted.declaration.columns[column], dict(zip(cube.codes[source], cube.labels[source], strict=True))
        )
        for column, source in wanted.sources.items()
        if source != VALUE
    }
    return Raw(
        table,
        {column: f"c{n}" for n, column in enumerate(wanted.sources)},
        rows,
        typed=False,
        labels=labels,
        plain=tuple(wanted.sources),
    )


def cube_of(file: OpenFile, encoding: str | None = None) -> Cube:
    """What a file holds; `encoding`: as declared, or else as the file says.

    Raises:
        DataError: it isn't a PC-Axis file that is read.
    """
    if os.fstat(file.fd).st_size > LIMIT_BYTES:
        raise DataError(f"{file.name}: over {LIMIT_BYTES >> 30} GiB, which is too much for a PC-Axis file")
    with os.fdopen(os.dup(file.fd), "rb") as stream:
        stream.seek(0)
        text = _decoded(stream.read(), encoding, file.name)
    start = _DATA.search(text)
    if start is None:
        raise DataError(f"{file.name}: not a PC-Axis file, or damaged: it has no DATA", code="data-unreadable")
    said = _keywords(text[: start.start() + 1])
    if any(keyword == "KEYS" for keyword, _ in said):
        raise DataError(f"{file.name}: a PC-Axis file with KEYS isn't read", hint="save it without, with every cell")
    variables = [*said.get(("STUB", ""), ()), *said.get(("HEADING", ""), ())]
    labels = {name: said.get(("VALUES", name), []) for name in variables}
    codes = {name: said.get(("CODES", name)) or labels[name] for name in variables}
    cells = text[start.end() :].rpartition(";")[0].replace('"', " ").replace(",", " ").split()
    whole = all(len(codes[name]) == len(labels[name]) for name in variables) and bool(variables)
    if not whole or len(cells) != prod(map(len, codes.values())):
        made = f"{prod(map(len, codes.values())):,} cells, and DATA has {len(cells):,}" if whole else "no whole table"
        raise DataError(f"{file.name}: its variables make {made}", hint="check the source", code="data-unreadable")
    return Cube(codes, labels, cells)


def _decoded(data: bytes, encoding: str | None, name: str) -> str:
    said = re.search(rb'CODEPAGE="([\w-]+)"', data[:4096])
    ansi = b'CHARSET="ANSI"' in data[:4096]
    chosen = encoding or (said[1].decode() if said else "windows-1252" if ansi else "cp850")
    with contextlib.suppress(LookupError, UnicodeError):
        return data.decode("utf-8-sig" if data.startswith(codecs.BOM_UTF8) else chosen)
    raise DataError(f"{name}: not in the encoding that the file says", hint="set encoding, such as windows-1252")


def _keywords(text: str) -> dict[tuple[str, str], list[str]]:
    """By keyword and variable its texts; those of another language (`VALUES[sv]`) are left out."""
    found: dict[tuple[str, str], list[str]] = {}
    words = list(_WORD.finditer(text))
    at = 0
    while at < len(words):
        end = next((n for n in range(at, len(words)) if words[n][3] == ";"), len(words))
        sign = next((n for n in range(at, end) if words[n][3] == "="), end)
        head = words[at:sign]
        if head and not any(word[3] == "[" for word in head):
            names = [word[1] for word in head[1:] if word[1] is not None]
            found[head[0][0], names[0] if len(names) == 1 else ""] = _texts(words[sign + 1 : end])
        at = end + 1
    return found


def _texts(words: Sequence[re.Match[str]]) -> list[str]:
    """Texts that commas part; those that nothing parts are one, which lines of a file are too short for."""
    found: list[str] = []
    joined = False
    for word in words:
        if word[1] is not None and joined:
            found[-1] += word[1]
        elif word[1] is not None:
            found.append(word[1])
        joined = word[1] is not None
    return found


def _batches(cube: Cube, sources: Sequence[str]) -> Iterator[pa.RecordBatch]:
    sizes = {name: len(codes) for name, codes in cube.codes.items()}
    strides, stride = {}, 1
    for name in reversed(sizes):
        strides[name], stride = stride, stride * sizes[name]
    texts = {name: pa.array(codes, pa.string()) for name, codes in cube.codes.items()}
    for start in range(0, len(cube.cells), _BATCH_ROWS):
        cells = cube.cells[start : start + _BATCH_ROWS]
        places = np.arange(start, start + len(cells))
        arrays = [
            pa.array(cells, pa.string()) if name == VALUE else texts[name].take(places // strides[name] % sizes[name])
            for name in sources
        ]
        yield pa.record_batch(arrays, schema=text_schema(len(sources)))
