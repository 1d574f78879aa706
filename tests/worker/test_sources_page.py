# ruff: noqa: E501
"""`docs/sources.md` is made here: each type of each source, in a real file or server, and the kinds it is read as.

`MPCGOV_REWRITE=1 python -m pytest tests/worker/test_sources_page.py` writes the page; without, it must be as it stands.
A source that isn't installed keeps its part of the page.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mpcgov.errors import DataError
from mpcgov.spec.table import Dataset
from mpcgov.worker.advice import FINE, MISSING
from mpcgov.worker.source import open_table
from tests import mariadb, postgres

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sources.md"
DAY, MOMENT = dt.date(2020, 1, 2), dt.datetime(2020, 1, 2)  # noqa: DTZ001
KINDS: dict[str, dict[str, Any]] = {
    "key": {"kind": "key"},
    "category": {"kind": "category", "values": ["7", "7.25", "2020-01-02", "true", "A", "7.0"]},
    "integer": {"kind": "integer", "min": 0, "max": 1000},
    "decimal": {"kind": "decimal", "min": 0, "max": 1000, "places": 2},
    "date": {"kind": "date", "min": "2000-01-01", "max": "2030-12-31"},
    "text": {"kind": "text"},
}
ARROW: dict[str, Any] = {
    "string": pa.array(["A"]),
    "string of digits": pa.array(["7"]),
    "dictionary of strings": pa.array(["A"]).dictionary_encode(),
    "int8 … int64": pa.array([7], pa.int32()),
    "uint8 … uint64": pa.array([7], pa.uint64()),
    "float, double, whole": pa.array([7.0]),
    "float, double": pa.array([7.25]),
    "half float": pa.array([7.0], pa.float16()),
    "decimal128(p, 0)": pa.array([Decimal(7)], pa.decimal128(38, 0)),
    "decimal128(p, s)": pa.array([Decimal("7.25")], pa.decimal128(20, 2)),
    "decimal256": pa.array([Decimal("7.25")], pa.decimal256(50, 2)),
    "bool": pa.array([True]),
    "date32": pa.array([DAY]),
    "timestamp at midnight": pa.array([MOMENT], pa.timestamp("ns")),
    "timestamp with zone": pa.array([MOMENT], pa.timestamp("us", "UTC")),
    "time": pa.array([dt.time(1)]),
    "binary": pa.array([b"A"]),
    "list": pa.array([["A"]]),
}
DUCKDB = {
    "VARCHAR": "'A'", "ENUM": "'A'::ENUM('A')", "INTEGER": "7", "HUGEINT": "7::HUGEINT", "DECIMAL(20, 2)": "7.25::DECIMAL(20, 2)",
    "DOUBLE": "7.25::DOUBLE", "BOOLEAN": "true", "UUID": "uuid()", "DATE": "DATE '2020-01-02'", "TIMESTAMP": "TIMESTAMP '2020-01-02'",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2020-01-02'", "BLOB": "'A'::BLOB", "LIST": "['A']",
}  # fmt: skip
POSTGRES = {
    "text, varchar": "'A'::text", "char(n)": "'A'::char(8)", "enum": "'A'::sex", "domain": "'A'::code", "uuid": "gen_random_uuid()",
    "smallint … bigint": "7::bigint", "numeric, whole": "7.00::numeric", "numeric": "7.25::numeric(20, 2)", "real": "7.25::real",
    "double precision": "7.25::double precision", "boolean": "true", "date": "date '2020-01-02'", "timestamp at midnight": "timestamp '2020-01-02'",
    "timestamptz": "timestamptz '2020-01-02'", "bytea": "'A'::bytea", "json": "'{}'::json", "text[]": "array['A']", "inet": "inet '::1'",
}  # fmt: skip
MARIADB = {
    "char(8)": "A", "varchar(9)": "A", "enum('A')": "A", "tinyint(1)": 1, "bigint": 7, "bigint unsigned": 7, "decimal(20,0)": 7, "decimal(20,2)": "7.25",
    "float": 7.25, "double": 7.25, "date": "2020-01-02", "datetime": "2020-01-02 00:00:00", "timestamp": "2020-01-02 00:00:00", "year": 2020, "bit(1)": 1, "json": "{}",
    "blob": "A", "set('A')": "A",
}  # fmt: skip
CELLS = {
    "text": "A",
    "text of digits": "7",
    "number, whole": 7,
    "number": 7.25,
    "date": DAY,
    "boolean": True,
    "time": dt.time(1),
}
STATISTICAL = {"text": ["A"], "number, whole": [7.0], "number": [7.25], "date": [DAY], "date and time": [MOMENT]}


def parquet(folder: Path) -> tuple[str, list[str]]:
    pq.write_table(pa.table(list(ARROW.values()), [f"c{n}" for n in range(len(ARROW))]), folder / "d.parquet")
    return "d.parquet", list(ARROW)


def arrow(folder: Path) -> tuple[str, list[str]]:
    rows = pa.table(list(ARROW.values()), [f"c{n}" for n in range(len(ARROW))])
    with pa.ipc.new_file(folder / "d.arrow", rows.schema) as file:
        file.write_table(rows)
    return "d.arrow", list(ARROW)


def excel(folder: Path) -> tuple[str, list[str]]:
    workbook = pytest.importorskip("openpyxl").Workbook()
    workbook.active.append([f"c{n}" for n in range(len(CELLS))])
    workbook.active.append(list(CELLS.values()))
    workbook.save(folder / "d.xlsx")
    return "d.xlsx", list(CELLS)


def statistical(ending: str, **changes: Any) -> Callable[[Path], tuple[str, list[str]]]:
    def made(folder: Path) -> tuple[str, list[str]]:
        frame = pytest.importorskip("pandas").DataFrame({f"c{n}": one for n, one in enumerate(STATISTICAL.values())})
        write = {"sav": "write_sav", "dta": "write_dta", "xpt": "write_xport"}[ending]
        getattr(pytest.importorskip("pyreadstat"), write)(frame, str(folder / f"d.{ending}"), **changes)
        return f"d.{ending}", list(STATISTICAL)

    return made


def database(folder: Path) -> tuple[str, list[str]]:
    with duckdb.connect(folder / "d.duckdb") as connection:
        connection.execute(f"CREATE TABLE t AS SELECT {_selected(DUCKDB)}")
    return "duckdb://d.duckdb#t", list(DUCKDB)


def _selected(values: Mapping[str, str]) -> str:
    return ", ".join(f"{value} AS c{n}" for n, value in enumerate(values.values()))


@pytest.fixture(scope="module")
def of_postgres() -> Iterator[Callable[[Path], tuple[str, list[str]]]]:
    import psycopg

    with postgres.server() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TYPE sex AS ENUM ('A')")
            connection.execute("CREATE DOMAIN code AS text")
            connection.execute(f"CREATE TABLE t AS SELECT {_selected(POSTGRES)}")
        yield lambda _: (f"{url}#t", list(POSTGRES))


@pytest.fixture(scope="module")
def of_mariadb() -> Iterator[Callable[[Path], tuple[str, list[str]]]]:
    with mariadb.server() as found:
        with found.as_root() as cursor:
            cursor.execute(f"CREATE TABLE t ({', '.join(f'c{n} {kind}' for n, kind in enumerate(MARIADB))})")
            marks = ", ".join(["%s"] * len(MARIADB))
            cursor.execute(f"INSERT INTO t VALUES ({marks})", list(MARIADB.values()))  # noqa: S608
        yield lambda _: (f"{found.url}#t", list(MARIADB))


SOURCES: dict[str, tuple[Callable[[Path], tuple[str, list[str]]] | str, tuple[str, ...]]] = {
    "Parquet": (parquet, ("duckdb", "pyarrow")),
    "Arrow, Feather": (arrow, ("pyarrow",)),
    "Excel, OpenDocument": (excel, ("python-calamine",)),
    "SPSS .sav, .zsav": (statistical("sav"), ("pyreadstat",)),
    "Stata .dta": (statistical("dta", version=15), ("pyreadstat",)),
    "SAS .xpt (and .sas7bdat)": (statistical("xpt", file_format_version=8), ("pyreadstat",)),
    "DuckDB": (database, ("duckdb", "ibis-framework")),
    "PostgreSQL": ("of_postgres", ("psycopg",)),
    "MySQL, MariaDB": ("of_mariadb", ("sqlalchemy", "pymysql")),
}


def read_as(source: str, types: list[str], folder: Path) -> dict[str, list[str]]:
    """By type the kinds as which it is read without a fault; whatever else is refused by name, in one message."""
    asked = {f"{kind}_{n}": {**KINDS[kind], "from": f"c{n}"} for n in range(len(types)) for kind in KINDS}
    while asked:
        dataset = Dataset.model_validate({"source": source, "missing": "drop", "columns": asked})
        try:
            with open_table(dataset, "d", folder) as opened:
                (row,) = opened.query(opened.table).to_pylist()
                fine = [name for name in asked if row[opened.fault(name)] in (FINE, MISSING)]
                return {kind: [one for one in KINDS if f"{one}_{n}" in fine] for n, kind in enumerate(types)}
        except DataError as error:
            refused = re.findall(r"column (\w+): ", error.message)
            if not refused:
                raise
            asked = {name: column for name, column in asked.items() if name not in refused}
    return {kind: [] for kind in types}


def section(name: str, libraries: tuple[str, ...], found: Mapping[str, list[str]]) -> str:
    locked = (ROOT / "requirements-test.lock").read_text()
    versions = [f"{one} {re.search(rf'^{one}==([^ ]+)', locked, re.MULTILINE)[1]}" for one in libraries]
    rows = [f"| {kind} | {', '.join(kinds) or 'refused, by the name of its type'} |" for kind, kinds in found.items()]
    head = f"## {name}\n\nRead by {' and '.join(versions)}.\n\n| type there | read as |\n|---|---|\n"
    return head + "\n".join(rows) + "\n"


@pytest.mark.by_day(1, "DuckDB")
@pytest.mark.parametrize("name", SOURCES)
def test_the_page_says_how_each_type_is_read(tmp_path: Path, name: str, request: pytest.FixtureRequest) -> None:
    make, libraries = SOURCES[name]
    source, types = (request.getfixturevalue(make) if isinstance(make, str) else make)(tmp_path)
    made = section(name, libraries, read_as(source, types, tmp_path))
    page = PAGE.read_text(encoding="utf-8")
    start = page.find(f"## {name}\n")
    end = page.find("\n## ", start) + 1 or len(page)
    if os.environ.get("MPCGOV_REWRITE"):
        whole = (
            page[:start] + made + ("\n" if end < len(page) else "") + page[end:] if start >= 0 else f"{page}\n{made}"
        )
        PAGE.write_text(whole, encoding="utf-8")
        return
    assert page[start:end].rstrip() == made.rstrip(), "stale: run it with MPCGOV_REWRITE=1, and look at what changed"


def test_every_source_is_on_the_page() -> None:
    heads = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert heads == ["Text", *SOURCES, "Others"]
