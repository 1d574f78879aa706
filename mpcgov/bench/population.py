"""W3-million: two registers of a made-up population, as large as registers of countries are, linked in blocks.

Four fifths of the persons are in both. One record in twelve has a name with a letter wrong, one in forty a wrong part
of the date of birth, one in fifty another postcode, and with it another region.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mpcgov.bench.linked import OWNERS, write_files, write_job
from mpcgov.bench.task import Array, Task, integers

Numbers = np.ndarray[Any, np.dtype[np.int64]]

SYLLABLES = np.array([consonant + vowel for consonant in "bdfghjklmnprstvwz" for vowel in "aeiou"])
FIRST_NAMES, LAST_NAMES = 600, 15_000
FIRST_DAY, DAYS = np.datetime64("1940-01-01"), 80 * 365 + 20
POSTCODES_PER_REGION, RECORDS_PER_REGION = 100, 25_000
FIELDS = {"first_name": "name", "last_name": "name", "born": "date", "postcode": "code"}
BLOCKS = {"born": "year", "sex": "value", "region": "value"}
"""So that about 150 records are in each: 80 years, two sexes and as many regions as it takes; 6,400 blocks of 10^6."""
SHARED = 4, 5
"""So much of each list is in both."""
MIN_PROBABILITY = "0.5"
DEADLINE_S = 4 * 3600
LEAST_F1 = 0.95
"""Pairs that are in two blocks are lost: one in thirty."""


def million(size: int) -> Task:
    """Two lists of `size` records; the receiver gets the pairs, and we their F1."""
    both = size * SHARED[0] // SHARED[1]

    def files(folder: Path) -> Array:
        lists = [_records(owner, size, start) for owner, start in zip(OWNERS, (0, size - both), strict=True)]
        write_files(folder, {owner: (one, _declared(size)) for owner, one in zip(OWNERS, lists, strict=True)})
        write_job(folder, "record-linkage", _params(), {"dataset": "rows"}, deadline_s=DEADLINE_S)
        return np.ones(1)

    def f1(result: Mapping[str, Any]) -> Array:
        links = result["tables"]["links"]["rows"]
        right = sum(one[1:] == other[1:] for one, other in links)
        return np.array([2 * right / (len(links) + both)])

    return Task(({}, {}, {}), np.ones(1), 1 - LEAST_F1, files, f1)


def _records(owner: str, size: int, start: int) -> dict[str, pa.Array]:
    """An owner's records of persons from `start` on, in an order of its own."""
    persons = start + np.argsort(integers(f"order {owner}", size, 48), kind="stable")
    every = int(persons.max()) + 1

    def drawn(label: str, bits: int = 32) -> Numbers:
        """A number of each person, the same at both owners."""
        return integers(label, every, bits)[persons]

    def slips(field: str, one_in: int) -> Numbers:
        """In which records the owner wrote something else."""
        return np.flatnonzero(integers(f"{field} slips at {owner}", size, 32) % one_in == 0)

    first = _misspelt(_names(_rank(drawn("first name"), FIRST_NAMES), 2), slips("first name", 24))
    last = _misspelt(_names(_rank(drawn("last name"), LAST_NAMES) + FIRST_NAMES, 3), slips("last name", 24))
    born = FIRST_DAY + drawn("day", 40) % DAYS
    wrong = slips("born", 40)
    born[wrong] = FIRST_DAY + (born[wrong] - FIRST_DAY + 10 ** (wrong % 4)).astype(np.int64) % DAYS
    codes, moved = POSTCODES_PER_REGION * len(_regions(size)), slips("postcode", 50)
    code = drawn("postcode", 40) % codes
    code[moved] = (code[moved] + 1 + moved) % codes
    return {
        "id": pa.array(np.char.add(owner[0], persons.astype(str))),
        "first_name": pa.array(first),
        "last_name": pa.array(last),
        "born": pa.array(born.astype(str)),
        "postcode": pa.array((10_000 + code).astype(str)),
        "sex": pa.array(np.where(drawn("sex", 1) == 0, "F", "M")),
        "region": pa.array((code // POSTCODES_PER_REGION).astype(str)),
    }


def _rank(uniform: Numbers, count: int) -> Numbers:
    """Which of `count` names each person has, the first ones more often."""
    return (count * (uniform / 2**32) ** 2).astype(np.int64)


def _names(ranks: Numbers, syllables: int) -> np.ndarray[Any, Any]:
    number, text = ranks * 7919, np.full(len(ranks), "")
    for _ in range(syllables):
        text = np.char.add(text, SYLLABLES[number % len(SYLLABLES)])
        number //= len(SYLLABLES)
    return np.char.capitalize(text)


def _misspelt(names: np.ndarray[Any, Any], rows: Numbers) -> np.ndarray[Any, Any]:
    """With a letter of some of them replaced."""
    for row in rows:
        at = int(row) % len(names[row])
        names[row] = names[row][:at] + "aeiorstn"[int(row) // 7 % 8] + names[row][at + 1 :]
    return names


def _regions(size: int) -> list[str]:
    return [str(region) for region in range(max(1, size // RECORDS_PER_REGION))]


def _declared(size: int) -> dict[str, Any]:
    last = str(FIRST_DAY + DAYS - 1)
    born = {"kind": "date", "min": str(FIRST_DAY), "max": last}
    regions = {"kind": "category", "values": _regions(size)}
    named = {name: {"kind": "text"} for name in ("id", *FIELDS)}
    return {**named, "born": born, "sex": {"kind": "category", "values": ["F", "M"]}, "region": regions}


def _params() -> dict[str, Any]:
    def typed(columns: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{"type": type_, "columns": dict.fromkeys(OWNERS, column)} for column, type_ in columns.items()]

    return {
        "fields": typed(FIELDS),
        "blocks": typed(BLOCKS),
        "min_probability": MIN_PROBABILITY,
        "output": "links",
        "identify": dict.fromkeys(OWNERS, "id"),
    }
