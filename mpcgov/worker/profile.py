"""`python -m mpcgov.worker.profile FILE`: a first declaration of a file, for its owner to correct. One JSON object.

A process of its own, as that of `judge`, because whoever holds keys loads no data engine.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mpcgov.errors import DataError, InternalError, MpcgovError
from mpcgov.memory import no_dumps
from mpcgov.spec.ids import IDENTIFIER_PATTERN
from mpcgov.spec.load import validate
from mpcgov.spec.reading import Dialect
from mpcgov.spec.table import Dataset
from mpcgov.worker import local, source
from mpcgov.worker.engine import kept_on_success, open_engine
from mpcgov.worker.file import CSV, OpenFile, open_files
from mpcgov.worker.guess import Guess, Rows
from mpcgov.worker.readers import csv
from mpcgov.worker.readers.names import names_of
from mpcgov.worker.readers.raw import Wanted

_DATES = ("YYYY-MM-DD", "DD.MM.YYYY", "DD/MM/YYYY", "MM/DD/YYYY")
_START_BYTES = 1 << 16
_NO_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def main() -> None:
    """Profiles one file."""
    no_dumps()
    try:
        answer: dict[str, Any] = {"yaml": profile(sys.argv[1], Path.cwd())}
    except MpcgovError as error:
        answer = {"error": error.to_json()}
    except Exception as error:
        # The type only: an engine's message could hold a value.
        fault = InternalError(f"reading the data failed unexpectedly ({type(error).__name__})", code="reader")
        answer = {"error": fault.to_json()}
    json.dump(answer, sys.stdout)


def profile(path: str, base: Path) -> str:
    """The text of a `datasets.yaml` with one data set, which the file's rows fit as they are now.

    Raises:
        DataError: the file can't be read, or nothing of it.
    """
    stem = Path(path.partition("#")[0]).name.split(".")[0].lower()
    name = re.sub(r"[^a-z0-9_-]+", "-", stem).strip("-")[:64] or "data"
    with open_files(path, name, base) as files:
        written = _dialect(files[0]) if files[0].suffix in CSV else {}
        names, guesses, dialect = _guesses(name, path, files, written)
    columns = {
        column: (guess.declared or {}) | ({} if names[column] == column else {"from": names[column]})
        | ({"missing": list(guess.codes)} if guess.codes else {})
        for column, guess in guesses.items()
        if guess.declared is not None
    }  # fmt: skip
    if not columns:
        raise DataError(f"{name}: no column of the file can be read")
    drops = {"missing": "drop"} if any(guesses[column].missing for column in columns) else {}
    whole = {"source": path, **dialect, **drops, "columns": columns}
    report = local.dataset_check(validate(whole, Dataset, name), name, base)
    return "\n".join(_lines(name, whole, guesses, report)) + "\n"


def _guesses(
    name: str, path: str, files: list[OpenFile], written: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, Guess], dict[str, str]]:
    """Each column's name in the file, what it could be, and how dates and numbers are written, by declared name."""
    usual = "\t" if files[0].suffix in (".tsv", ".tab") else ","
    how = Dialect.model_validate({"delimiter": usual, **written})
    with csv.plain(files[0], how) if files[0].suffix in CSV else nullcontext(files[0].fd) as fd:
        names = _declared(names_of(files[0], fd, how))
        texts = {column: {"kind": "text", "from": at} for column, at in names.items()}
        dataset = validate({"source": path, **written, "max_rows": 2**31, "columns": texts}, Dataset, name)
        backend = open_engine(reads=[*(file.path for file in files), Path(f"/dev/fd/{fd}")])
        with kept_on_success(backend):
            raw = source.raw_of(files, fd, how, Wanted(name, dataset, dataset.declaration), backend)
            looks = Rows(raw, backend, source.is_one_of)
            most = sum(bool(looks.shape(column)[0]) for column in names)
            best: tuple[int, dict[str, str], dict[str, Guess]] | None = None
            for more in [{}] if raw.typed else _ways(how):
                tried = Rows(raw, backend, source.is_one_of, Dialect(**{**how.model_dump(), **more}))
                guesses = {column: tried.guess(column, column) for column in names}
                kinds = [(guess.declared or {}).get("kind") for guess in guesses.values()]
                told = sum(kind in ("integer", "decimal", "date") for kind in kinds)
                if best is None or told > best[0]:
                    best = told, more, guesses
                if told == most:  # no other way of writing can tell more
                    break
        backend.disconnect()
    if best is None:
        raise InternalError("profile: nothing was tried")
    return names, best[2], {**written, **best[1]}


def _ways(how: Dialect) -> list[dict[str, str]]:
    """How dates and numbers may be written; a decimal comma only where commas don't part the fields."""
    decimals: list[dict[str, str]] = [{}] if how.delimiter == "," else [{}, {"decimal": ","}]
    dates: list[dict[str, str]] = [{}, *({"date_format": form} for form in _DATES)]
    return [{**decimal, **form} for decimal in decimals for form in dates]


def _dialect(file: OpenFile) -> dict[str, str]:
    """The delimiter and the encoding of a text file, where they aren't the usual ones."""
    start = os.pread(file.fd, _START_BYTES, 0)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or not start.isascii():
        try:
            start[:-4].decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start < len(start) - 8:
                encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "windows-1252"
                return {"encoding": encoding, **_delimiter(start.decode(encoding, "replace"))}
    return _delimiter(start.decode("utf-8", "replace"))


def _delimiter(text: str) -> dict[str, str]:
    header = text.partition("\n")[0]
    most = max((",", ";", "\t", "|"), key=header.count)
    return {} if most == "," or not header.count(most) else {"delimiter": most}


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


def _lines(
    name: str, whole: Mapping[str, Any], guesses: Mapping[str, Guess], report: local.DatasetReport
) -> Iterator[str]:  # fmt: skip
    yield f"# A first declaration of {report.rows} rows, from what they hold: correct it by what the columns mean."
    yield "# Bounds are rounded outwards; values in few rows aren't shown."
    yield f"{name}:"
    for key, value in whole.items():
        if key != "columns":
            yield f"  {key}: {_flow(value)}"
    for one in report.would_be_unique[:1]:
        yield f"  # unique: [[{', '.join(one)}]]  # the data are so; only if it is meant so"
    yield "  columns:"
    for column, guess in guesses.items():
        said = [guess.reason, f"{guess.missing} rows without a value" if guess.missing else ""]
        note = "; ".join(one for one in said if one)
        declared = whole["columns"].get(column)
        line = f"    {column}: {_flow(declared)}" if declared else f"    # {column}:"
        yield line + (f"  # {note}" if note else "")
    for line in (*report.faults, *report.warnings):
        yield f"# {line}"


def _flow(value: Any) -> str:
    """YAML in one line: quoted text, so that no value reads as anything else."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    words = isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,}", value) and value.lower() not in _NO_WORDS
    return str(value) if words else json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    main()
