"""The same 10,000 rows through every reader: every value and every fingerprint must come out the same."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from math import isnan
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import quote, urlencode

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from mpcgov.spec.table import Dataset
from mpcgov.worker.fingerprint import fingerprints_of
from mpcgov.worker.source import open_table
from tests import mariadb
from tests.postgres import server

ROWS = 10_000
COLUMNS: dict[str, Any] = {
    "id": {"kind": "key"},
    "region": {"kind": "category", "values": ["Nord", "Süd", "Œuvre"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "pay": {"kind": "decimal", "min": -1000, "max": "100000.5", "places": 2},
    "born": {"kind": "date", "min": "1900-01-01", "max": "2025-12-31"},
    "note": {"kind": "text"},
}


def table() -> pa.Table:
    """One row in seven lacks a value of each column that may lack one."""
    numbers = range(ROWS)
    some = [n % 7 != 3 for n in numbers]
    day = dt.date(1930, 1, 1)
    return pa.table(
        {
            "id": pa.array([f"{n:08d}" for n in numbers]),
            "region": pa.array([("Nord", "Süd", "Œuvre")[n % 3] if some[n] else None for n in numbers]),
            "age": pa.array([n % 121 if some[n] else None for n in numbers], pa.int64()),
            "pay": pa.array([Decimal(n * 7 - 1000) / 100 if some[n] else None for n in numbers], pa.decimal128(12, 2)),
            "born": pa.array([day + dt.timedelta(n) if some[n] else None for n in numbers], pa.date32()),
            "note": pa.array([f'a "{n}", b; c' if some[n] else None for n in numbers]),
        }
    )


def frame() -> Any:
    """As pandas has it: numbers as floats, as some are missing. (Arrow's own cast of decimals isn't the nearest.)"""
    numbers = [float("nan") if value is None else float(value) for value in table()["pay"].to_pylist()]
    return table().to_pandas().assign(pay=numbers)


def csv(path: Path) -> None:
    pyarrow.csv.write_csv(table(), path)


def semicolons(path: Path) -> None:
    text = ["id;region;age;pay;born;note"]
    for row in table().to_pylist():
        born = row["born"].strftime("%d.%m.%Y") if row["born"] else ""
        pay = "" if row["pay"] is None else f"{row['pay']:.2f}".replace(".", ",")
        note = "" if row["note"] is None else '"' + row["note"].replace('"', '""') + '"'
        text.append(f"{row['id']};{row['region'] or ''};{'' if row['age'] is None else row['age']};{pay};{born};{note}")
    path.write_bytes("\r\n".join(text).encode("cp1252"))


def feather(path: Path) -> None:
    with pa.ipc.new_file(path, table().schema) as file:
        file.write_table(table(), 1000)


def excel(path: Path) -> None:
    workbook = pytest.importorskip("openpyxl").Workbook(write_only=True)
    sheet = workbook.create_sheet("people")
    sheet.append(list(COLUMNS))
    for row in frame().itertuples(index=False):
        sheet.append([None if isinstance(value, float) and isnan(value) else value for value in row])
    workbook.save(path)


def statistical(write: str, **changes: Any) -> Callable[[Path], None]:
    def made(path: Path) -> None:
        getattr(pytest.importorskip("pyreadstat"), write)(frame(), str(path), **changes)

    return made


def pandas_parquet(path: Path) -> None:
    frame().assign(born=lambda f: f.born.astype("datetime64[ns]")).to_parquet(path)


def folder(path: Path) -> None:
    path.mkdir()
    for part in range(4):
        pq.write_table(table().slice(part * 2500, 2500), path / f"part-{part}.parquet")


def database(path: Path) -> None:
    rows = table()
    with duckdb.connect(path) as connection:
        connection.register("rows", rows)
        connection.execute("CREATE TABLE people AS SELECT * FROM rows")


def fixed(path: Path) -> None:
    lines = []
    for row in table().to_pylist():
        born = "" if row["born"] is None else row["born"].isoformat()
        texts = ["" if row[name] is None else str(row[name]) for name in ("id", "region", "age", "pay", "note")]
        lines.append(f"{texts[0]:8}{texts[1]:5}{texts[2]:>3}{texts[3]:>10}{born:10}{texts[4]}".rstrip() + "\r\n")
    path.write_text("".join(lines), encoding="utf-8", newline="")


def tabs(path: Path) -> None:
    text = io.BytesIO()
    pyarrow.csv.write_csv(table(), text, pyarrow.csv.WriteOptions(delimiter="\t"))
    path.write_bytes(gzip.compress(text.getvalue()))


def stream(path: Path) -> None:
    with pa.ipc.new_stream(path, table().schema) as file:
        file.write_table(table(), 1000)


def hive(path: Path) -> None:
    """As Spark writes it by region; rows come in another order, which nothing depends on."""
    rows = table()
    for region in [*COLUMNS["region"]["values"], None]:
        named = "__HIVE_DEFAULT_PARTITION__" if region is None else quote(region)
        inside = path / f"region={named}"
        inside.mkdir(parents=True)
        mask = pc.is_null(rows["region"]) if region is None else pc.equal(rows["region"], region)
        pq.write_table(rows.filter(mask).drop_columns("region"), inside / "part-0.parquet", row_group_size=500)
    (path / "_SUCCESS").touch()


AT = {"id": [1, 8], "region": [9, 13], "age": [14, 16], "pay": [17, 26], "born": [27, 36], "note": [37, 90]}
DIALECT = {"delimiter": ";", "encoding": "windows-1252", "decimal": ",", "date_format": "DD.MM.YYYY"}
SOURCES: dict[str, tuple[Callable[[Path], None], str, dict[str, Any]]] = {
    "csv": (csv, "d.csv", {}),
    "csv of another dialect": (semicolons, "d.csv", DIALECT),
    "compressed tsv": (tabs, "d.tsv.gz", {}),
    "fixed width": (fixed, "d.dat", {"columns": {name: column | {"at": AT[name]} for name, column in COLUMNS.items()}}),
    "arrow": (feather, "d.arrow", {}),
    "arrow stream": (stream, "d.arrow", {}),
    "excel": (excel, "d.xlsx#people", {}),
    "spss": (statistical("write_sav"), "d.sav", {}),
    "compressed spss": (statistical("write_sav", compress=True), "d.zsav", {}),
    "stata": (statistical("write_dta", version=15), "d.dta", {}),
    "sas transport": (statistical("write_xport", file_format_version=8), "d.xpt", {}),
    "parquet by pandas": (pandas_parquet, "d.parquet", {}),
    "folder of parquet": (folder, "d", {}),
    "pattern of parquet": (folder, "d/part-*.parquet", {}),
    "partitions of Hive": (hive, "d", {}),
}


def read(source: str, base: Path, changes: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    dataset = Dataset.model_validate({"source": source, "missing": "drop", "columns": COLUMNS, **changes})
    with open_table(dataset, "d", base) as opened:
        rows = opened.query(opened.table.order_by("v0")).to_pylist()
        return rows, fingerprints_of(opened, [*([name] for name in COLUMNS), COLUMNS])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], dict[str, str]]:
    base = tmp_path_factory.mktemp("parquet")
    pq.write_table(table(), base / "d.parquet")
    return read("d.parquet", base, {})


@pytest.mark.by_day(5)
@pytest.mark.parametrize(("write", "source", "changes"), SOURCES.values(), ids=SOURCES.keys())
def test_every_file_gives_the_same_rows(
    tmp_path: Path, expected: Any, write: Callable[[Path], None], source: str, changes: dict[str, Any]
) -> None:
    write(tmp_path / source.partition("#")[0].partition("/")[0])
    assert read(source, tmp_path, changes) == expected


def test_a_database_of_duckdb_gives_the_same_rows(tmp_path: Path, expected: Any) -> None:
    database(tmp_path / "d.duckdb")
    assert read("duckdb://d.duckdb#people", tmp_path, {}) == expected


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with server() as url:
        yield url


def test_postgres_gives_the_same_rows(postgres: str, tmp_path: Path, expected: Any) -> None:
    import psycopg

    with psycopg.connect(postgres) as connection:
        connection.execute(
            "CREATE TABLE people (id char(8), region text, age int, pay numeric(12, 2), born date, note text)"
        )
        with connection.cursor().copy("COPY people FROM STDIN") as copy:
            for row in table().to_pylist():
                copy.write_row(list(row.values()))
    assert read(f"{postgres}#people", tmp_path, {}) == expected


@pytest.fixture(scope="module")
def mysql() -> Iterator[mariadb.Server]:
    with mariadb.server() as found:
        yield found


def test_mysql_gives_the_same_rows(mysql: mariadb.Server, tmp_path: Path, expected: Any) -> None:
    rows = [tuple(row.values()) for row in table().to_pylist()]
    with mysql.as_root() as cursor:
        cursor.execute(
            "CREATE TABLE people (id char(8), region text, age int, pay decimal(12, 2), born date, note text)"
        )
        cursor.executemany("INSERT INTO people VALUES (%s, %s, %s, %s, %s, %s)", rows)
    assert read(f"{mysql.url}#people", tmp_path, {}) == expected
    assert read(f"{mysql.url.replace('mysql', 'mariadb', 1)}#agency.people", tmp_path, {}) == expected


BRIEF_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"
"""For processes that live for seconds: what the second compiler makes of their code comes too late."""


@pytest.mark.filterwarnings("ignore")  # Spark's own, of its sockets and of pandas
def test_a_cluster_of_spark_gives_the_same_rows(tmp_path: Path, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers of its own; what a row hashes to is each engine's own, so that fingerprints aren't compared.

    A minute and a half of the processor by day, too: where Spark is installed, which `./scripts/test` alone doesn't do.
    """
    pyspark = pytest.importorskip("pyspark", reason="pip install 'mpcgov[spark]'; .ci/run does")
    if shutil.which("java") is None:
        pytest.skip("no Java here")
    pq.write_table(table(), tmp_path / "d.parquet")
    monkeypatch.setenv("JDK_JAVA_OPTIONS", BRIEF_JAVA)
    options = {
        "spark.master": "local-cluster[2,1,1024]",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",  # no job begins before both are there
        "spark.scheduler.maxRegisteredResourcesWaitingTime": "300s",
        "spark.default.parallelism": "2",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.catalogImplementation": "hive",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"{BRIEF_JAVA} -Dderby.stream.error.file={tmp_path}/derby.log",
        "spark.executor.extraJavaOptions": BRIEF_JAVA,
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={tmp_path}/meta;create=true",
    }
    builder = pyspark.sql.SparkSession.builder.config("spark.sql.warehouse.dir", str(tmp_path / "warehouse"))
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    hung = Timer(600, session.sparkContext.cancelAllJobs)  # a cluster that never comes up fails, and holds up nobody
    hung.start()
    try:
        columns = "id CHAR(8), region STRING, age INT, pay DECIMAL(12, 2), born DATE, note STRING"
        session.sql(f"CREATE TABLE people ({columns}) USING parquet")
        session.read.parquet(str(tmp_path / "d.parquet")).write.mode("append").insertInto("people")
        executors = session.sparkContext._jsc.sc().statusTracker().getExecutorInfos()
        assert len(executors) == 3  # the driver is one
        found, prints = read(f"pyspark://{tmp_path}/warehouse?{urlencode(options)}#people", tmp_path, {})
        assert found == expected[0]
        assert {name.rpartition(" by ")[0] for name in prints} == {name.rpartition(" by ")[0] for name in expected[1]}
    finally:
        hung.cancel()
        session.stop()
