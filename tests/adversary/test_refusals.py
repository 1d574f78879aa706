"""What a node says before anything is shared, 'ready' or 'data contract', answers no question that a job chooses.

The attacks 1a to 1c ask one word at a time: whoever proposes jobs picks key, rules and filter so that the data are
refused if and only if something holds of one person, and bisects. Here they are asked of the child that reads, which is
all that decides that word, and some of whole jobs. Taken out are: in `worker/rows.py` that rows without a key are
left out and no rule raises; in `worker/unique.py` that the whole table is judged; in `worker/local.py` that
`may_be_missing` leaves out `names`; in `linked/faults.py` `_not_unique`; in `node/book.py` `refusals.charge`.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from mpcgov.errors import DataError, InternalError, LocalError, MpcgovError, SpecError
from mpcgov.node import budget
from mpcgov.node.facts import MOST_REFUSED as MOST
from mpcgov.spec.ids import digest
from mpcgov.spec.job import Job
from mpcgov.spec.link import Rule
from mpcgov.spec.load import validate
from mpcgov.spec.order import OWN_READER, Order
from mpcgov.trial.simulation import Simulation, simulate
from mpcgov.worker import read
from tests import nightly
from tests.node.network import PARTIES, Network
from tests.node.test_ledger import STANDING, everywhere, lines

Row = dict[str, str]
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"kind": "key", "normalise": ["digits"]},
    "name": {"kind": "text"},
    "sex": {"kind": "category", "values": ["F", "M"]},
    "age": {"kind": "integer", "min": 0, "max": 120},
    "wage": {"kind": "integer", "min": 0, "max": 1_000_000},
}
PERSONS = [
    {"id": f"n{i:03}", "name": f"p{i}", "sex": "FM"[i % 2], "age": str(20 + i), "wage": str(1000 + 2717 * i % 9973)}
    for i in range(30)
]
TOP = max(int(row["wage"]) for row in PERSONS)
TARGETS = PERSONS[3 : 27 : nightly.count(16, 5)]
WAGES = [0, TOP, 5000, TOP + 1][: nightly.count(2, 4)]
"""From which on rows are chosen: all, one; at night about half, and none."""


class Agency:
    """One owner's data, and what others hear of it before anything is shared."""

    def __init__(self, folder: Path, rows: list[Row], **declared: Any) -> None:
        self.folder = folder
        for party, held in (("tax", rows), ("edu", PERSONS)):
            (folder / party).mkdir(exist_ok=True)
            text = io.StringIO()
            writer = csv.DictWriter(text, list(COLUMNS))
            writer.writeheader()
            writer.writerows(held)
            (folder / party / "people.csv").write_text(text.getvalue(), encoding="utf-8")
            people = {"source": "people.csv", "max_rows": 1000, "columns": COLUMNS} | declared
            (folder / party / "datasets.yaml").write_text(json.dumps({"people": people}), encoding="utf-8")

    def job(self, protocol: str, params: dict[str, Any], part: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A job over tax's people chosen as `part` says, and all of edu's."""
        other = {name: value for name, value in part.items() if name == "key"}
        other |= {"duplicates": dict.fromkeys(("sex", "wage"), "max")} if "key" in part else {}
        parties = {"tax": {"dataset": "people"} | part, "edu": {"dataset": "people"} | other, "helper": {}}
        asked = {"protocol": protocol, "params": params, "parties": parties, "receivers": ["coordinator"]}
        return asked | {"purpose": "an attack", "legal_basis": "none"} | more

    def order(self, *asked: Any, **more: Any) -> Order:
        """What tax's node asks its child that reads."""
        made = Simulation.of(validate(self.job(*asked, **more), Job, "job"), self.folder)
        return Order(
            proposal=made.proposal, party="tax", datasets=str(made.files["tax"]), folder=str(made.protocol.folder),
            binding=digest(b""), left_s=600,
        )  # fmt: skip

    def word(self, *asked: Any, **more: Any) -> str:
        """What tax's node says: nothing, as the job is bad whatever the data, or one of two words."""
        try:
            order = self.order(*asked, **more)
        except SpecError:
            return "bad job"
        try:
            write, *_ = read._read(order)
            write(io.BytesIO())
        except MpcgovError:
            return "data contract"
        return "ready"


def bisected(ask: Callable[[int], str], low: int = 0, high: int = 16_384) -> int | None:
    """The number at which the answer changes, in 15 questions; None if it doesn't."""
    first = ask(low)
    if ask(high) == first:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if ask(middle) == first else (low, middle)
    return low


def recovered(agency: Agency, asked: Callable[[Row, int], tuple[Any, ...]]) -> int:
    """Of how many of the targets the wage is found, to the unit."""
    found = 0
    for target in TARGETS:

        def ask(wage: int, target: Row = target) -> str:
            return agency.word(*asked(target, wage))

        found += bisected(ask) == int(target["wage"])
    return found


BY_EDU: tuple[str, dict[str, Any]] = ("linked-count", {"by": ["edu.sex"]})
MEAN: tuple[str, dict[str, Any]] = ("linked-statistics", {"by": ["edu.sex"], "measures": ["tax.wage"]})


@pytest.mark.by_day(2)
@pytest.mark.parametrize("unique", [[], ["id"], ["id", "name"]], ids=str)
def test_1a_no_wage_follows_from_whether_keys_are_repeated(tmp_path: Path, unique: list[str]) -> None:
    agency = Agency(tmp_path, PERSONS, unique=unique)

    def asked(target: Row, wage: int) -> tuple[Any, ...]:
        top = f"wage >= {TOP} or (age = {target['age']} and wage >= {wage})"
        return (*BY_EDU, {"key": "sex", "where": top})

    assert recovered(agency, asked) == 0
    for job, part in itertools.product((BY_EDU, MEAN), ({"key": "sex"}, {"key": ["sex", "age"]}, {"key": "id"})):
        words = {agency.word(*job, part | {"where": f"wage >= {wage}"}) for wage in WAGES}
        assert len(words) == 1, (job, part)


@pytest.mark.by_day(4, "sum")
@pytest.mark.parametrize("rule", [*get_args(Rule), "any", "refuse"])
def test_1b_no_wage_follows_from_whether_rows_of_one_key_agree(tmp_path: Path, rule: str) -> None:
    agency = Agency(tmp_path, [row | {"id": "n1"} for row in PERSONS])

    def asked(target: Row, wage: int) -> tuple[Any, ...]:
        both = f"wage is not null and (age = 20 or (age = {target['age']} and wage >= {wage}))"
        return (*MEAN, {"key": "id", "where": both, "duplicates": {"wage": rule}})

    assert recovered(agency, asked) == 0
    assert agency.word(*asked(TARGETS[0], 0)) == ("ready" if rule in get_args(Rule) else "bad job")


@pytest.mark.by_day(2, "{7}-refuse")
@pytest.mark.parametrize("missing", ["refuse", "drop"])
@pytest.mark.parametrize("lacking", [set(), {7}, {7, 8, 20}], ids=str)
def test_1c_nobody_is_found_who_lacks_a_value(tmp_path: Path, missing: str, lacking: set[int]) -> None:
    rows = [row | ({"wage": ""} if i in lacking else {}) for i, row in enumerate(PERSONS)]
    agency = Agency(tmp_path, rows, missing=missing, unique=["id"])
    jobs = [
        (MEAN, {"key": "id"}),
        (("joint-statistics", {"by": ["sex"], "measures": ["wage"]}), {}),
        (("linked-regression", {"outcome": "tax.wage", "predictors": ["edu.age"]}), {"key": "id"}),
    ]
    for job, part in jobs:
        job_ = (job[0], job[1] | ({"predictors": ["edu.wage"]} if "outcome" in job[1] else {}))
        words = [agency.word(*job_, part | {"where": f"age = {row['age']} and wage is null"}) for row in PERSONS[6:9]]
        assert len(set(words)) == 1, job
        assert (words[0] == "ready") == (missing == "drop" or not lacking)


WHERES = ["name = 'odd'", "name != 'odd'", "name != ''"][: nightly.count(2, 3)]
ODD: dict[str, list[Row]] = {
    "no key": [PERSONS[3] | {"name": "odd", "id": ""}],
    "nothing of a key": [PERSONS[3] | {"name": "odd", "id": "abc"}],
    "a key of 70,000 signs": [PERSONS[3] | {"name": "odd", "id": "7" * 70_000}],
    "another's key": [PERSONS[3] | {"name": "odd"}],
    "a wage out of range": [PERSONS[3] | {"name": "odd", "id": "n999", "wage": "1000001"}],
    "no number": [PERSONS[3] | {"name": "odd", "id": "n999", "wage": "1,000"}],
    "no wage": [PERSONS[3] | {"name": "odd", "id": "n999", "wage": ""}],
    "no sex": [PERSONS[3] | {"name": "odd", "id": "n999", "sex": ""}],
    "another sex": [PERSONS[3] | {"name": "odd", "id": "n999", "sex": "X"}],
    "the same row": [PERSONS[3] | {"name": "odd", "id": "n999"}] * 2,
}
RULES = {"wage": "sum", "sex": "first"}
FIELDS = {"fields": [{"type": "name", "columns": {"tax": "name", "edu": "name"}}], "threshold": "0.7"}
NOISE = {"noise": {"mechanism": "discrete-laplace", "epsilon": "1", "unit": "person", "bound": 1}}
GRAMMAR: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("joint-count", {"by": ["sex"]}, {}, {}),
    ("joint-statistics", {"by": ["sex"], "measures": ["wage"]}, {}, {}),
    ("overlap", {}, {"key": "id"}, {}),
    (*BY_EDU, {"key": ["id", "sex"]}, {}),
    ("linked-count", {"by": ["tax.sex"]}, {"key": "id", "duplicates": RULES}, {}),
    (*MEAN, {"key": "id"}, {}),
    (*MEAN, {"key": "sex", "duplicates": RULES}, {}),
    ("record-linkage", FIELDS | {"output": "count"}, {}, {}),
    ("record-linkage", FIELDS | {"output": "links", "identify": {"tax": "id", "edu": "id"}}, {}, {}),
    ("record-linkage", FIELDS | {"output": "statistics", "measures": ["tax.wage"]}, {}, {}),
]


