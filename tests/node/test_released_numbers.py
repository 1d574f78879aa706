"""What all jobs together release of a column's rows is never more than the last of them allowed for."""

from __future__ import annotations

import base64
import dataclasses
import random
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from mpcgov import registry
from mpcgov.linked.counted import numbers
from mpcgov.node import released_numbers, units
from mpcgov.node.decide import decide
from mpcgov.node.differencing import release
from mpcgov.node.facts import Deny, Facts, Line, Permit, View
from mpcgov.node.lines import of_dataset
from mpcgov.node.store import Store
from mpcgov.node.tables import JOBS, LEDGER
from mpcgov.node.units import Register
from mpcgov.spec.envelope import Envelope
from mpcgov.spec.load import canonical_json, validate
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.spec.table import Dataset, Declaration
from tests.node.test_decide import facts, linked, proposal

PROTOCOL = registry.find("joint-statistics")
OWN = validate(
    {
        "max_rows": 100_000,
        "unique": ["id"],
        "columns": {
            "id": {"kind": "key"},
            "region": {"kind": "category", "values": ["North", "South"]},
            "sex": {"kind": "category", "values": ["F", "M"]},
            "age": {"kind": "integer", "min": 0, "max": 120},
            "wage": {"kind": "integer", "min": 0, "max": 100_000},
            "hours": {"kind": "integer", "min": 0, "max": 100},
        },
    },
    Declaration,
    "declaration",
)
ALLOWED: dict[str, Any] = {
    "protocols": ["joint-statistics"],
    "datasets": {
        "people": {
            "columns": {
                "region": ["group", "filter"], "sex": ["group", "filter"], "age": ["filter", "measure"],
                "wage": ["measure"], "hours": ["measure"],
            }
        }
    },
}  # fmt: skip
FOUND = {f"unit id: {name} by duckdb 1": "as it was" for name in ("age", "sex", "region")}
"""What every job finds out about who has which value."""
REGISTER = Register((("id",),))
NUMBERS = ("wage", "hours", "age")
FILTERS = [
    [None], ["age < 40", "age >= 40 and sex = F", "age >= 40 and sex = M"], [None, "age >= 40", "region = North"]
]  # fmt: skip
"""Of a sequence of jobs: one population, its parts, and filters that overlap."""
PERSONS = [
    {"age": age, "sex": sex, "region": region} for age in (30, 50) for sex in "FM" for region in ("North", "South")
]


def chosen(condition: str | None, person: dict[str, Any]) -> bool:
    """Whether a filter of `FILTERS` takes a person, read another way than the program's."""
    parts = [] if condition is None else condition.split(" and ")
    meanings = {
        "age < 40": person["age"] < 40, "age >= 40": person["age"] >= 40, "sex = F": person["sex"] == "F",
        "sex = M": person["sex"] == "M", "region = North": person["region"] == "North",
    }  # fmt: skip
    return all(meanings[part] for part in parts)


def asked(condition: str | None, params: dict[str, Any], allowed: int | None = None, digits: int = 4) -> Proposal:
    """A job over labour's and welfare's people."""
    part = {"dataset": "people"} | ({} if condition is None else {"where": condition})
    job = {
        "protocol": "joint-statistics",
        "parties": {"labour": part, "welfare": part, "education": {}},
        "params": params,
        "disclosure": {"min_count": 10, "digits": digits} | ({} if allowed is None else {"numbers": allowed}),
    }
    used = {*params.get("by", []), *params.get("measures", [])}
    used |= {column for pair in params.get("correlations", []) for column in pair}
    tested = {name for name in ("age", "sex", "region") if name in (condition or "")}
    declarations = {"labour": OWN.only(used | tested), "welfare": OWN.only(used | tested)}
    return proposal(job, protocol_digest=PROTOCOL.digest, declarations=declarations)


def line(number: int, made: Proposal) -> Line:
    return Line(f"job-{number}", release(made, PROTOCOL.manifest), None, "final", FOUND, float(number))


def answer(made: Proposal, earlier: tuple[Line, ...]) -> Permit | Deny:
    known: Facts = facts(ALLOWED, protocol=PROTOCOL, declaration=OWN, ledger=View(earlier=earlier, found=FOUND))
    return decide(made, known)


