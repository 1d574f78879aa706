"""Random registers, from the files to the tables, against a plain join: keys of every kind and every rule for repeats.

The plain side normalises and puts rows together in Python and then asks the protocol's reference.
"""

from __future__ import annotations

import csv
import json
import random
import re
import unicodedata
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mpcgov import registry
from mpcgov.jobs import check
from mpcgov.linkage import LinkedRows, OwnRows, join, totals
from mpcgov.linkage.tags import Texts
from mpcgov.linked import layout, render, vectors
from mpcgov.linked.facts import Linked
from mpcgov.mpc.config import SessionConfig
from mpcgov.results.result import numbers_by_name
from mpcgov.spec import where
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.spec.statement import Layout
from mpcgov.spec.table import Datasets
from mpcgov.worker.clear import clear_linked
from mpcgov.worker.keyed import bytes_of
from mpcgov.worker.rows import Wanted, keyed_rows
from mpcgov.worker.source import open_table
from tests import nightly
from tests.linkage.linked_parties import engine, opened_places, places
from tests.mpc.word.local import make_parties, run

Row = dict[str, str]
NAMES = ("tax", "edu", "wel", "hea")
ODD = ("ß", "ss", "SS", "Ægir", "ægir", "Ｆ", "F", "ﬁ", "fi", "İ", "ı", "i", "I", "Ω", "Ω", "٣", "3", "３", "ſ", " x",
       "x ", "\u00a0x", "σ", "ς", "日本", "a,b", 'a"b', "a\nb", "é", "é")  # fmt: skip
SEEDS = range(18, 41)
RULES = {
    "amount": ("sum", "max", "min", "count", "first"), "flag": ("sum", "max", "min", "count"),
    "group": ("max", "min", "first"),
}  # fmt: skip
COLUMNS: dict[str, dict[str, Any]] = {
    "amount": {"kind": "decimal", "min": "-50.5", "max": "99999.99", "places": 2},
    "flag": {"kind": "integer", "min": 0, "max": 1},
    "group": {"kind": "category", "values": ["b", "ü", "a a"]},
}
WHETHER = {"kind": "integer", "min": 0, "max": 1}
"""What a number of rows counts as, where it matters how many values a column can have."""
STEPS = {
    "nfkc": lambda text: unicodedata.normalize("NFKC", text),
    "trim": str.strip,
    "casefold": str.casefold,
    "digits": lambda text: re.sub("[^0-9]", "", text),
}


