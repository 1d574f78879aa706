"""What servers that are read by SQLAlchemy make of their types: exactly what is stored, or a refusal by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle

from mpcgov.errors import DataError, LocalError
from mpcgov.spec.table import Dataset
from mpcgov.worker.advice import ABSENT, FINE, MALFORMED, PARTLY, TIMED
from mpcgov.worker.readers import raw, sql
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table
from tests.mariadb import CANARY, Server, server

KEY, TEXT = {"kind": "key"}, {"kind": "text"}
INTEGER, NUMBER = {"kind": "integer", "min": 0, "max": 2**24}, {"kind": "decimal", "min": -10, "max": 10, "places": 2}
DAY = {"kind": "date", "min": "2000-01-01", "max": "2030-12-31"}
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "id": ("char(8)", ["a1", "A1"]),
    "many": ("varchar(9) COLLATE utf8mb4_general_ci", ["ß", "SS"]),
    "large": ("bigint unsigned", [2**64 - 1, 3]),
    "single": ("float", [16777216, 0.1]),
    "double_": ("double", [0.1, 1e300]),
    "exact": ("decimal(38, 2)", ["1.50", "-2.00"]),
    "sex": ("enum('F', 'M')", ["F", "M"]),
    "day": ("date", ["2020-01-02", "0000-00-00"]),
    "moment": ("datetime", ["2020-01-02 00:00:00", "2020-01-02 10:00:00"]),
    "zero": ("datetime", ["0000-00-00 00:00:00", "2020-00-00 00:00:00"]),
    "flag": ("bit(1)", [1, 0]),
    "flags": ("bit(12)", [4095, 256]),
    "zoned": ("timestamp NULL", ["2020-01-02 00:00:00", None]),
    "year_": ("year", [2020, 2021]),
    "filled": ("int(5) unsigned zerofill", [42, 123456]),
    "place": ("geometry", [None, None]),
    "sets": ("set('x', 'y')", ["x", "y"]),
}  # fmt: skip
READ: dict[str, tuple[dict[str, Any], list[tuple[Any, int]]]] = {
    "id": (KEY, [("a1", FINE), ("A1", FINE)]),
    "many": (KEY, [("ß", FINE), ("SS", FINE)]),
    "large": (KEY, [("18446744073709551615", FINE), ("3", FINE)]),
    "single": (INTEGER, [(2**24, FINE), (None, MALFORMED)]),
    "double_": (NUMBER, [(10, FINE), (None, 3)]),
    "exact": (NUMBER, [(150, FINE), (-200, FINE)]),
    "sex": ({"kind": "category", "values": ["F", "M"]}, [("F", FINE), ("M", FINE)]),
    "day": (DAY, [(dt.date(2020, 1, 2), FINE), (None, ABSENT)]),
    "moment": (DAY, [(dt.date(2020, 1, 2), FINE), (None, TIMED)]),
    "zero": (DAY, [(None, ABSENT), (None, PARTLY)]),
    "flag": (INTEGER, [(1, FINE), (0, FINE)]),
    "flags": (KEY, [("4095", FINE), ("256", FINE)]),
    "filled": (KEY, [("00042", FINE), ("123456", FINE)]),
    "year_": (INTEGER, [(2020, FINE), (2021, FINE)]),
}


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as found:
        with found.as_root() as cursor:
            cursor.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, (kind, _) in COLUMNS.items())})")
            rows = zip(*(values for _, values in COLUMNS.values()), strict=True)
            marks = ", ".join(["%s"] * len(COLUMNS))
            cursor.executemany(f"INSERT INTO t VALUES ({marks})", list(rows))  # noqa: S608
            cursor.execute("CREATE VIEW `my.view` AS SELECT filled FROM t")
            cursor.execute("CREATE VIEW days AS SELECT id, date(zoned) AS zoned, sex FROM t")
        yield found


def dataset(url: str, name: str, column: dict[str, Any]) -> Dataset:
    return Dataset.model_validate({"source": url, "missing": "drop", "columns": {name: column}})


@pytest.mark.parametrize(("name", "column", "rows"), [(name, *both) for name, both in READ.items()], ids=READ)
def test_a_type_of_mysql_is_read_as_it_is_stored(
    database: Server, tmp_path: Path, name: str, column: dict[str, Any], rows: list[Any]
) -> None:
    with open_table(dataset(f"{database.url}#t", name, column), "d", tmp_path) as source:
        assert [tuple(row.values()) for row in source.query(source.table).to_pylist()] == rows


def test_a_view_needs_no_more_rights_than_to_read_it(database: Server, tmp_path: Path) -> None:
    """Reflection would ask how the view is defined, which is another right."""
    for name in ("days", "agency.days"):
        with open_table(dataset(f"{database.url}#{name}", "zoned", DAY), "d", tmp_path) as source:
            assert source.query(source.table)["v0"].to_pylist() == [dt.date(2020, 1, 2), None]


@pytest.mark.parametrize(("name", "kind"), [("zoned", "timestamp"), ("place", "unknown"), ("sets", "set")])
def test_a_type_of_mysql_that_is_not_read_is_refused_by_name(
    database: Server, tmp_path: Path, name: str, kind: str
) -> None:
    with pytest.raises(DataError, match=f"column {name}: columns of type {kind} aren't read"):
        dataset_check(dataset(f"{database.url}#t", name, TEXT), "d", tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: f"{url}#nothing", "the source has no such table"),
        (lambda url: f"{url.replace(CANARY, 'wrong')}#t", "the database can't be reached"),
        (lambda url: f"{url.replace('mysql', 'mssql')}#t", "what reads this source isn't installed"),
    ],
)
def test_what_is_wrong_is_said_without_a_password(
    database: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    monkeypatch.setattr(raw, "find_spec", lambda module: None if module == "pymssql" else object())
    with pytest.raises(LocalError, match=words) as caught:
        dataset_check(dataset(change(database.url), "id", KEY), "d", tmp_path)
    assert CANARY not in caught.value.line()
    assert "mssql" not in words or "pip install 'mpcgov[mssql]'" in caught.value.hint


OTHERS: dict[str, tuple[Any, Any]] = {
    "money is no number": (mssql.MONEY(), None),
    "bit of SQL Server": (mssql.BIT(), "true"),
    "unique identifier": (mssql.UNIQUEIDENTIFIER(), "1"),
    "char of SQL Server": (mssql.CHAR(3), "1"),
    "moment with a zone": (mssql.DATETIMEOFFSET(), None),
    "row version": (mssql.ROWVERSION(), None),
    "number of Oracle": (oracle.NUMBER(38, 0), "1"),
    "number of any scale": (oracle.NUMBER(), "1"),
    "date of Oracle": (oracle.DATE(), "1"),
    "local moment": (oracle.TIMESTAMP(local_timezone=True), None),
    "moment of Oracle": (oracle.TIMESTAMP(), "1"),
    "large object": (oracle.BLOB(), None),
}


@pytest.mark.parametrize(("kind", "written"), OTHERS.values(), ids=OTHERS.keys())
def test_types_of_other_servers_are_read_or_refused(kind: Any, written: str | None) -> None:
    form = sql._form(kind, mysql=False)
    assert (form and form(1)) == written


def test_only_mysql_is_asked_for_doubles() -> None:
    asked = [
        str(sa.select(sql._selected("x", sa.Float(), mysql=name is mysql)).compile(dialect=name.dialect()))
        for name in (mysql, mssql, oracle)
    ]
    assert ["1e0" in text for text in asked] == [True, False, False]


@pytest.mark.parametrize("name", ["`my.view`", 'agency."my.view"', "t"])
def test_numbers_filled_up_with_zeros_are_seen_as_the_agency_sees_them(
    database: Server, tmp_path: Path, name: str
) -> None:
    """As ids they meet those that are texts, and as numbers they are numbers."""
    report = dataset_check(dataset(f"{database.url}#{name}", "filled", {**KEY, "normalise": ["digits"]}), "d", tmp_path)
    assert (report.faults, report.warnings) == ((), ())
    with open_table(dataset(f"{database.url}#{name}", "filled", INTEGER), "d", tmp_path) as source:
        assert source.query(source.table)["v0"].to_pylist() == [42, 123456]