def told(params: dict[str, Any]) -> dict[str, int]:
    """Numbers by column, counted another way: each measure's mean and variance, each pair's r, and the variances that
    it brings with it."""
    measures, pairs = set(params.get("measures", [])), {frozenset(pair) for pair in params.get("correlations", [])}
    return {
        name: (name in measures) + (name in measures or any(name in pair for pair in pairs))
        + sum(name in pair for pair in pairs)
        for name in NUMBERS
    }  # fmt: skip


def random_params(rng: random.Random) -> dict[str, Any]:
    measures = rng.sample(NUMBERS, rng.randint(0, 3))
    pairs = rng.sample([["wage", "hours"], ["wage", "age"], ["hours", "age"]], rng.randint(0 if measures else 1, 2))
    return ({"measures": measures} if measures else {}) | ({"correlations": pairs} if pairs else {})


@pytest.mark.by_day(1)
@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_jobs_releases_more_than_the_last_of_them_allowed_for(seed: int) -> None:
    rng, let, denied, enlarged = random.Random(seed), 0, 0, 0
    for _ in range(10):
        earlier: list[Line] = []
        released: list[tuple[str | None, dict[str, Any], int]] = []
        filters = rng.choice(FILTERS)
        for number in range(8):
            condition, params = rng.choice(filters), random_params(rng)
            own = max(told(params).values())
            allowed = rng.choice([None, own + rng.randint(0, 12)])
            made = asked(condition, params, allowed)
            decision = answer(made, tuple(earlier))
            if isinstance(decision, Deny):
                denied += any("disclosure.numbers" in reason for reason in decision.reasons)
                continue
            let += 1
            enlarged += bool(released)
            earlier.append(line(number, made))
            released.append((condition, params, allowed or own))
            for person in PERSONS:
                about = [one for one in released if chosen(one[0], person)]
                for column in NUMBERS:
                    jobs = [(told(params)[column], allows) for _, params, allows in about if told(params)[column]]
                    assert not jobs or sum(count for count, _ in jobs) <= jobs[-1][1]
    assert (let > 5, denied > 0, enlarged > 2) == (True, True, True)


def test_the_number_that_is_needed_is_said_and_is_enough() -> None:
    first = asked(None, {"measures": ["wage"], "correlations": [["wage", "hours"]]})
    assert answer(first, ()) == Permit("manual")
    more = {"measures": ["wage"], "by": ["sex"]}
    decision = answer(asked(None, more), (line(1, first),))
    assert isinstance(decision, Deny)
    (reason,) = decision.reasons
    assert "5 numbers are about wage of the same rows" in reason
    assert "allows for 2: say disclosure.numbers: 5 or more" in reason
    assert isinstance(answer(asked(None, more, 4), (line(1, first),)), Deny)
    assert answer(asked(None, more, 5), (line(1, first),)) == Permit("manual", ("job-1",))
    assert released_numbers.totals((line(1, first),), "labour", REGISTER) == {"hours": 2, "wage": 3}


def test_rows_that_are_certain_to_be_others_do_not_count() -> None:
    young, old = asked("age < 40", {"measures": ["wage"]}), asked("age >= 40", {"measures": ["wage"]})
    assert answer(old, (line(1, young),)) == Permit("manual")
    assert released_numbers.totals((line(1, young), line(2, old)), "labour", REGISTER) == {"wage": 2}
    # With several rows of one person, or other rows by now, they may be numbers of the same persons' wages.
    assert released_numbers.totals((line(1, young), line(2, old)), "labour", Register()) == {"wage": 4}
    moved = dataclasses.replace(line(1, young), snapshot=FOUND | {"unit id: age by duckdb 1": "otherwise"})
    assert released_numbers.totals((moved, line(2, old)), "labour", REGISTER) == {"wage": 4}


