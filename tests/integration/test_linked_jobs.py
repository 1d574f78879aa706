"""Jobs that link rows, between real nodes: what people are shown, who says no, what comes out, what a crash ends."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpcgov import figures
from tests.integration.conftest import PARTIES, Network, running
from tests.patience import LONG_S
from tests.simulate.test_traces import betrayed

DATASETS = """
people:
  source: people.csv
  max_rows: 1000
  unique: [person]
  columns:
    person: {kind: key, normalise: [nfkc, trim, casefold]}
    region: {kind: category, values: [North, South]}
    wages: {kind: integer, min: 0, max: 100000, unit: EUR}
many:
  source: many.csv
  max_rows: 300000
  unique: [person]
  columns:
    person: {kind: key}
    place: {kind: category, values: [PLACES]}
""".replace("PLACES", ", ".join(f"p{number}" for number in range(300)))
POLICY = """
approve: manual
protocols: [overlap, linked-count, linked-statistics, linked-regression, joint-statistics]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator]
link: [matcher, oblivious]
datasets:
  people: {columns: {person: [key], region: [group], wages: [measure]}, min_count: 10}
  many: {columns: {person: [key], place: [group]}, min_count: 10}
"""
PEOPLE = {"tax": range(60), "welfare": range(20, 100), "census": range(100)}
PAIR = {
    "tax": {"dataset": "people", "key": "person"},
    "welfare": {"dataset": "people", "key": "person"},
    "census": {},
}
PAIR_OWNERS = ("tax", "welfare")
MANY = 100_000
"""So many rows in so many groups that linking them takes a second or more, and can be interrupted."""
STATISTICS: dict[str, Any] = {
    "protocol": "linked-statistics",
    "parties": PAIR,
    "params": {"by": ["welfare.region"], "measures": ["tax.wages"]},
}

ALL_NUMBERS = 18
"""Of the wages, by all jobs of this module: two tables of linked rows, one of others, and two models."""


def wages(person: int) -> int:
    return 1000 + 37 * person**2 % 5000


def identifier(party: str, person: int) -> str:
    return {"tax": " Ægir-{} ", "welfare": "ÆGIR-{}", "census": "ægir-{}"}[party].format(person)


def region(person: int) -> str:
    return "South" if person % 9 == 0 else "North"


def write_home(home: Path, party: str) -> None:
    (home / "datasets.yaml").write_text(DATASETS)
    (home / "policy.yaml").write_text(POLICY)
    rows = [f"{identifier(party, person)},{region(person)},{wages(person)}" for person in PEOPLE[party]]
    (home / "people.csv").write_text("\n".join(["person,region,wages", *rows, ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with running(tmp_path_factory.mktemp("homes"), write_home) as network:
        yield network


def flat(text: str) -> str:
    return " ".join(text.split())


def test_two_agencies_statistics_of_linked_rows(network: Network) -> None:
    job = network.submit(**STATISTICS)
    network.approve(job, *PARTIES)
    network.released(job)
    result = network.json("job", "result", job, "--home", "hq")
    linked = [wages(person) for person in range(20, 60) if region(person) == "North"]
    (north, south) = result["tables"]["statistics"]["rows"]
    assert north == [
        "North",
        36,
        pytest.approx(statistics.mean(linked), rel=6e-4),
        pytest.approx(statistics.variance(linked), rel=6e-4),
    ]
    assert south == ["South", None, None, None]
    learned = {party: {item["what"] for item in items} for party, items in result["learned"].items()}
    assert "tables.statistics" in learned["coordinator"]
    assert "matches-noised" in learned["census"]
    assert not any("matches-noised" in learned[party] or "tables.statistics" in learned[party] for party in PAIR_OWNERS)
    shown = network.mpcgov("job", "result", job, "--home", "hq").stdout
    assert f" {statistics.mean(linked):,.0f}." in shown


def test_what_a_matcher_has_seen_adds_up_at_each_owner_and_in_plans(network: Network) -> None:
    job = network.submit(**STATISTICS)
    network.approve(job, *PARTIES)
    network.released(job)
    found = network.json("node", "budget", "show", "--home", "tax")["matchers"]
    assert {"dataset": "people", "matcher": "census", "epsilon": "1", "most": "10"} in found
    plan = flat(network.mpcgov("job", "plan", network.job(**STATISTICS), "--home", "hq").stdout)
    for party in PAIR_OWNERS:
        said = f"census has seen numbers of matches of {party}'s people worth epsilon 1 in earlier jobs"
        assert said in plan
    again = network.submit(protocol="linked-count", parties=PAIR, params={"by": ["welfare.region"]})
    network.approve(again, *PARTIES)
    network.released(again)
    for party in PAIR_OWNERS:  # another table of the same rows shows the matcher the same number once more
        assert network.json("node", "budget", "show", "--home", party)["matchers"] == found


@pytest.mark.slow
def test_three_agencies_that_all_bring_rows(network: Network) -> None:
    job = network.submit(
        protocol="overlap", parties={party: {"dataset": "people", "key": "person"} for party in PARTIES}, params={}
    )
    network.approve(job, *PARTIES)
    network.released(job)
    rows = network.json("job", "result", job, "--home", "hq")["tables"]["overlap"]["rows"]
    # Nobody is with tax and welfare alone: the exact set has fewer than 10, so its count would tell by subtraction.
    assert rows == [
        ["tax+welfare", None], ["tax+census", 60], ["welfare+census", 80], ["tax+welfare+census", 40]
    ]  # fmt: skip


def test_a_regression_over_linked_rows(network: Network) -> None:
    params = {"outcome": "tax.wages", "predictors": ["welfare.region", "welfare.wages"]}
    ask = {"protocol": "linked-regression", "parties": PAIR, "disclosure": {"numbers": ALL_NUMBERS}}
    job = network.submit(**ask, params=params)
    network.approve(job, *PARTIES)
    network.released(job)
    tables = network.json("job", "result", job, "--home", "hq")["tables"]
    assert tables["fit"]["rows"] == [[None, None]]  # four live in the South
    job = network.submit(**ask, params=params | {"predictors": ["welfare.wages"]})
    network.approve(job, *PARTIES)
    network.released(job)
    tables = network.json("job", "result", job, "--home", "hq")["tables"]
    numbers = [number for table in tables.values() for row in table["rows"] for number in row[-2:]]
    assert numbers == [None] * 6  # 40 persons are too few for five numbers


@pytest.mark.slow
def test_statistics_over_rows_that_are_not_linked(network: Network) -> None:
    parties = {party: {"dataset": "people"} for party in PARTIES}
    rules = {"numbers": ALL_NUMBERS}
    params = {"by": ["region"], "measures": ["wages"]}
    job = network.submit(protocol="joint-statistics", parties=parties, params=params, disclosure=rules)
    shown = flat(network.mpcgov("node", "jobs", "--home", "tax").stdout)
    assert "the statistics of all parties' rows together (region, count, wages.mean, wages.variance), 2 cells" in shown
    network.approve(job, *PARTIES)
    network.released(job)
    rows = network.json("job", "result", job, "--home", "hq")["tables"]["statistics"]["rows"]
    own = {
        name: [wages(person) for people in PEOPLE.values() for person in people if region(person) == name]
        for name in ("North", "South")
    }
    least = figures.least_rows(ALL_NUMBERS, figures.DIGITS, [100_001])
    assert len(own["South"]) < least <= len(own["North"])
    assert rows == [
        [
            "North",
            len(own["North"]),
            pytest.approx(statistics.mean(own["North"]), rel=6e-4),
            pytest.approx(statistics.variance(own["North"]), rel=6e-4),
        ],
        ["South", len(own["South"]), None, None],  # too few for what so many numbers tell
    ]


def test_no_identifier_nor_a_hash_of_one_stays_at_a_node(network: Network) -> None:
    """Not in its database, its log or its audit log, nor at the coordinator: only in the register itself."""
    job = network.submit(protocol="overlap", parties=PAIR, params={})
    network.approve(job, *PARTIES)
    network.released(job)
    network.mpcgov("job", "result", job, "--home", "hq")
    written = [identifier(party, person) for party in PARTIES for person in range(50, 60)]
    texts = {text for key in written for text in (key, key.strip().casefold())}
    kept = {}
    for path in network.folder.rglob("*"):
        # The nodes run: of what they write and put in its place, the first is gone by and by.
        with contextlib.suppress(FileNotFoundError):
            kept |= {path: path.read_bytes()} if path.is_file() else {}
    betraying = {path.name for path, content in kept.items() if betrayed(content, sorted(texts))}
    assert betraying == {"people.csv"}
    assert {"node.sqlite", "tax.log", "census.log"} <= {path.name for path in kept}


def test_a_plan_says_who_matches_whom_and_what_each_learns(network: Network) -> None:
    plan = flat(network.mpcgov("job", "plan", network.job(**STATISTICS), "--home", "hq").stdout)
    for words in (
        "left owner: tax or welfare, whoever's padded list is shorter",
        "census matches tax with welfare: it has no data in the job",
        "epsilon 1, delta 1e-6 (143 dummy rows in each list)",
        "to census, comparing tags: how many keys the two owners have in common",
        "to all parties and the coordinator: how many keys each owner's data set has, rounded up",
        "to the coordinator: counts are exact and statistics right to their digits",
        "(welfare.region, count, tax.wages.mean, tax.wages.variance), 2 cells",
    ):
        assert words in plan
    for words in ("left join", "a receiver that brings data"):  # neither is in this job
        assert words not in plan


@pytest.mark.slow
def test_a_job_of_which_nobody_learns_how_many_match(network: Network) -> None:
    link = {"method": "oblivious"}
    plan = flat(network.mpcgov("job", "plan", network.job(**STATISTICS, link=link), "--home", "hq").stdout)
    assert "census helps to match tax with welfare: it has no data in the job" in plan
    assert "nobody learns how many keys two owners have in common" in plan
    assert "comparing tags" not in plan
    job = network.submit(**STATISTICS, link=link, disclosure={"numbers": ALL_NUMBERS})
    network.approve(job, *PARTIES)
    network.released(job)
    result = network.json("job", "result", job, "--home", "hq")
    assert [row[:2] for row in result["tables"]["statistics"]["rows"]] == [["North", 36], ["South", None]]
    assert not any({"what": "matches-noised"} in learned for learned in result["learned"].values())


def test_what_waits_is_shown_with_what_linking_would_reveal(network: Network) -> None:
    job = network.submit(**STATISTICS)
    shown = flat(network.mpcgov("node", "jobs", "--home", "tax").stdout)
    network.mpcgov("job", "cancel", job, "--home", "hq")
    for words in (
        "uses column wages: measure",
        "uses column person: key",
        "welfare brings people, all rows",
        "links rows: census matches tax with welfare: it has no data in the job",
        "reveals to the coordinator: table statistics: the statistics of the linked rows",
        "reveals to census, comparing tags: how many keys the two owners have in common",
        "reveals to the coordinator: counts are exact and statistics right to their digits, so who knows a measure's",
    ):
        assert words in shown


@pytest.mark.parametrize("party", ["tax", "census"])
def test_an_agency_that_takes_no_part_in_linking_denies_the_job(network: Network, party: str) -> None:
    """Also one without data of its own: it would be the matcher."""
    with network.policy(party, POLICY.replace("link: [matcher, oblivious]\n", "")):
        assert f"{party} takes no part in jobs that link rows by matcher" in network.denied(**STATISTICS)


def test_a_key_that_the_policy_doesnt_let_link_denies_the_job(network: Network) -> None:
    with network.policy("welfare", POLICY.replace("person: [key], region", "person: [filter], region")):
        assert "welfare doesn't allow column person of people as key" in network.denied(**STATISTICS)


def test_a_node_that_dies_while_rows_are_linked_is_named_with_the_phase(network: Network) -> None:
    for party in PAIR_OWNERS:
        rows = (f"{number},p{number % 300}" for number in range(MANY))
        (network.folder / party / "many.csv").write_text("\n".join(["person,place", *rows, ""]))
    parts = {party: {"dataset": "many", "key": "person"} if party in PAIR_OWNERS else {} for party in PARTIES}
    job = network.submit(protocol="linked-count", parties=parts, params={"by": ["tax.place"]})
    network.approve(job, *PARTIES)
    try:
        deadline = time.monotonic() + LONG_S
        while network.status(job)["phase"] != "link":
            assert time.monotonic() < deadline, network.status(job)
        network.nodes["welfare"].kill()
        network.nodes.pop("welfare").wait()
        ended = network.ended(job)
    finally:
        if "welfare" not in network.nodes:
            network.start("welfare")
    assert ended["state"] == "ABORTED"
    assert "welfare" in ended["reason"]
    assert "link" in ended["reason"]
    network.mpcgov("job", "result", job, "--home", "hq", expect=4)
