"""What a decision reads of the ledger is what stands there line by line, however little is read of it twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov import registry
from mpcgov.node import differencing, ledger, matchers, units
from mpcgov.node.facts import Line
from mpcgov.node.lines import COUNTS, of_dataset
from mpcgov.node.store import Store
from mpcgov.node.tables import JOBS, LEDGER
from mpcgov.rules.privacy import Spend
from tests.node.network import Network

STATES = (*COUNTS, "void")
REGION, SEX = "unit id: region by a", "unit id: sex by a"
FOUND = (
    {}, {"all rows": "40"}, {"all rows": "40", REGION: "x"}, {"all rows": "40", REGION: "y", SEX: "x"},
    {"all rows": "40", SEX: "y", REGION: "x"}, {REGION: "z"},
)  # fmt: skip
COUNTED = (
    {},
    {},
    {"welfare": {"labour tax": {"epsilon": "1", "coins": None}}},
    {"welfare": {"labour tax": {"epsilon": "1", "coins": "heads"}}, "tax": {"a b": {"epsilon": None, "coins": "x"}}},
    {"welfare": "1/2"},
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path / "state")
    yield found
    found.close()


def releases(folder: Path) -> list[differencing.Release]:
    network = Network(folder)
    manifest = registry.find("joint-count").manifest
    asked = ({"by": ["region"]}, {"by": ["sex"]}, {"by": ["region", "sex"]})
    return [differencing.release(network.proposal(params=params), manifest, "labour") for params in asked]


def line(random: random.Random, number: int, bodies: list[bytes]) -> dict[str, Any]:
    """Any line that there may be, older ones included; many are alike, as those of a monthly table."""
    noisy = random.random() < 0.3
    return {
        "job": f"{number:014}", "content": random.choice("xy"), "dataset": random.choice(("people", "people", "firms")),
        "release": None if noisy else random.choice(bodies), "unit": "person" if noisy else None,
        "measure": random.choice(("epsilon", "rho")) if noisy else None, "amount": "1/3" if noisy else None,
        "snapshot": random.choice(FOUND), "matchers": random.choice(COUNTED), "state": random.choice(STATES),
        "answers": None, "stale": random.random() < 0.1, "at": float(random.randrange(10)),
    }  # fmt: skip


def job(number: int) -> dict[str, Any]:
    fields = {"id": f"{number:014}", "digest": str(number), "proposal": b"", "parties": [], "receivers": []}
    return fields | {"approve_before": 0, "state": "RELEASED", "received_at": 0.0, "changed_at": 0.0}


def plainly(tx: sql.Connection) -> tuple[list[Line], dict[str, str], list[Any]]:
    """The same, each line by itself, and nothing of it kept."""
    lines, found, counted = [], dict[str, str](), list[Any]()
    for row in tx.execute(sql.select(LEDGER).order_by(LEDGER.c.at, LEDGER.c.job)):
        if row.dataset != "people":
            continue
        known = units.of_units(row.snapshot)
        found |= known if len(known) < len(row.snapshot) else {}
        if row.state in COUNTS:
            release = None if row.release is None else differencing.Release.model_validate_json(row.release)
            spend = None if row.amount is None else Spend(row.unit, row.measure, Fraction(row.amount))
            lines.append(Line(row.job, release, spend, row.state, row.snapshot, row.at))
            counted.append(SimpleNamespace(job=row.job, matchers=row.matchers))
    return lines, found, counted


def learned(counted: list[Any]) -> dict[str, Fraction | None]:
    """What each matcher has learned: different coins add up, and what was counted without noise is all."""
    found: dict[str, dict[str, str | None]] = {}
    for one in counted:
        for matcher, pairs in one.matchers.items():
            each = pairs.items() if isinstance(pairs, dict) else [("", {"coins": None, "epsilon": pairs})]
            for pair, count in each:
                found.setdefault(matcher, {})[count["coins"] or f"{one.job} {pair}"] = count["epsilon"]
    return {
        matcher: None if None in every.values() else sum((Fraction(str(one)) for one in every.values()), Fraction(0))
        for matcher, every in found.items()
    }


def test_what_is_read_once_is_what_stands_in_each_line(store: Store, tmp_path: Path) -> None:
    bodies = [one.model_dump_json().encode() for one in releases(tmp_path / "network")]
    for seed in range(40):
        chosen = random.Random(seed)
        numbers = range(chosen.randrange(25))
        with store.write() as tx:
            for table in (LEDGER, JOBS):
                tx.execute(sql.delete(table))
            for number in numbers:
                tx.execute(sql.insert(JOBS), job(number))
                tx.execute(sql.insert(LEDGER), line(chosen, number, bodies))
        with store.read() as tx:
            lines, found, counted = plainly(tx)
            assert of_dataset(tx, "people") == lines, seed
            assert ledger.found_last(tx, "people") == found, seed
            assert matchers.seen(tx, "people") == learned(counted), seed


def test_a_line_that_has_changed_is_read_as_it_is_now(store: Store, tmp_path: Path) -> None:
    body = releases(tmp_path / "network")[0].model_dump_json().encode()
    entry = line(random.Random(1), 1, [body]) | {"dataset": "people", "state": "reserved", "snapshot": {}}
    with store.write() as tx:
        tx.execute(sql.insert(JOBS), job(1))
        tx.execute(sql.insert(LEDGER), entry)
        assert of_dataset(tx, "people")[0].snapshot == {}
        tx.execute(sql.update(LEDGER).values(snapshot={"all rows": "a"}, state="final"))
        read = of_dataset(tx, "people")[0]
        snapshot: Any = read.snapshot
    assert (dict(read.snapshot), read.state) == ({"all rows": "a"}, "final")
    with pytest.raises(TypeError):
        snapshot["all rows"] = "b"
