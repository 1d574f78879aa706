"""Whether a register of a few persons, read by the real reader, can be told from its neighbours by how a job ends.

All jobs of a grammar are read over a register and over registers that differ in one person's row. As long as the data
meet their declaration no job is refused, and the list that others hear of is as long whatever a job chooses. If the
data contradict the declaration every job is refused that uses those columns, whatever else it chooses.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from mpcgov import registry
from mpcgov.errors import DataError, MpcgovError
from mpcgov.jobs import check
from mpcgov.spec.condition import Expr
from mpcgov.spec.job import Job
from mpcgov.spec.load import validate
from mpcgov.spec.manifest import Local
from mpcgov.spec.order import Order
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Datasets
from mpcgov.worker import compared, local, read
from mpcgov.worker.advice import MISSING
from mpcgov.worker.keyed import KeyedRows
from mpcgov.worker.records import Records
from mpcgov.worker.source import Source
from tests import nightly

COLUMNS = ("person", "sex", "pay")
Row = tuple[str, str, str]
BASE: tuple[Row, ...] = (("1", "F", "0"), ("2", "F", "2"), ("3", "M", "1"), ("4", "M", ""), ("5", "F", "1"))
DECLARED: dict[str, Any] = {
    "source": "people.csv",
    "max_rows": 6,
    "unique": ["person"],
    "missing": "drop",
    "columns": {
        "person": {"kind": "key"},
        "sex": {"kind": "category", "values": ["F", "M"]},
        "pay": {"kind": "integer", "min": 0, "max": 2},
    },
}
FILTERS = (
    None, "pay = 2", "pay is null", "pay is not null", "person = '2' and pay >= 2",
    "person = '1' or (person = '2' and pay = 2)", "sex = 'M' or pay = 2",
)  # fmt: skip
RULES = ("sum", "max", "min", "count", "first")
FEW = ((FILTERS[0], FILTERS[4]), ("sum", "first"))
"""Filters and rules of the smaller grammar, which always runs."""


def neighbours() -> Iterator[tuple[Row, ...]]:
    """Registers in which the row of one person is another, that still meets its declaration; or isn't there."""
    yield (BASE[0], ("", "F", "2"), *BASE[2:])
    yield (BASE[0], *BASE[2:])
    for sex, pay in (("F", ""), ("M", "2"), ("F", "1"), ("M", "0")):
        yield (BASE[0], ("2", sex, pay), *BASE[2:])
    yield (*BASE[:3], ("4", "M", "2"), BASE[4])


