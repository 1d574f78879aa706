"""Tables of PostgreSQL as agencies have them: read as the agency sees them, byte by byte, or refused by name."""

from __future__ import annotations

import datetime as dt
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpcgov.errors import DataError
from mpcgov.spec.table import Dataset
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.report import dataset_check
from mpcgov.worker.source import open_table
from tests.postgres import server

KEY: dict[str, Any] = {"kind": "key"}
TEXT: dict[str, Any] = {"kind": "text"}
INTEGER = {"kind": "integer", "min": 0, "max": 1000}
MONEY = {"kind": "decimal", "min": 0, "max": 1000, "places": 2}
DAY = {"kind": "date", "min": "1900-01-01", "max": "2030-12-31"}
GROUP = {"kind": "category", "values": ["A", "B"]}
DAYS = [dt.date(2024, 7, 1), dt.date(2024, 7, 2)]
SETUP = """
    CREATE TYPE sex AS ENUM ('A', 'B');
    CREATE DOMAIN outer_pid AS text;
    CREATE DOMAIN pid AS outer_pid CHECK (length(VALUE) = 2);
    CREATE DOMAIN amount AS numeric(12, 2);
    CREATE TABLE t (enum_ sex, uuid_ uuid, domain_ pid, amount_ amount, flag boolean, wide numeric(11, 0), free numeric,
        cents numeric, padded char(8), varying varchar(8), moment timestamp, day date, small int2, single real,
        name_ name, place point, list_ text[], address inet, "Personen ID" text, "PID" text);
    INSERT INTO t VALUES
        ('A', '00000000-0000-0000-0000-00000000000a', 'a1', 1.50, true, 12345678901, 7.00, 7.25, 'A', 'A ', '2024-07-01', '2024-07-01',
         7, 0.1, 'x', point(1, 1), '{x}', '::1', 'p1', 'q1'),
        ('B', '00000000-0000-0000-0000-00000000000b', 'A1', 2.00, false, 12345678902, 8, 8.50, 'B', 'B', '2024-07-02', '2024-07-02',
         8, 0.2, 'y', point(2, 2), '{y}', '::2', 'p2', 'q2');
    CREATE VIEW v AS SELECT * FROM t;
    CREATE MATERIALIZED VIEW m AS SELECT * FROM t;
    CREATE TABLE "Personen" (LIKE t) PARTITION BY LIST (small);
    CREATE TABLE part7 PARTITION OF "Personen" FOR VALUES IN (7);
    CREATE TABLE part8 PARTITION OF "Personen" FOR VALUES IN (8);
    INSERT INTO "Personen" SELECT * FROM t;
    CREATE SCHEMA "A.b";
    CREATE TABLE "my.people" AS SELECT * FROM t;
    CREATE TABLE "A.b"."my ""people" AS SELECT * FROM t;
    CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM t WITH NO DATA;
    CREATE VIEW stops AS SELECT small / (small - 7) AS small FROM t;
"""  # noqa: E501


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    import psycopg

    with server() as url:
        with psycopg.connect(url) as connection:
            connection.execute(SETUP)
        yield url


def run(database: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows(url: str, column: dict[str, Any], folder: Path, name: str = "c") -> list[Any]:
    with open_table(dataset(url, {name: column}), "d", folder) as source:
        found = source.query(source.table.order_by("v0")).to_pylist()
        assert [row["f0"] for row in found] == [0] * len(found)
        return [row["v0"] for row in found]


def dataset(url: str, columns: dict[str, Any]) -> Dataset:
    return Dataset.model_validate({"source": url, "missing": "drop", "columns": columns})


PLAIN = ["v", "public.v", "m", "Personen", "public.Personen", '"Personen"']
DOTTED = ['"my.people"', 'public."my.people"', '"A.b"."my ""people"', "%22A.b%22.%22my%20%22%22people%22"]
READ: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "enum_": (GROUP, ["A", "B"]),
    "uuid_": (KEY, ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]),
    "domain_": (KEY, ["A1", "a1"]),
    "amount_": (MONEY, [150, 200]),
    "flag": (INTEGER, [0, 1]),
    "wide": (KEY, ["12345678901", "12345678902"]),
    "free": (INTEGER, [7, 8]),
    "cents": (MONEY, [725, 850]),
    "padded": (GROUP, ["A", "B"]),
    "moment": (DAY, DAYS),
    "day": (DAY, DAYS),
    "small": (KEY, ["7", "8"]),
    "single": (MONEY, [10, 20]),
    "name_": (TEXT, ["x", "y"]),
    "Personen ID": (KEY, ["p1", "p2"]),
    "PID": (KEY, ["q1", "q2"]),
}