@pytest.mark.by_day(10, "drop-no key", "drop-another's key")
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("missing", ["refuse", "drop"])
def test_a_word_is_the_same_whichever_rows_a_job_chooses(tmp_path: Path, odd: str, missing: str) -> None:
    """Over every kind of job: what one row has that others don't decides the word for all filters, or for none.

    Always each row in some kinds of job, with one way to take missing values; at night in all, with both.
    """
    step, place = nightly.count(4, 1), [*ODD].index(odd) + (missing == "drop")
    agency = Agency(tmp_path, [*PERSONS, *ODD[odd]], missing=missing, unique=["id"])
    told = 0
    for protocol, params, part, more in GRAMMAR[place % step :: step]:
        words = {where: agency.word(protocol, params, part | {"where": where}, **more) for where in WHERES}
        told += len(set(words.values())) > 1
        if odd in ("another's key", "the same row"):  # the declaration is wrong, so that no job runs at all
            assert set(words.values()) == {"data contract"}, (protocol, words)
    assert told == 0


@pytest.mark.by_day(1)
@pytest.mark.parametrize("attack", ["1a", "1b", "1c"])
def test_whole_jobs_end_the_same_on_both_sides_of_a_wage(tmp_path: Path, attack: str) -> None:
    rows = [row | {"id": "n1"} if attack == "1b" else row for row in PERSONS]
    agency = Agency(tmp_path, rows, missing="drop")
    target, ends = PERSONS[19], []
    for wage in (int(target["wage"]), int(target["wage"]) + 1):
        one = f"(age = {target['age']} and wage >= {wage})"
        job = {
            "1a": agency.job(*BY_EDU, {"key": "sex", "where": f"wage >= {TOP} or {one}"}),
            "1b": agency.job(*MEAN, {"key": "id", "where": f"age = 20 or {one}", "duplicates": {"wage": "first"}}),
            "1c": agency.job(*MEAN, {"key": "name", "where": f"{one} and wage is null", "duplicates": {"wage": "sum"}}),
        }[attack]
        (tmp_path / "job.yaml").write_text(json.dumps(job))
        result = simulate(tmp_path / "job.yaml", tmp_path)
        ends.append((result["tables"], result["cost"]["rounds"]))
    assert ends[0] == ends[1]


