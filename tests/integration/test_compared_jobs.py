"""Records without a common key, compared between real nodes: what people are shown, who says no, what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import PARTIES, Network, running

DATASETS = """
NAME:
  source: NAME.csv
  max_rows: MAX_ROWS
  columns:
    number: {kind: text}
    first_name: {kind: text}
    last_name: {kind: text}
    born: {kind: date, min: 1950-01-01, max: 1959-12-31}
    sex: {kind: category, values: [F, M]}
"""
POLICY = """
approve: manual
protocols: [record-linkage]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator]
link: [matcher, exact]
datasets:
  register:
    min_count: 10
    columns: {number: [identify, key], first_name: [key], last_name: [key], born: [key], sex: [group]}
  larger:
    min_count: 10
    columns: {number: [identify, key], first_name: [key], last_name: [key], born: [key]}
"""
OWNERS = ("tax", "welfare")
PEOPLE = {"tax": range(1, 50), "welfare": range(20, 64)}
FIRST = ("Anna", "Bernhard", "Carla", "Dietrich", "Elfriede", "Ferdinand", "Gudrun")
LAST = ("Schneider", "Hofmann", "Wagner", "Lindgren", "Kowalski", "Baumgartner", "Petersen", "Zimmermann", "Öztürk")
FIELDS = [
    {"type": "name", "columns": dict.fromkeys(OWNERS, "first_name")},
    {"type": "name", "columns": dict.fromkeys(OWNERS, "last_name")},
    {"type": "date", "columns": dict.fromkeys(OWNERS, "born")},
]
BLOCKS = [{"type": "year", "columns": dict.fromkeys(OWNERS, "born")}]
THRESHOLD = "0.88"
"""Under no keys but for once in 10^15 jobs is another pair as alike as this, or a misspelt one not."""
MISSPELT = {"tax": range(0), "welfare": range(20, 64, 3)}
OTHER_YEAR = range(22, 64, 9)
"""Whose year of birth is wrong at welfare: found by all pairs, not by blocks."""


def row(party: str, person: int) -> str:
    first, last = FIRST[person % 7], LAST[person % 9]
    if person in MISSPELT[party]:
        last = last[:2] + last[3:]
    year = 1950 + (person + (party == "welfare" and person in OTHER_YEAR)) % 10
    sex = "F" if person % 7 in (0, 2, 4, 6) else "M"
    return f"{party[0]}{person},{first},{last},{year}-{1 + person * 5 % 12:02}-{1 + person * 11 % 28:02},{sex}"


def write_home(home: Path, party: str) -> None:
    declared = {"register": 100, "larger": 100_000}
    texts = [DATASETS.replace("NAME", name).replace("MAX_ROWS", str(rows)) for name, rows in declared.items()]
    (home / "datasets.yaml").write_text("".join(texts))
    (home / "policy.yaml").write_text(POLICY)
    rows = [row(party, person) for person in PEOPLE.get(party, ())]
    header = "number,first_name,last_name,born,sex"
    for name in declared:
        (home / f"{name}.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("homes"), write_home) as network:
        yield network


def asked(dataset: str = "register", **params: Any) -> dict[str, Any]:
    """A job over both owners' data set of that name."""
    whole = {"fields": FIELDS, "threshold": THRESHOLD} | params
    parties = {party: {"dataset": dataset} if party in OWNERS else {} for party in PARTIES}
    return {"protocol": "record-linkage", "parties": parties, "params": whole}


LINKS = asked(output="links", identify=dict.fromkeys(OWNERS, "number"))


def released(network: Network, **job: Any) -> dict[str, Any]:
    """What a job that everybody approves gives the coordinator."""
    found = network.submit(**job)
    network.approve(found, *PARTIES)
    network.released(found)
    result: dict[str, Any] = network.json("job", "result", found, "--home", "hq")
    return result


def flat(text: str) -> str:
    return " ".join(text.split())


def pairs(people: Any) -> list[list[str]]:
    return sorted([f"t{person}", f"w{person}"] for person in people)


