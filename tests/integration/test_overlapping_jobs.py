"""Tables that overlap an earlier one, typed from the first proposal to two people's yes: real nodes, real data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import readhere
from tests.integration.conftest import Network, running

DATASETS = """
people:
  source: people.csv
  max_rows: 1000
  columns:
    region: {kind: category, values: [North, South]}
    age: {kind: integer, min: 0, max: 120}
"""
POLICY = """
approve: {approve}
approvals: {approvals}
protocols: [joint-count]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator]
datasets:
  people: {{columns: {{region: [group], age: [filter]}}, min_count: 10, overlapping: ask}}
"""


def write_home(home: Path, party: str) -> None:
    """At tax 40 persons of the North and 30 of the South, of all ages from 20 on; the others only compute."""
    approve, approvals = ("manual", 2) if party == "tax" else ("standing", 1)
    (home / "datasets.yaml").write_text(DATASETS)
    (home / "policy.yaml").write_text(POLICY.format(approve=approve, approvals=approvals))
    rows = [f"North,{age}" for age in range(20, 60)] + [f"South,{age}" for age in range(20, 50)]
    (home / "people.csv").write_text("\n".join(["region,age", *rows, ""]))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with pytest.MonkeyPatch.context() as patch:
        readhere.here(patch)
        with running(tmp_path_factory.mktemp("homes"), write_home) as network:
            yield network


class People:
    """Tax's people; whoever is at the keyboard."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self._network = network
        self._name = ""
        monkeypatch.setattr("mpcgov.node.people.current", lambda: self._name)

    def say_yes(self, job: str, *names: str, expect: int = 0) -> str:
        """One after the other; what the last one is told."""
        for self._name in names:
            shown = self._network.mpcgov("node", "approve", job, "--home", "tax", expect=expect)
        return shown.stdout + shown.stderr


def asked(network: Network, where: str | None) -> str:
    parties = {"tax": {"dataset": "people", **({"where": where} if where else {})}, "welfare": {}, "census": {}}
    return network.job(parties=parties)


def submitted(network: Network, where: str | None) -> str:
    return network.mpcgov("job", "submit", asked(network, where), "--home", "hq").stdout.splitlines()[-1]


def jobs_of_tax(network: Network) -> str:
    """What tax's people are shown, on one line."""
    return " ".join(network.mpcgov("node", "jobs", "--home", "tax").stdout.split())


def test_a_second_table_runs_when_two_people_have_seen_who_differs(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = People(network, monkeypatch)
    planned = network.mpcgov("job", "plan", asked(network, None), "--home", "hq").stdout
    assert "one job for each part" in planned, "which partition would leave later tables possible"
    first = submitted(network, None)
    people.say_yes(first, "anna", "bert")
    network.released(first)

    planned = network.mpcgov("job", "plan", asked(network, "age < 59"), "--home", "hq").stdout
    assert f"tax would ask its people; its rows may differ in few from those of job {first}" in planned
    few = submitted(network, "age < 59")
    shown = jobs_of_tax(network)
    assert f"asks you: its rows may differ in few from those of job {first} (tax's people, all rows)" in shown
    assert "1 persons are in just one of the two tables, by region North: 1; 1 of these are fewer than 10" in shown
    assert "no yes is possible" in shown
    before = network.status(few)
    assert "in fewer than 10 persons" in people.say_yes(few, "anna", expect=3)
    assert network.status(few) == before, "nobody outside hears of it"
    assert before["waiting_for"] == ["tax"]

    job = submitted(network, "age < 35")
    people.say_yes(job, "anna", "anna")
    shown = jobs_of_tax(network)
    assert "40 persons are in just one of the two tables, by region South: 15; North: 25" in shown
    assert "that is 10 or more everywhere: a yes is possible" in shown
    assert "1 of 2 people have said yes: anna" in shown
    people.say_yes(job, "bert")
    network.released(job)
    rows = network.json("job", "result", job, "--home", "hq")["tables"]["count"]["rows"]
    assert rows == [["North", 15], ["South", 15]]
    spent = network.json("node", "budget", "show", "--home", "tax")
    assert spent["overlapping"] == [{"dataset": "people", "job": job, "beside": [first]}]
