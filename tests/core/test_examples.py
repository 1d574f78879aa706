"""The example jobs are sound, and the example agencies' policies let a person approve them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mpcgov import registry
from mpcgov.errors import SpecError
from mpcgov.jobs.check import used_columns
from mpcgov.node.agreement import MEANING
from mpcgov.node.decide import POLICY
from mpcgov.node.differencing import Release, Side, compare, release
from mpcgov.node.facts import Facts
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from mpcgov.spec.policy import Policy
from mpcgov.spec.statement import Proposal
from mpcgov.spec.table import Datasets
from mpcgov.trial.simulation import Simulation

EXAMPLES = Path(__file__).parents[2] / "examples"
JOBS = sorted(EXAMPLES.glob("jobs/*.yaml"))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_every_agency_may_approve_the_example(path: Path) -> None:
    job = load_yaml(path, Job)
    protocol = registry.find(job.protocol_name)
    datasets = {
        party: load_yaml(EXAMPLES / "agencies" / party / "datasets.yaml", Datasets).root for party in job.parties
    }
    own = {party: datasets[party][str(job.parties[party].dataset)].declaration for party in job.data_parties}
    proposal = Proposal(
        job=job,
        protocol_digest=protocol.digest,
        roster_digest="sha256:" + "0" * 64,
        threshold=1,
        declarations={
            party: whole.only(set(used_columns(job, protocol.manifest, party))) for party, whole in own.items()
        },
        proposed_at=0,
        approve_before=1,
        nonce="0" * 32,
    )
    nobody: Any = None
    for party in job.parties:
        policy = load_yaml(EXAMPLES / "agencies" / party / "policy.yaml", Policy)
        facts = Facts(party, 0, nobody, "", policy, protocol, own.get(party), None)
        assert [reason for rule in (*MEANING, *POLICY) for reason in rule(proposal, facts)] == []


def test_a_report_on_columns_counts_as_a_table_over_all_rows() -> None:
    def released(name: str) -> Release:
        simulation = Simulation.of(load_yaml(EXAMPLES / "jobs" / f"{name}.yaml", Job), EXAMPLES / "agencies")
        return release(simulation.proposal, simulation.protocol.manifest, "tax")

    report, filtered = released("how-complete-registers-are"), released("people-on-registers")
    assert report.parts[0].used == ()  # rows that lack a value are in it
    assert compare(report, report, "tax", persons_apart=True) is Side.SAME_CELLS
    assert compare(filtered, report, "tax", persons_apart=True) is Side.UNCLEAR
    assert compare(report, filtered, "tax", persons_apart=True) is Side.UNCLEAR


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"where": "sex = 'Male'"}, "parties.tax: where: quality is of a whole data set"),
        ({"key": ["last_name"]}, "parties.tax.key: protocol data-quality doesn't link rows"),
    ],
)
def test_a_report_on_columns_has_no_filter_and_no_key(changes: dict[str, Any], words: str) -> None:
    job = load_yaml(EXAMPLES / "jobs" / "how-complete-registers-are.yaml", Job)
    part = job.parties["tax"].model_copy(update=changes)
    with pytest.raises(SpecError, match=words):
        Simulation.of(job.model_copy(update={"parties": {**job.parties, "tax": part}}), EXAMPLES / "agencies")
