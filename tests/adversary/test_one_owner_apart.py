"""One owner's rows are kept apart by months, and the other owner's are differenced: whole jobs at real nodes.

A first job links all patients with the pay of January, further ones all but one with that of another month. No
combination of rows is in two of them, but they differ in one patient, who counts as recovered if the numbers tell so.
Everybody is passive, and every policy says yes by itself, so that only the ledgers can refuse.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import nightly
from tests.integration.conftest import PARTIES, Network, running

PERSONS = 60
STRANGERS = 20
"""More who are paid and no patients, so that left joins have enough rows that match nobody to be released."""
TARGETS = (0, 7, 21, 42, 59)
MONTHS = range(1, 8)
VARIANTS = ("inner", "compared", "left", "overlap")
"""Ways of linking; each has data sets of its own name, that is a ledger of its own."""
PAY = """
{name}:
  source: pay-{name}.csv
  max_rows: 1000
  columns:
    person: {{kind: key}}
    month: {{kind: integer, min: 1, max: 12}}
"""
PATIENTS = """
{name}:
  source: patients-{name}.csv
  max_rows: 1000
  unique: [person]
  columns:
    person: {{kind: key}}
    number: {{kind: integer, min: 0, max: 100}}
    region: {{kind: category, values: [North, South]}}
    cost: {{kind: integer, min: 0, max: 100000}}
"""
POLICY = """
approve: standing
protocols: ["*"]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator]
link: [matcher]
datasets:
"""
COLUMNS = {
    "tax": "{person: [key, identify], month: [filter]}",
    "welfare": "{person: [key, identify], number: [filter], region: [group], cost: [measure]}",
    "census": "{}",
}


def cost(number: int) -> int:
    """What a patient has cost, in euros."""
    return random.Random(1000 + number).randrange(10_000, 90_000)


def write_home(home: Path, party: str) -> None:
    """Pay of everybody in all months at tax, the same persons once each at welfare, nothing at the census."""
    ids = [f"{random.Random(number).getrandbits(48):012x}" for number in range(PERSONS + STRANGERS)]
    pay = [f"{one},{month}" for month in MONTHS for one in ids]
    patients = [f"{one},{number},North,{cost(number)}" for number, one in enumerate(ids[:PERSONS])]
    for name in VARIANTS:
        (home / f"pay-{name}.csv").write_text("\n".join(["person,month", *pay, ""]))
        (home / f"patients-{name}.csv").write_text("\n".join(["person,number,region,cost", *patients, ""]))
    template = PAY if party == "tax" else PATIENTS
    (home / "datasets.yaml").write_text("".join(template.format(name=name) for name in VARIANTS))
    named = {
        "tax": [f"month = {month}" for month in MONTHS],
        "welfare": [f"number != {target}" for target in TARGETS],
        "census": [],
    }
    filters = f", filters: {named[party]}, partner_filters: {named}"
    known = {"tax": f", rows_per_unit: {{person: {{rows: {len(MONTHS)}, key: [person]}}}}"}.get(party, "")
    allowed = [
        f'  {name}: {{columns: {COLUMNS[party]}, min_count: 5, matcher_epsilon: "100"{known}{filters}}}\n'
        for name in VARIANTS
    ]
    (home / "policy.yaml").write_text(POLICY + "".join(allowed))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("homes"), write_home) as network:
        yield network


def asked(variant: str, month: int, where: str | None) -> dict[str, Any]:
    """A job that links the pay of a month with the patients whom a condition chooses."""
    key = {} if variant == "compared" else {"key": "person"}
    parties = {
        "tax": {"dataset": variant, "where": f"month = {month}"} | key,
        "welfare": {"dataset": variant, "where": where} | key,
        "census": {},
    }
    if variant == "overlap":
        return {"protocol": "overlap", "parties": parties, "params": {}}
    if variant == "compared":
        both = {"tax": "person", "welfare": "person"}
        params = {"fields": [{"type": "code", "columns": both}], "threshold": "0.9", "output": "count"}
        rules = {"min_count": 5 * len(MONTHS)}  # it links records, and tax may have so many of a person
        params |= {"identify": both}
        return {"protocol": "record-linkage", "parties": parties, "params": params, "disclosure": rules}
    if variant == "left":  # which counts all of the pay, whoever is among the patients: the mean tells
        params: dict[str, Any] = {"measures": ["welfare.cost"]}
        return {"protocol": "linked-statistics", "parties": parties, "params": params, "link": {"join": "left"}}
    return {"protocol": "linked-count", "parties": parties, "params": {"by": ["welfare.region"]}}


def released(network: Network, job: str) -> list[Any]:
    """The first row that a job tells of those whom it linked."""
    network.released(job)
    tables = network.json("job", "result", job, "--home", "hq")["tables"]
    row: list[Any] = next(iter(tables.values()))["rows"][0]
    return row


def recovers(variant: str, everybody: list[Any], but_one: list[Any], target: int) -> bool:
    """Whether two results tell that one person is in both registers; by a left join what that person has cost, too."""
    if variant != "left":
        return bool(everybody[-1] - but_one[-1] == 1)
    mean = everybody[1]
    return abs(PERSONS * mean - (PERSONS - 1) * but_one[1] - cost(target)) < 0.02 * mean


@pytest.mark.parametrize("variant", nightly.first(1, VARIANTS))
def test_a_month_of_one_owner_excuses_no_choice_of_the_other(network: Network, variant: str) -> None:
    """Five of five are recovered if `differencing.compare` takes rows as apart once *any* owner's are (`own`)."""
    everybody = released(network, network.submit(**asked(variant, 1, None)))
    assert everybody[0 if variant == "left" else -1] == PERSONS + STRANGERS * (variant == "left")
    recovered, reasons = 0, []
    for month, target in enumerate(TARGETS, 2):
        job = network.job(**asked(variant, month, f"number != {target}"))
        tried = network.tried("job", "submit", job, "--home", "hq")
        if tried.status == 0:
            recovered += recovers(variant, everybody, released(network, tried.stdout.splitlines()[-1]), target)
        reasons.append(tried.stderr)
    assert recovered == 0, f"{recovered} persons of {len(TARGETS)}"
    # Tax objects as well: another month's rows are the same persons', of whom the difference may be one.
    assert all("welfare: job" in reason and "tax: job" in reason for reason in reasons), reasons


@pytest.mark.parametrize("variant", nightly.first(1, VARIANTS))
def test_the_same_choice_in_another_month_waits_for_a_person(network: Network, variant: str) -> None:
    """Who left between the months follows from both tables: nothing that a standing policy lets through. Nor at tax,
    where another month's rows are of the same persons."""
    more = {"disclosure": {"numbers": 8}} if variant == "left" else {}  # as many as both tables' together
    job = network.submit(**asked(variant, MONTHS[-1], None) | more)
    assert network.status(job)["waiting_for"] == ["tax", "welfare"]
    network.mpcgov("job", "cancel", job, "--home", "hq")
    assert all(f"{job}  CANCELLED" in network.mpcgov("node", "jobs", "--home", party).stdout for party in PARTIES)