# Whatever refusal still depends on data is charged.


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[Network]:
    network = Network(tmp_path)
    for party in PARTIES:
        network.policy(party, STANDING)
    try:
        await network.start()
        yield network
    finally:
        await network.stop()


async def ended(network: Network, number: int) -> dict[str, str]:
    """A job that all policies let through; the state of each party when labour has ended it, or waits."""
    proposal = network.proposal(**everywhere(f"age = {number}"))
    job = next(iter((await network.submit(proposal)).values()))["job"]
    labour = await network.until(job, "FAILED", "ABORTED", "AWAITING_APPROVAL", "RELEASED", parties=("labour",))
    if labour["labour"]["state"] != "AWAITING_APPROVAL":
        await network.until(job, "FAILED", "ABORTED", "RELEASED")
        await network.at_rest()
    return {party: (await network.status(party, job))["state"] for party in PARTIES}


def counted(network: Network, party: str) -> tuple[int, int]:
    """How many of its data's refusals a party's people are shown, within a day and in all."""
    (shown,) = budget.show(network.home(party)).to_json()["refusals"]
    return shown["within_a_day"], shown["in_all"]


FAULTS = (
    DataError("people: not unique by id: 1 key is repeated, in 2 rows", code="unique"),
    LocalError("people: it takes more memory than the engine may use", code="engine-memory"),
    InternalError("reading the data failed unexpectedly (MemoryError)", code=OWN_READER),
)