def test_who_is_counted_is_who_is_in_both_registers_misspelt_or_not(network: Network) -> None:
    tables = released(network, **asked(by=["tax.sex"]))["tables"]
    both = [person for person in PEOPLE["tax"] if person in PEOPLE["welfare"]]
    women = sum(person % 7 in (0, 2, 4, 6) for person in both)
    assert tables["count"]["rows"] == [["F", women], ["M", len(both) - women]]


def test_pairs_go_to_the_receiver_whom_both_owners_name(network: Network) -> None:
    result = released(network, **LINKS)
    assert sorted(result["tables"]["links"]["rows"]) == pairs(range(20, 50))
    learned = {party: {item["what"] for item in items} for party, items in result["learned"].items()}
    assert "tables.links" in learned["coordinator"]
    assert all({"list-length"} <= learned[party] for party in PARTIES)
    assert not any({"tables.links", "block-length"} & learned[party] for party in PARTIES)


@pytest.mark.slow
def test_in_blocks_only_records_of_one_year_are_linked(network: Network) -> None:
    job = asked(output="links", identify=dict.fromkeys(OWNERS, "number"), blocks=BLOCKS)
    result = released(network, **job)
    assert sorted(result["tables"]["links"]["rows"]) == pairs(set(range(20, 50)) - set(OTHER_YEAR))
    learned = {party: {item["what"] for item in items} for party, items in result["learned"].items()}
    assert all("block-length" in learned[party] and "list-length" not in learned[party] for party in PARTIES)


@pytest.mark.slow
def test_exact_pairs_are_linked_first_and_their_owners_learn_so(network: Network) -> None:
    job = asked(output="links", identify=dict.fromkeys(OWNERS, "number"), exact=["tax.last_name", "welfare.born"])
    result = released(network, **job)
    assert sorted(result["tables"]["links"]["rows"]) == pairs(range(20, 50))
    learned = {party: {item["what"] for item in items} for party, items in result["learned"].items()}
    assert {party for party in PARTIES if "exact-partners" in learned[party]} == set(OWNERS)
    assert {party for party in PARTIES if "exact-number" in learned[party]} == set(PARTIES) - set(OWNERS)
    assert all("exact-length" in learned[party] for party in PARTIES)
    plan = flat(network.mpcgov("job", "plan", network.job(**job), "--home", "hq").stdout)
    assert "EACH OWNER LEARNS WHICH OF ITS OWN RECORDS THEY ARE" in plan
    assert "to tax, welfare: WHICH OF ITS OWN RECORDS HAVE A PARTNER" in plan
    with network.policy("welfare", POLICY.replace("[matcher, exact]", "[matcher]")):
        assert "welfare takes no part in jobs with params.exact" in network.denied(**job)


def test_a_plan_says_what_is_compared_and_what_would_be_too_much(network: Network) -> None:
    links = asked("larger", **LINKS["params"])
    plan = flat(network.mpcgov("job", "plan", network.job(**links), "--home", "hq").stdout)
    for words in (
        "all records of tax are compared with all of welfare",
        "10,000,000,000 pairs; the job ends before any record is dealt if there are more than 30,000,000: with params",
        "to all parties and the coordinator: how many records each owner's data set has, ",
        "to the coordinator: with output links, which records of all the agencies are taken for the same person's",
    ):
        assert words in plan
    plan = flat(network.mpcgov("job", "plan", network.job(**asked("larger", blocks=BLOCKS)), "--home", "hq").stdout)
    for words in (
        "the records of tax are compared with those of welfare in the same block",
        "10 blocks, one for each same year of tax.born = welfare.born",
        "1,000,000,000 pairs if lists as long as max_rows were spread evenly",
        "to all parties and the coordinator: how many records each owner's data set has in its fullest block",
    ):
        assert words in plan
    assert "how many records each owner's data set has, " not in plan


def test_a_policy_that_names_no_receiver_or_no_column_to_identify_denies_links(network: Network) -> None:
    for changed, reason in (
        (POLICY.replace("receivers: [coordinator]", 'receivers: ["*"]'), "welfare must name coordinator as a receiver"),
        (POLICY.replace("[identify, key]", "[key]"), "welfare doesn't allow column number of register as identify"),
        (POLICY.replace("link: [matcher, exact]\n", ""), "welfare takes no part in jobs that link rows"),
    ):
        with network.policy("welfare", changed):
            assert reason in network.denied(**LINKS)