def jobs(filters: Sequence[str | None], rules: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every choice of protocol, key, rules and filter over the register, and the same partner."""
    for condition in filters:
        part = {"dataset": "people"} | ({"where": condition} if condition else {})
        yield _job("joint-count", {"by": ["sex"]}, part, link=False)
        yield _job("joint-statistics", {"by": ["sex"], "measures": ["pay"]}, part, link=False)
        yield _job("overlap", {}, part | {"key": "person"})
        yield _job("linked-count", {"by": ["a.sex"]}, part | {"key": "person"})
        yield _job("linked-statistics", {"measures": ["a.pay"]}, part | {"key": ["person", "sex"]})
        for key, rule in (("person", "sum"), *(("sex", rule) for rule in rules)):
            yield _job("linked-statistics", {"measures": ["a.pay"]}, part | {"key": key, "duplicates": {"pay": rule}})
        yield _compared(part, {"exact": ["a.person"]})
        if len(filters) > len(FEW[0]):
            yield from _more(part, condition)


def _more(part: dict[str, Any], condition: str | None) -> Iterator[dict[str, Any]]:
    """The other protocols, and what else decides which rows are brought."""
    yield _job("joint-t-test", {"by": ["sex"], "measures": ["pay"]}, part, link=False)
    yield _job("linked-t-test", {"by": ["a.sex"], "measures": ["b.pay"]}, part | {"key": "person"})
    yield _job("linked-regression", {"outcome": "a.pay", "predictors": ["b.pay"]}, part | {"key": "person"})
    yield _job("linked-count", {"by": ["a.sex"]}, part | {"key": "person"}) | {"link": {"join": "left"}}
    sexes = {"type": "value", "columns": {"a": "sex", "b": "sex"}}
    for more in ({}, {"threshold": None, "min_probability": "0.9"}, {"blocks": [sexes]}):
        yield _compared(part, more)
    yield _compared(part, {"blocks": [sexes], "exact": ["a.person"]})
    several = {"output": "links", "identify": {"a": "person", "b": "person"}, "match": "many-to-one"}
    yield _compared(part, several | {"threshold": None, "min_probability": "0.9"})
    if condition is None:
        yield _job("data-quality", {"columns": ["a.pay"]}, part, link=False)


def _compared(part: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    field = {"type": "code", "columns": {"a": "person", "b": "person"}, "prepare": ["transliterate"]}
    params = {"fields": [field], "threshold": "1"} | more
    return {
        "protocol": "record-linkage",
        "params": {name: value for name, value in params.items() if value is not None},
        "parties": {"a": part, "b": {"dataset": "people"}, "c": {}},
    }


def _job(protocol: str, params: dict[str, Any], part: dict[str, Any], link: bool = True) -> dict[str, Any]:
    rules = {"pay": "sum"} if "b.pay" in str(params) else {}
    other = {"dataset": "people"} | ({"key": part["key"], "duplicates": rules} if link else {})
    return {"protocol": protocol, "params": params, "parties": {"a": part, "b": other if link else {}, "c": {}}}


class Reader:
    """The real reader over a register on the disk."""

    def __init__(self, folder: Path, *, everything: bool, missing: str = "drop") -> None:
        self.folder = folder
        self.registers = tuple(itertools.islice(neighbours(), None if everything else 3))
        declared = {"people": DECLARED | {"missing": missing}}
        (folder / "datasets.yaml").write_text(yaml.safe_dump(declared), encoding="utf-8")
        declaration = validate(declared, Datasets, "datasets").root["people"].declaration
        self.orders = [self._order(job, declaration) for job in jobs(*((FILTERS, RULES) if everything else FEW))]

    def _order(self, job: dict[str, Any], declaration: Any) -> Order:
        common = {"purpose": "p", "legal_basis": "l", "receivers": ["coordinator"], "disclosure": {"min_count": 3}}
        built = validate(common | job, Job, "job")
        protocol = registry.find(built.protocol_name)
        used = {p: set(check.used_columns(built, protocol.manifest, p)) for p in built.data_parties}
        declarations = {party: declaration.only(names) for party, names in used.items()}
        check.check_job(built, protocol.manifest, declarations, 1)
        proposal = Proposal(
            job=built, protocol_digest=protocol.digest, roster_digest="sha256:" + "0" * 64, threshold=1,
            declarations=declarations, proposed_at=0, approve_before=1, nonce="0" * 32,
        )  # fmt: skip
        path = str(self.folder / "datasets.yaml")
        return Order(
            proposal=proposal, party="a", datasets=path, folder=str(protocol.folder), left_s=60,
            binding="sha256:" + "0" * 64,
        )  # fmt: skip

    def ends(self, rows: tuple[Row, ...]) -> list[str]:
        """How each job's reading ends: refused with a code, or with how long a list others would hear of, if any."""
        with (self.folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows((COLUMNS, *rows))
        return [self._end(order) for order in self.orders]

    def _end(self, order: Order) -> str:
        try:
            write = read._read(order)[0]
        except MpcgovError as error:
            return error.code
        write(stream := io.BytesIO())
        found = stream.getvalue()
        lists = [int.from_bytes(found[8 * n : 8 * n + 8], "little") for n in range(lists_of(order))]
        return f"a list of {', '.join(map(str, lists))}" if lists else "read"


def lists_of(order: Order) -> int:
    """Of how many lists of a job others hear how long they are."""
    job = order.proposal.job
    if job.protocol_name != "record-linkage":
        return int(job.parties["a"].key is not None)
    passes = job.params.get("blocks") or [None]
    return (len(passes) if isinstance(passes[0], list) else 1) + bool(job.params.get("exact"))


def kind_of(order: Order) -> tuple[str, ...] | None:
    """What lists of one length are of: keys, or records and how they are divided; None where there are none."""
    job = order.proposal.job
    if job.protocol_name != "record-linkage":
        return job.parties["a"].key
    return ("records", str(job.params.get("blocks")), str(job.params.get("exact")))


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.slow)])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("agency"), everything=request.param == "all")