class Case:
    """A job over random registers."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.owners = NAMES[: rng.choice((2, 2, 3, 4))]
        self.protocol = ("linked-statistics", "overlap", "linked-statistics", "linked-count")[seed % 4]
        self.method = ("matcher", "oblivious")[seed // 4 % 2]
        self.join = "inner" if self.protocol == "overlap" else rng.choice(("inner", "left"))
        self.kinds = [rng.choice(("number", "odd", "day")) for _ in range(rng.choice((1, 1, 2)))]
        self.steps = [rng.sample(["nfkc", "trim", "casefold"], rng.randint(0, 3)) for _ in self.kinds]
        self.repeats = seed % 3 > 0
        self.missing = rng.random() < 0.3
        self.params = self._params()
        self.used = {owner: [c for c in COLUMNS if f"{owner}.{c}" in str(self.params)] for owner in self.owners}
        self.rules = {
            owner: {column: rng.choice(RULES[column]) for column in used} for owner, used in self.used.items()
        }
        share = rng.choice((0.0, 0.4, 0.9, 1.0))
        common = [number for number in range(120) if rng.random() < share]
        self.rows = {owner: self._rows(common, place) for place, owner in enumerate(self.owners)}

    def _params(self) -> dict[str, Any]:
        named = [f"{owner}.{column}" for owner in self.owners for column in ("group", "amount", "flag")]
        by = self.rng.sample(named[::3], self.rng.randint(0, 2))
        if self.protocol == "linked-count":
            return {"by": by}
        numbers = self.rng.sample([name for name in named if not name.endswith("group")], 2)
        return {"by": by, "measures": numbers, "correlations": [numbers]} if self.protocol != "overlap" else {}

    def _rows(self, common: list[int], place: int) -> list[Row]:
        if self.rng.random() < 0.1:
            return []
        own = range(1000 * (place + 1), 1000 * (place + 1) + self.rng.randint(0, 30))
        rows = [self._row(number) for number in (*common, *own)]
        if self.repeats:
            rows += [row | self._values() for row in rows if self.rng.random() < 0.4]
        else:
            rows = list({self.key(row): row for row in rows}.values())
        for row in rows if self.missing else ():
            if self.rng.random() < 0.2:
                row[self.rng.choice(list(row))] = ""
        self.rng.shuffle(rows)
        return rows

    def _row(self, number: int) -> Row:
        texts = {"number": f"Nr {number}", "odd": f"{ODD[number % len(ODD)]}{number // len(ODD)}"}
        texts["day"] = f"{1950 + number % 70}-0{1 + number % 9}-1{number % 7}"
        return {f"k{i}": texts[kind] for i, kind in enumerate(self.kinds)} | self._values()

    def _values(self) -> Row:
        cents = self.rng.randint(-5050, 9_999_999)
        amount = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
        return {"amount": amount, "flag": self.rng.choice("01"), "group": self.rng.choice(COLUMNS["group"]["values"])}

    def key(self, row: Row) -> tuple[str, ...]:
        """The normalised key."""
        texts = [row[f"k{i}"] for i in range(len(self.kinds))]
        for i, steps in enumerate(self.steps):
            for step in steps if self.kinds[i] != "day" else ():
                texts[i] = STEPS[step](texts[i])
        return tuple(texts)

    def job(self) -> dict[str, Any]:
        """The job file."""
        keys = [f"k{i}" for i in range(len(self.kinds))]
        parts: dict[str, Any] = {owner: {"dataset": "d", "key": keys} for owner in self.owners}
        for owner in self.owners if self.repeats else ():
            parts[owner]["duplicates"] = self.rules[owner]
        parts |= {f"helper{i}": {} for i in range(3 - len(parts))}
        return {
            "protocol": self.protocol, "purpose": "a test", "legal_basis": "none", "parties": parts,
            "params": self.params, "link": {"method": self.method, "join": self.join}, "disclosure": {"min_count": 3},
            "receivers": ["coordinator"],
        }  # fmt: skip

    def write(self, folder: Path) -> None:
        """The agencies' files and the job."""
        day = {"kind": "date", "min": "1900-01-01", "max": "2100-01-01"}
        kinds = [
            day if kind == "day" else {"kind": "key", "normalise": steps}
            for kind, steps in zip(self.kinds, self.steps, strict=True)
        ]
        columns = {f"k{i}": kind for i, kind in enumerate(kinds)} | COLUMNS
        dataset = {"source": "d.csv", "max_rows": 1000, "columns": columns, "missing": "drop"}
        if not self.repeats:
            dataset["unique"] = [[f"k{i}" for i in range(len(self.kinds))]]
        for owner, rows in self.rows.items():
            (folder / owner).mkdir()
            (folder / owner / "datasets.yaml").write_text(json.dumps({"d": dataset}))
            with (folder / owner / "d.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(columns))
                writer.writeheader()
                writer.writerows(rows)
        (folder / "job.yaml").write_text(json.dumps(self.job()))

    def plain(self) -> dict[str, list[list[Any]]]:
        """The released tables of a plain join."""
        reference = ModuleType("reference")
        code = registry.find(self.protocol).folder / "reference.py"
        exec(code.read_text(encoding="utf-8"), reference.__dict__)
        declared = {
            owner: COLUMNS | {name: WHETHER for name, rule in self.rules[owner].items() if rule == "count"}
            for owner in self.owners
        }
        domains = vectors.domains({"declared": declared})
        rules = {"join": self.join, "min_count": 3, "round_to": None}
        released: dict[str, list[list[Any]]] = reference.run(
            {owner: self._together(owner) for owner in self.owners}, domains, self.params, rules
        )
        return released

    def _together(self, owner: str) -> dict[tuple[str, ...], Row]:
        needed = [*(f"k{i}" for i in range(len(self.kinds))), *self.used[owner]]
        groups: dict[tuple[str, ...], list[Row]] = {}
        for row in self.rows[owner]:
            if all(row[column] for column in needed):
                groups.setdefault(self.key(row), []).append(row)
        return {key: self._one(rows, self.rules[owner]) for key, rows in groups.items()}

    def _one(self, rows: list[Row], rules: dict[str, str]) -> Row:
        first = min(rows, key=lambda row: [*self._texts(row), Decimal(row["amount"] or 0), row["flag"], row["group"]])
        result = dict(rows[0])
        for column, rule in rules.items() if self.repeats else ():
            values = [row[column] for row in rows]
            if rule == "first":
                result[column] = first[column]
            elif column == "group":
                result[column] = {"max": max, "min": min}[rule](values, key=COLUMNS["group"]["values"].index)
            else:
                numbers = [Decimal(value) for value in values]
                made = {"sum": sum(numbers), "count": len(numbers), "max": max(numbers), "min": min(numbers)}
                result[column] = str(made[rule])
        return result

    def _texts(self, row: Row) -> list[bytes]:
        """The columns of the key, in the order of the engine's texts."""
        return [row[f"k{i}"].encode() for i in range(len(self.kinds))]


def linked_tables(folder: Path) -> dict[str, list[list[Any]]]:
    """What a receiver reads: files by the reader's own functions, then all parties in one process."""
    job = load_yaml(folder / "job.yaml", Job)
    protocol, names = registry.find(job.protocol_name), tuple(job.parties)
    datasets = {party: load_yaml(folder / party / "datasets.yaml", Datasets).root["d"] for party in job.data_parties}
    used = {party: set(check.used_columns(job, protocol.manifest, party)) for party in datasets}
    declared = {party: dataset.declaration.only(used[party]) for party, dataset in datasets.items()}
    check.check_job(job, protocol.manifest, declared, 1)
    linked = Linked.of(job, protocol.manifest, declared)
    own = {}
    for party, dataset in datasets.items():
        part = job.parties[party]
        with open_table(dataset, "d", folder / party) as source:
            condition = None if part.where is None else where.parse(part.where)
            rows = keyed_rows(source, Wanted.of(part, linked.asked.of(party), source.declaration), condition)
        own[party] = OwnRows(Texts(*bytes_of(rows.keys)), rows.columns)
    program = ModuleType("program")
    exec((protocol.folder / "program.py").read_text(encoding="utf-8"), program.__dict__)

    async def one(party: Any) -> Any:
        config = SessionConfig(names, party.me, 1, bytes(32), 59, 1000)
        rows = LinkedRows(engine(party, config, []), config, linked, "job", own.get(names[party.me]))
        cleared = clear_linked(linked, await program.run(rows, job.params))
        return await places({name: table.cells for name, table in cleared.items()})

    opened = opened_places(run(make_parties(len(names), 1), one), 1)
    tables = layout.tables(linked)
    values = [int(value) for table in tables for value in np.concatenate(opened[table.name])]
    numbers = numbers_by_name(Layout(modulus=str(2**61 - 1), degree=1, tables=tables), values)
    return {
        table.name: render.rows(linked, table, {one.name: numbers[f"{table.name}.{one.name}"] for one in table.opened})
        for table in tables
    }


@pytest.mark.by_day(1)
@pytest.mark.parametrize("seed", nightly.first(5, SEEDS))
def test_a_random_job_gives_what_a_plain_join_gives(seed: int, tmp_path: Path) -> None:
    case = Case(seed)
    case.write(tmp_path)
    assert vectors.differences(linked_tables(tmp_path), case.plain()) == []


def test_columns_in_blocks_and_rows_in_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(join, "BLOCK", 1)
    monkeypatch.setattr(totals, "PIECE", 1)
    case = next(case for case in map(Case, SEEDS) if case.protocol == "linked-statistics" and len(case.owners) == 3)
    assert (case.protocol, len(case.owners)) == ("linked-statistics", 3)
    case.write(tmp_path)
    assert vectors.differences(linked_tables(tmp_path), case.plain()) == []


def test_the_random_jobs_are_of_every_kind() -> None:
    cases = [Case(seed) for seed in SEEDS]
    assert {(case.protocol, case.join) for case in cases} == {
        ("overlap", "inner"), ("linked-count", "inner"), ("linked-count", "left"),
        ("linked-statistics", "inner"), ("linked-statistics", "left"),
    }  # fmt: skip
    methods = {(case.protocol, case.method) for case in cases}
    assert methods == {(protocol, method) for protocol, _ in methods for method in ("matcher", "oblivious")}
    assert {len(case.owners) for case in cases} == {2, 3, 4}
    assert {case.repeats for case in cases} == {case.missing for case in cases} == {False, True}
    assert {len(case.kinds) for case in cases} == {1, 2}
    assert any(not rows for case in cases for rows in case.rows.values())
    assert {(c, r) for case in cases if case.repeats for rules in case.rules.values() for c, r in rules.items()} == {
        (column, rule) for column, rules in RULES.items() for rule in rules
    }
    assert sum(value is not None for case in cases for rows in case.plain().values() for *_, value in rows) > 15