async def test_after_three_refusals_a_person_is_asked_whatever_the_policy_says(nodes: Network) -> None:
    """One for each sort of fault that a party's own data may have."""
    for number, fault in enumerate(FAULTS):
        nodes.workers["labour"].faults["ready"] = fault
        assert (await ended(nodes, number))["labour"] == "FAILED"
    assert len(FAULTS) == MOST
    assert [line.state for line in lines(nodes, "labour")] == ["refused"] * MOST
    assert [line.state for line in lines(nodes, "welfare")] == ["void"] * MOST
    assert [counted(nodes, party) for party in PARTIES] == [(MOST, MOST), (0, 0), (0, 0)]
    states = await ended(nodes, MOST)  # at the others nobody's data were at fault
    assert states == {"labour": "AWAITING_APPROVAL", "welfare": "APPROVED", "education": "APPROVED"}
    nodes.clock.offset_s = 86_400.0
    nodes.workers["labour"].faults.clear()
    assert set((await ended(nodes, MOST + 1)).values()) == {"RELEASED"}


def test_others_hear_one_text_whatever_goes_wrong_where_data_are_read() -> None:
    from mpcgov.node.run import ending

    faults = [
        DataError("people: not unique by id", code="unique"),
        LocalError("people: more memory", code="engine-memory"),
        InternalError("failed (MemoryError)", code=OWN_READER),
        InternalError("the process that reads this agency's data died", code=OWN_READER),
    ]
    found = {(end.event, end.reason, end.code) for end in (ending(fault, "tax", "read") for fault in faults)}
    assert {reason for _, reason, _ in found} == {"tax: data contract"}
    assert len(found) == 1