def seen(reader: Reader, rows: tuple[Row, ...]) -> dict[tuple[str, ...] | None, set[str]]:
    """How jobs end over one register, by the key that they link by: all else is a filter, a rule or a measure."""
    found: dict[tuple[str, ...] | None, set[str]] = {}
    for order, end in zip(reader.orders, reader.ends(rows), strict=True):
        found.setdefault(kind_of(order), set()).add(end)
    return found


def test_no_choice_of_a_job_changes_how_it_ends(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"{len(reader.orders)} jobs, each over {1 + len(reader.registers)} registers")
    for rows in (BASE, *reader.registers):
        ends = seen(reader, rows)
        assert all(len(found) == 1 for found in ends.values()), ends
        assert ends[None] == {"read"}
        assert ends["person",] == {f"a list of {len(rows)}"}
        assert ends["records", "None", "['a.person']"] == {f"a list of {len(rows)}, {len(rows)}"}


@pytest.mark.slow
def test_lists_of_the_chosen_rows_would_tell(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed_rows = read.keyed_rows
    monkeypatch.setattr(read, "keyed_rows", lambda *asked: _as_chosen(keyed_rows(*asked)))
    assert len(seen(reader, BASE)["person",]) > 1


@pytest.mark.slow
def test_lists_of_the_chosen_records_would_tell(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    compared_records = compared.compared_records

    def as_chosen(*asked: Any) -> Records:
        found = compared_records(*asked)
        return replace(found, listed=(len(found),) * len(found.listed))

    monkeypatch.setattr(compared, "compared_records", as_chosen)
    assert len(seen(reader, BASE)["records", "None", "['a.person']"]) > 1


def test_every_way_of_reading_is_asked_for() -> None:
    """A new protocol reads in one of these, which its manifest names."""
    asked = {registry.find(job["protocol"]).manifest.local for job in jobs(FILTERS, RULES)}
    assert asked == set(get_args(Local))


def _as_chosen(rows: KeyedRows) -> KeyedRows:
    return replace(rows, listed=len(rows))


@pytest.mark.slow
def test_refusing_repeated_keys_would_tell(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed_rows = read.keyed_rows

    def refusing(*asked: Any) -> KeyedRows:
        rows = keyed_rows(*asked)
        if any("put together" in note for note in rows.notes):
            raise DataError("a key is repeated", code="duplicates")
        return rows

    monkeypatch.setattr(read, "keyed_rows", refusing)
    assert "duplicates" in (ends := seen(reader, BASE)["sex",])
    assert len(ends) > 1


@pytest.mark.parametrize(
    "broken",
    nightly.named(
        1,
        {
            "repeated": (*BASE[:4], ("1", "F", "1")),
            "malformed": (*BASE[:4], ("5", "F", "x")),
            "out of range": (*BASE[:4], ("5", "F", "3")),
        },
    ),
)
def test_data_against_their_declaration_are_refused_whatever_is_asked(reader: Reader, broken: tuple[Row, ...]) -> None:
    """Of jobs that use the columns at fault either all are refused or none."""
    found = refused(reader, broken)
    assert all(len(ends) == 1 for ends in found.values()), found
    assert {True} in found.values()


def refused(reader: Reader, rows: tuple[Row, ...]) -> dict[frozenset[str], set[bool]]:
    """By the columns that a job uses, whether such jobs are refused."""
    found: dict[frozenset[str], set[bool]] = {}
    for order, end in zip(reader.orders, reader.ends(rows), strict=True):
        used = frozenset(order.proposal.declarations["a"].columns)
        found.setdefault(used, set()).add(end != "read" and not end.startswith("a list"))
    return found


def test_a_missing_value_is_refused_whatever_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `missing: refuse`; judged over the chosen rows, it would tell whether one of these lacks a value."""
    reader = Reader(tmp_path, everything=False, missing="refuse")
    ends = refused(reader, BASE).values()
    assert {len(one) for one in ends} == {1}
    assert {True} in ends
    filtered = local.filtered

    def judged(source: Source, names: Collection[str], where: Expr | None) -> Any:
        rows = filtered(source, names, where)
        lacking = {name: (rows[source.fault(name)] == MISSING).sum() for name in names}
        if names and any(source.query(rows.aggregate(**lacking)).to_pylist()[0].values()):
            raise DataError("a chosen row lacks a value")
        return rows

    monkeypatch.setattr(local, "check_columns", lambda *_: None)
    monkeypatch.setattr(local, "filtered", judged)
    assert 2 in {len(one) for one in refused(reader, BASE).values()}
