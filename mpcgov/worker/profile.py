"""`python -m mpcgov.worker.profile FILE`: a first declaration of a file, for its owner to correct. One JSON object.

A process of its own, as that of `judge`, because whoever holds keys loads no data engine.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mpcgov.errors import DataError, InternalError
from mpcgov.spec.ids import IDENTIFIER_PATTERN
from mpcgov.spec.load import validate
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import MAX_ROWS_DEFAULT, Dataset
from mpcgov.worker import opening, profiletext, report, source, writing
from mpcgov.worker.answer import answer
from mpcgov.worker.engine import Backend, kept_on_success, open_engine
from mpcgov.worker.file import ARROW, CSV, EXCEL, PARQUET, OpenFile, open_files
from mpcgov.worker.guess import Guess, guess, plainest
from mpcgov.worker.readers import csv, csv_advice
from mpcgov.worker.readers.names import labels_of, names_of, rows_above
from mpcgov.worker.readers.raw import Raw, Wanted
from mpcgov.worker.values import values_of

_TRIES = 4


def main() -> None:
    """Profiles one file."""
    answer(lambda: {"yaml": profile(sys.argv[1], Path.cwd())})


def profile(path: str, base: Path) -> str:
    """The text of a `datasets.yaml` with one data set, which the file's rows fit as they are now.

    Raises:
        DataError: the file can't be read, or nothing of it.
    """
    stem = Path(path.partition("#")[0]).name.split(".")[0].lower()
    name = re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-")[:64] or "data"
    with open_files(path, name, base) as files:
        written = _written(files[0])
        found = _looked_at(name, path, files, written)
    guesses = found.guesses
    for _ in range(_TRIES):
        whole = _whole(path, found, guesses)
        told = report.dataset_check(validate(whole, Dataset, name), name, base)
        wrong = [one.column for one in told.columns if one.malformed or one.outside]
        if not wrong:
            return "\n".join(profiletext.lines(name, whole, guesses, told)) + "\n"
        # Read otherwise than was thought: nothing is claimed of it.
        plain = {one: guesses[one].as_text("its values don't fit what they look like") for one in wrong}
        guesses = {**guesses, **plain}
    raise InternalError("profile: the file isn't read alike twice")


def _written(file: OpenFile) -> dict[str, Any]:
    """How a file is written, as far as its beginning tells."""
    if file.suffix in CSV:
        return opening.dialect(csv.start(file), file.suffix)
    above = rows_above(file) if file.suffix in EXCEL else 0
    return {"skip_lines": above} if above else {}


@dataclass(frozen=True)
class _Looked:
    """A file looked through: by declared name each column's name there and what it could be; how it is written."""

    names: dict[str, str]
    guesses: dict[str, Guess]
    dialect: dict[str, Any]
    rows: int


def _whole(path: str, found: _Looked, guesses: Mapping[str, Guess]) -> dict[str, Any]:
    columns = {
        column: guess.declared
        | ({} if found.names[column] == column else {"from": found.names[column]})
        | ({"missing": list(guess.codes)} if guess.codes else {})
        for column, guess in guesses.items()
        if guess.declared is not None
    }
    if not columns:
        raise DataError("no column of the file can be read")
    drops = {"missing": "drop"} if any(guesses[column].missing for column in columns) else {}
    many = {"max_rows": min(2 * found.rows, 2**31)} if 2 * found.rows > MAX_ROWS_DEFAULT else {}
    return {"source": path, **found.dialect, **many, **drops, "columns": columns}


def _looked_at(name: str, path: str, files: list[OpenFile], written: Mapping[str, Any]) -> _Looked:
    usual = "\t" if files[0].suffix in (".tsv", ".tab") else ","
    how, text = Dialect.model_validate({"delimiter": usual, **written}), files[0].suffix in CSV
    with csv.plain(files[0], how) if text else nullcontext(files[0].fd) as fd:
        found = names_of(files[0], fd, how)
        if text and not re.search(r"[^\W\d_]", "".join(found)) and csv_advice.of_no_header(found):
            raise DataError(f"{name}: {csv_advice.NO_HEADER}")  # names would be somebody's own values
        names = _declared(found)
        if not names:
            raise DataError(f"{name}: no column has a name of its own", hint="the first line must name the columns")
        backend = open_engine(reads=[*(file.path for file in files), Path(f"/dev/fd/{fd}")])
        with kept_on_success(backend):
            raw, reasons = _raw(name, _Texts(path, written, names), files, fd, how, backend)
            # Else a text file would be parsed once more for each column.
            table = backend.create_table("profile", raw.table) if text else raw.table
            values = values_of(raw, table, backend, name)
        backend.disconnect()
    texts = [plainest(one) for one in values.values() if one.kind == "text"]
    more = writing.best(texts, how)
    best, labels = Dialect(**{**how.model_dump(), **more}), labels_of(files[0])
    guesses = {one: guess(values.get(one), one, best, labels.get(names[one], {})) for one in names}
    guesses |= {one: replace(guesses[one], reasons=(why,)) for one, why in reasons.items()}
    return _Looked(names, guesses, {**written, **more}, raw.rows)


@dataclass(frozen=True)
class _Texts:
    """A data set every column of which is declared as text."""

    path: str
    written: Mapping[str, Any]
    names: Mapping[str, str]

    def of(self, name: str, columns: Sequence[str]) -> Wanted:
        """Some of its columns."""
        texts = {column: {"kind": "text", "from": self.names[column]} for column in columns}
        whole = {"source": self.path, **self.written, "max_rows": 2**31, "columns": texts}
        dataset = validate(whole, Dataset, name)
        return Wanted(name, dataset, dataset.declaration)


def _raw(
    name: str, texts: _Texts, files: list[OpenFile], fd: int, how: Dialect, backend: Backend
) -> tuple[Raw, dict[str, str]]:
    """The rows, without columns that can't be read at all; of these, why."""
    every = list(texts.names)
    try:
        return source.raw_of(files, fd, how, texts.of(name, every), backend), {}
    except DataError:
        if files[0].suffix not in PARQUET + ARROW:  # there a fault is one of the whole file
            raise
        whys = {one: _why_not(partial(source.raw_of, files, fd, how, texts.of(name, [one]), backend)) for one in every}
        readable = [one for one, why in whys.items() if not why]
        if not readable:
            raise
        reasons = {
            one: why.removeprefix(f"{name}: ").removeprefix(f"column {one}: ") for one, why in whys.items() if why
        }
        return source.raw_of(files, fd, how, texts.of(name, readable), backend), reasons


def _why_not(read: Callable[[], Raw]) -> str:
    try:
        read()
    except DataError as error:
        return error.message
    return ""


def _declared(names: Sequence[str]) -> dict[str, str]:
    """By the name that a column can be declared by, its name in the file; names that stand twice can't be read."""
    found: dict[str, str] = {}
    counts = Counter(names)
    for name in names:
        if name and counts[name] == 1:
            plain = re.sub(r"\W+", "_", unicodedata.normalize("NFC", name)).strip("_")[:50] or "column"
            plain = plain if re.fullmatch(IDENTIFIER_PATTERN, plain) else f"c_{plain}"
            folded = {one.casefold() for one in found}
            number = next(n for n in range(1, len(names) + 2) if _numbered(plain, n).casefold() not in folded)
            found[_numbered(plain, number)] = name
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


if __name__ == "__main__":
    main()
