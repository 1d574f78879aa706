"""Normalising and encoding keys, column by column, against Python's own text functions."""

from __future__ import annotations

import functools
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.spec.table import KeyColumn, TextColumn
from mpcgov.worker import keys
from mpcgov.worker.keyed import LONGEST_KEY_BYTES
from tests import nightly

TEXT = TextColumn(kind="text")
PYTHON = {
    "nfkc": lambda text: unicodedata.normalize("NFKC", text),
    "casefold": str.casefold,
    "digits": lambda text: "".join(letter for letter in text if letter in "0123456789"),
}
ASSIGNED = st.text(st.characters(codec="utf-8", exclude_categories=("Cn", "Cs", "Co")), min_size=1)
STEPS = st.permutations(["nfkc", "casefold", "digits"]).flatmap(
    lambda all_: st.sampled_from([all_[:i] for i in range(4)])
)


def kind(*normalise: str) -> KeyColumn:
    return KeyColumn(kind="key", normalise=normalise)


def encoded(*columns: tuple[KeyColumn | TextColumn, list[str | None]]) -> list[bytes | None]:
    return keys.encoded(
        [(kind, pa.chunked_array([pa.array(values, pa.string())])) for kind, values in columns]
    ).to_pylist()


@settings(max_examples=nightly.count(75, 300))
@given(st.lists(ASSIGNED, max_size=20), STEPS)
def test_normalising_is_what_python_would_do(values: list[str], steps: list[str]) -> None:
    expected = [functools.reduce(lambda text, step: PYTHON[step](text), steps, value) for value in values]
    assert encoded((kind(*steps), values)) == [text.encode() or None for text in expected]


@pytest.mark.parametrize(
    ("steps", "values", "expected"),
    [
        (("trim",), ["  a b \t", "\u00a0x\u2003"], ["a b", "x"]),
        (("casefold",), ["STRASSE", "Straße", "ΣΊΣΥΦΟΣ", "İ"], ["strasse", "strasse", "σίσυφοσ", "i̇"]),
        (("nfkc", "digits"), ["３７0-１a"], ["3701"]),
        (("nfkc",), ["ﬁn", "e\u0301"], ["fin", "é"]),
        ((), [" A "], [" A "]),
    ],
)
def test_normalising_as_declared(steps: tuple[str, ...], values: list[str], expected: list[str]) -> None:
    assert encoded((kind(*steps), values)) == [text.encode() for text in expected]


def test_folding_keeps_texts_apart_whatever_separators_they_hold() -> None:
    values = ["É\x00", "\x00É", "É\x1f\x00É", "plain", "Ø\ufdd0"]
    assert encoded((kind("casefold"), values)) == [text.casefold().encode() for text in values]


def test_folding_in_slices_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_SLICE_ROWS", 3)
    values = [f"É{i}" if i % 3 else f"E{i}" for i in range(20)]
    assert encoded((kind("casefold"), values)) == [text.casefold().encode() for text in values]


@settings(max_examples=nightly.count(60, 200))
@given(st.lists(st.tuples(ASSIGNED, ASSIGNED), unique=True, max_size=20))
def test_composite_keys_are_encoded_injectively(rows: list[tuple[str, str]]) -> None:
    found = encoded((TEXT, [a for a, _ in rows]), (TEXT, [b for _, b in rows]))
    assert len(set(found)) == len(rows)
    for (a, b), key in zip(rows, found, strict=True):
        parts = [part.encode() for part in (a, b)]
        assert key == b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def test_the_end_of_one_column_is_not_the_beginning_of_the_next() -> None:
    assert len(set(encoded((TEXT, ["ab", "a", "abc"]), (TEXT, ["c", "bc", "d"])))) == 3


def test_a_key_that_is_missing_empty_or_too_long_is_none() -> None:
    long, most = "z" * (LONGEST_KEY_BYTES + 1), "z" * LONGEST_KEY_BYTES
    assert encoded((TEXT, [long, "ok", None, most])) == [None, b"ok", None, most.encode()]
    assert encoded((kind("digits"), ["a", "1"]), (TEXT, ["b", long])) == [None, None]
    assert encoded((TEXT, ["a", None, "c"]), (TEXT, [None, "b", "d"]))[:2] == [None, None]