def test_columns_of_one_in_the_source_are_one() -> None:
    """Another name, or another reading, makes no other values."""
    columns = {"age": {"kind": "integer", "min": 0, "max": 120}, "wage": {"kind": "integer", "min": 0, "max": 9}}
    again = {
        "hours": columns["wage"] | {"from": "wage"},
        "adult": {"kind": "category", "derive": {"band": "age", "edges": [0, 18]}},
    }
    dataset = validate({"source": "p.csv", "columns": columns | again}, Dataset, "dataset")
    sources = units.sources(dataset)
    register = Register((), sources)
    assert [name for name in sources if register.alike("wage", name)] == ["wage", "hours"]
    assert [name for name in sources if register.alike("adult", name)] == ["age", "adult"]
    first, more = asked(None, {"measures": ["wage"]}), asked(None, {"measures": ["hours"]})
    assert released_numbers.needed(line(2, more), (line(1, first),), "labour", Register()) == {"hours": 2}
    assert released_numbers.needed(line(2, more), (line(1, first),), "labour", register) == {"hours": 4}
    known = facts(ALLOWED, protocol=PROTOCOL, declaration=OWN, ledger=View((line(1, first),)), sources=sources)
    decision = decide(more, known)
    assert isinstance(decision, Deny)
    assert "say disclosure.numbers: 4 or more" in decision.reasons[0]
    assert released_numbers.totals((line(1, first), line(2, more)), "labour", register) == {"hours": 4, "wage": 4}


def test_every_column_of_a_model_and_a_weight_count() -> None:
    made, known = linked(params={"measures": ["welfare.wage"], "weight": "labour.wage"})
    assert known.protocol is not None
    found = numbers(made.job, known.protocol.manifest, made.declarations)
    assert found == {"labour.wage": 3, "welfare.wage": 2}
    part, model = {"dataset": "people", "key": "id"}, registry.find("linked-regression")
    job = {
        "protocol": "linked-regression", "parties": {"labour": part, "welfare": part, "education": {}},
        "params": {"outcome": "labour.wage", "predictors": ["welfare.wage"]},
    }  # fmt: skip
    regression = proposal(job, protocol_digest=model.digest, declarations=made.declarations)
    released = release(regression, model.manifest)
    assert released.numbers == {"labour.wage": 5, "welfare.wage": 5}
    assert released_numbers.own(released, "labour") == {"wage": 5}


def test_lines_that_do_not_say_it_are_taken_to_hold_many() -> None:
    """Of a job of which no more is known than which rows it was about: `ledger` looks into the stored job first."""
    first = asked(None, {"measures": ["wage"]})
    old = release(first, PROTOCOL.manifest).model_copy(update={"numbers": None})
    assert isinstance(answer(asked(None, {"measures": ["wage"]}, 60), (Line("j", old, None, "final", {}, 1.0),)), Deny)


def test_lines_of_older_versions_are_counted_from_the_stored_job(tmp_path: Path) -> None:
    """What such a version has put down lacks the field; the job that all signed is still there."""
    first = asked(None, {"measures": ["wage"], "correlations": [["wage", "hours"]]})
    job, body = job_id(first.job_digest), canonical_json(first.model_dump(mode="json"))
    envelope = Envelope(payload=base64.b64encode(body).decode(), payloadType="p", signatures=())
    old = release(first, PROTOCOL.manifest).model_dump(mode="json", exclude={"numbers", "links"})
    rows = Store(tmp_path / "node.sqlite")
    with rows.write() as tx:
        tx.execute(
            sql.insert(JOBS).values(
                id=job, digest=first.job_digest, proposal=envelope.to_bytes(), parties=[], receivers=[],
                approve_before=1, state="RELEASED", received_at=1.0, changed_at=1.0,
            )
        )  # fmt: skip
        tx.execute(
            sql.insert(LEDGER).values(
                job=job, content=first.content_digest, dataset="people", release=canonical_json(old), snapshot={},
                matchers={}, state="final", stale=False, at=1.0,
            )
        )  # fmt: skip
    with rows.read() as tx:
        (found,) = of_dataset(tx, "people")
    rows.close()
    assert found.release is not None
    assert found.release.numbers == {"hours": 2, "wage": 3}
    assert found.release.links == ""


@pytest.mark.parametrize(
    ("before", "now", "as_many"), [(4, 4, 2), (2, 4, 2), (6, 4, 3), (7, 2, 6), (7, 1, 9), (9, 4, 4)]
)
def test_numbers_of_more_digits_count_as_more(before: int, now: int, as_many: int) -> None:
    """Else a job of 7 digits and then one of 2 tell half as much again as was allowed for. A number tells 6, 9, 16, 22
    or 25 bits, of 1, 2, 4, 6 or more digits."""
    earlier = line(1, asked("age < 40", {"measures": ["wage"]}, 20, before))
    new = line(2, asked("age < 40", {"measures": ["wage"]}, 20, now))
    assert released_numbers.held(new, (earlier,), "labour", ()) == {"wage": as_many}
