"""What the engine has as macros says of every text what the expression says that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import pyarrow as pa
import pytest

from mpcgov.spec.reading import Dialect, Reading
from mpcgov.worker import advice, macros
from mpcgov.worker.engine import open_engine

HEADER = 'it\'s "a" header'
TEXTS = [
    *(None, "", " 1", "1 ", "NA", "#N/A", "..", "1,5", "1.000.000", "1.50", "+3", "3 €", "1e5", "12-", "12{", "12A"),
    *("2020-13-01", "01.02.2020", "2020-1-2", "20200102", "2020-01-02T03", "00.01.2020", "0000-00-00", "1.2.20"),
    *("1 May 2020", "43831", "2020", "2020Q1", "Q1/2020", "ＮＯＲＴＨ", "North\u00a0", "NORTH", "Nörth", "North.0"),
    *("x'y", "1", "0", "-1", HEADER),
]
PLAIN, READING = Dialect(), Reading()


@pytest.mark.parametrize(
    ("macro", "written"),
    [
        (
            lambda raw: macros.odd_number(raw, HEADER, PLAIN, READING),
            lambda raw: advice.odd_number(raw, HEADER, PLAIN, READING),
        ),
        (
            lambda raw: macros.odd_code(raw == "NORTH", raw, ("a",), HEADER),
            lambda raw: advice.odd_code(raw == "NORTH", raw, ("a",), HEADER),
        ),
        (macros.seen, advice.seen),
    ],
)
def test_a_macro_says_what_its_expression_says(macro: Callable[[Any], Any], written: Callable[[Any], Any]) -> None:
    backend, texts = open_engine(), ibis.memtable(pa.table({"raw": pa.array(TEXTS, "string")}))
    shown = [backend.to_pyarrow(texts.select(found=said(texts.raw))) for said in (macro, written)]
    assert shown[0] == shown[1]
    assert len(set(shown[0]["found"].to_pylist())) > 2
    assert "mpcgov_" in ibis.to_sql(texts.select(found=macro(texts.raw)), dialect="duckdb").lower()


@pytest.mark.parametrize(
    ("macro", "written"),
    [
        (
            lambda raw: macros.odd_number(raw, HEADER, Dialect(decimal=","), READING),
            lambda raw: advice.odd_number(raw, HEADER, Dialect(decimal=","), READING),
        ),
        (
            lambda raw: macros.odd_code(raw == "NORTH", raw, ("01",), HEADER),
            lambda raw: advice.odd_code(raw == "NORTH", raw, ("01",), HEADER),
        ),
    ],
)
def test_what_is_written_otherwise_has_an_expression_of_its_own(
    macro: Callable[[Any], Any], written: Callable[[Any], Any]
) -> None:
    texts = ibis.memtable(pa.table({"raw": pa.array(TEXTS, "string")}))
    sql = [str(ibis.to_sql(texts.select(found=said(texts.raw)), dialect="duckdb")) for said in (macro, written)]
    assert sql[0] == sql[1]
    assert "mpcgov_" not in sql[0].lower()