@pytest.mark.parametrize(("name", "column", "expected"), [(n, *both) for n, both in READ.items()], ids=READ)
def test_a_column_is_what_the_agency_sees(
    database: str, tmp_path: Path, name: str, column: dict[str, Any], expected: list[Any]
) -> None:
    assert rows(f"{database}#t", column | {"from": name}, tmp_path) == expected


@pytest.mark.parametrize("table", [*PLAIN, *DOTTED])
def test_views_and_partitioned_tables_are_tables(database: str, tmp_path: Path, table: str) -> None:
    assert rows(f"{database}#{table}", INTEGER | {"from": "small"}, tmp_path) == [7, 8]


@pytest.mark.parametrize(("name", "kind"), [("place", "point"), ("list_", r"text\[\]"), ("address", "inet")])
def test_a_type_that_is_not_read_is_named(database: str, tmp_path: Path, name: str, kind: str) -> None:
    with pytest.raises(DataError, match=f"column c: columns of type {kind} aren't read"):
        rows(f"{database}#t", TEXT | {"from": name}, tmp_path)


def test_no_collation_makes_two_keys_one(database: str, tmp_path: Path) -> None:
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        try:
            connection.execute(
                "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
        except psycopg.Error:
            pytest.skip("this server has no ICU")
        connection.execute("CREATE TABLE blind (c text COLLATE blind, g text COLLATE blind)")
        connection.execute("INSERT INTO blind VALUES ('a1', 'A'), ('A1', 'A'), ('b2', 'B')")
    declared = dataset(f"{database}#blind", {"c": KEY, "g": GROUP})
    with open_table(declared, "d", tmp_path) as source:
        assert source.query(source.table.v0.nunique().as_table()).to_pydict().popitem()[1] == [3]
        before = fingerprints_of(source, [["c"]])
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE blind SET c = 'B2' WHERE c = 'b2'")
    with open_table(declared, "d", tmp_path) as source:
        assert fingerprints_of(source, [["c"]]) != before


def test_a_day_is_the_one_of_the_agencys_own_zone(database: str, tmp_path: Path) -> None:
    run(
        database,
        "ALTER ROLE tester SET timezone = 'Asia/Tokyo'",
        "CREATE TABLE moments (at timestamptz)",
        "INSERT INTO moments VALUES ('2024-06-30 20:00Z'), ('2024-07-01 20:00Z')",
        "CREATE VIEW days AS SELECT at::date AS c FROM moments",
    )
    assert rows(f"{database}#days", DAY, tmp_path) == DAYS
    with pytest.raises(DataError, match="column c: columns of type timestamp with time zone aren't read"):
        rows(f"{database}#moments", DAY | {"from": "at"}, tmp_path)


def test_rows_that_a_role_may_not_see_are_no_register(database: str, tmp_path: Path) -> None:
    run(
        database,
        "CREATE TABLE half (c text)",
        "INSERT INTO half VALUES ('a'), ('b')",
        "ALTER TABLE half ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY own ON half USING (c = 'a')",
        "CREATE ROLE clerk LOGIN",
        "GRANT SELECT ON half TO clerk",
    )
    with pytest.raises(DataError, match="row-level security hides rows of this table from the role") as caught:
        rows(f"{database.replace('tester', 'clerk')}#half", KEY, tmp_path)
    assert "BYPASSRLS" in caught.value.hint
    assert rows(f"{database}#half", KEY, tmp_path) == ["a", "b"]


def test_a_row_that_the_server_quotes_is_in_no_error(database: str, tmp_path: Path) -> None:
    run(
        database,
        "CREATE TABLE written (c text)",
        "INSERT INTO written VALUES ('secret row')",
        "CREATE VIEW numbers AS SELECT c::int AS c FROM written",
    )
    with pytest.raises(DataError, match=r"the server stops while it reads \(SQLSTATE 22P02\)") as caught:
        rows(f"{database}#numbers", INTEGER, tmp_path)
    assert "secret row" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_a_materialised_view_is_said_to_be_as_it_was(database: str, tmp_path: Path) -> None:
    report = dataset_check(dataset(f"{database}#m", {"small": INTEGER}), "d", tmp_path)
    assert "a materialised view has the rows of its last REFRESH" in "; ".join(report.warnings)
    with pytest.raises(DataError, match="the materialised view has never been filled"):
        dataset_check(dataset(f"{database}#unfilled", {"small": INTEGER}), "d", tmp_path)


def test_a_server_that_stops_is_told_by_its_code(database: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the server stops while it reads \(SQLSTATE 22012\)"):
        dataset_check(dataset(f"{database}#stops", {"small": INTEGER}), "d", tmp_path)


def test_a_dotted_name_is_to_be_quoted(database: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        dataset_check(dataset(f"{database}#my.people", {"small": INTEGER}), "d", tmp_path)
    assert 'between quotes: schema."a.b"' in caught.value.hint
