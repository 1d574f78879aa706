"""From the catalogue to a result: what the coordinator's pages say, and what they send to the nodes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from mpcgov.coordinator import home as homes
from mpcgov.lifecycle import State
from mpcgov.node import operator
from mpcgov.results.progress import Status
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml
from tests.node.network import PARTIES, POLICY, Network, refusal
from tests.office.headquarters import Headquarters, headquarters

JOB = [
    ("purpose", "Youth on support, 2025 report"), ("legal_basis", "Statistics Act, section 12"),
    *((f"parties.{party}.dataset", "people") for party in PARTIES),
    ("params.by", "region"), ("params.by", "sex"), ("disclosure.min_count", "10"), ("receivers", "coordinator"),
    ("parties.labour.column", "age"), ("parties.labour.op", "<="), ("parties.labour.value", "29"),
    ("approve_within_h", "24"), ("do", "check"),
]  # fmt: skip


def without(name: str) -> list[tuple[str, str]]:
    return [(one, value) for one, value in JOB if one != name]


async def test_a_job_is_composed_planned_proposed_followed_and_compared(hq: Headquarters) -> None:
    anna = await hq.visitor()
    _, page = await anna.get("/catalogue")
    assert page.count("people") >= 3
    assert "Cells with fewer than 5 people" in page
    _, page = await anna.get("/compose")
    assert "/compose/joint-count" in page
    assert "/compose/record-linkage" not in page  # no form has its fields
    query = "&".join(f"parties.{party}.dataset=people" for party in PARTIES)
    _, page = await anna.get(f"/compose/joint-count?{query}")
    assert '<option value="region">' in page
    draft = await _composed(anna)
    written = load_yaml(hq.home / f"{draft.strip('/')}.yaml", Job)
    assert written.parties["labour"].where == "age <= 29"
    assert written.params == {"by": ["region", "sex"]}
    _, page = await anna.get(draft)
    assert page.count("would ask its people") == 3
    assert "no jobs yet" in (await anna.get("/"))[1]

    first = await _released(hq, anna, draft)
    _, page = await anna.get(first)
    assert "<svg" in page
    assert '<rect class="bar"' in page
    for kind in ("json", "xlsx", "csv", "sdmx-csv", "px", "html", "parquet"):
        status, text = await anna.get(f"{first}/files/{kind}")
        assert (status, len(text) > 50) == (200, True), kind
    assert (await anna.get(f"{first}/bundle"))[0] == 200

    # Once more, by the button: the same file as a draft, and each cell beside that of the first run.
    status, again, _ = await anna.post(f"{first}/repeat", {})
    assert (status, again[:8]) == (303, "/drafts/")
    second = await _released(hq, anna, again)
    _, page = await anna.get(f"{second}/compare")
    assert first.removeprefix("/jobs/") in page
    _, page = await anna.get("/")
    assert page.count('class="state released"') == 2


async def _composed(anna) -> str:
    status, draft, page = await anna.post("/compose/joint-count", JOB)
    assert status == 303, re.findall(r'class="fault"[^>]*>([^<]*)|<li>([^<]*)', page)
    return draft


async def _released(hq: Headquarters, anna, draft: str) -> str:
    status, job, page = await anna.post(f"{draft}/submit", {})
    assert status == 303, page
    _, page = await anna.get(job)
    assert "data-follow" in page
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, hq.network.home(party), job.removeprefix("/jobs/"))
    await hq.network.until(job.removeprefix("/jobs/"), "RELEASED")
    return job


async def test_faults_stand_at_their_fields_and_what_was_filled_in_stays(hq: Headquarters) -> None:
    anna = await hq.visitor()
    changed = [("disclosure.min_count", "2"), ("params.by", "age"), ("parties.welfare.where", "age >> 3"),
               *without("disclosure.min_count")]  # fmt: skip
    status, _, page = await anna.post("/compose/joint-count", changed)
    assert status == 422
    assert re.search(r'id="fault-disclosure.min_count">[^<]*greater than or equal to 3', page)
    assert "Youth on support, 2025 report" in page
    status, _, page = await anna.post("/compose/joint-count", [("parties.welfare.where", "age >> 3"), *JOB])
    assert status == 422
    assert re.search(r'id="fault-parties.welfare.where">', page)
    status, _, page = await anna.post("/compose/joint-count", [("params.by", "age"), *without("params.by")])
    assert status == 422
    assert re.search(r'id="fault-params.by">[^<]*not a category', page)
    assert not (hq.home / "drafts").exists()


async def test_what_a_policy_refuses_is_said_before_anybody_is_asked(hq: Headquarters) -> None:
    anna = await hq.visitor()
    hq.network.policy("welfare", POLICY.replace("min_count: 5", "min_count: 50"))
    draft = await _composed(anna)
    _, page = await anna.get(draft)
    assert "would refuse" in page
    assert "min_count" in page
    status, _, page = await anna.post(f"{draft}/submit", {})
    assert status == 422
    assert "This can&#39;t be proposed" in page or "This can't be proposed" in page


async def test_an_agency_shows_only_what_its_policy_lists_and_only_to_the_coordinator(hq: Headquarters) -> None:
    hq.network.policy("welfare", POLICY)  # says nothing of a list
    anna = await hq.visitor()
    _, page = await anna.get("/catalogue")
    assert "Lists no data sets" in page
    async with hq.network.client("labour") as client:
        assert (await refusal(client.request("welfare", "GET", "/v1/datasets"))).code == "caller"


async def test_a_job_that_names_its_period_is_kept_for_each_and_forgotten(hq: Headquarters) -> None:
    anna = await hq.visitor()
    text = (hq.home / f"{(await _composed(anna)).strip('/')}.yaml").read_text()
    status, draft, _ = await anna.post("/paste", {"text": text.replace("2025 report", "{period}")})
    assert status == 303
    fields = {"name": "youth", "every": "month", "first": "2026-03", "most": "x"}
    status, _, page = await anna.post(f"{draft}/schedule", fields)
    assert (status, "most" in page) == (422, True)
    assert (await anna.post(f"{draft}/schedule", fields | {"most": "3"}))[:2] == (303, "/schedules")
    _, page = await anna.get("/schedules")
    assert "due on 2026-04-01" in page
    assert (await anna.post("/schedules/youth/remove", {}))[0] == 303
    assert "Nothing repeats" in (await anna.get("/schedules"))[1]


async def test_a_hidden_cell_is_marked_in_chart_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(tmp_path)
    async with headquarters(network) as hq:
        stored = homes.store(homes.load(hq.home), network.proposal())
        rules = {"min_count": 10, "round_to": None, "margins": False, "contributors": None, "suppressed": 1}
        result = {
            "job": stored.id, "protocol": stored.proposal.protocol, "learned": {}, "cost": {},
            "request": {"purpose": "p", "parties": {}}, "disclosure": rules,
            "tables": {"count": {"columns": ["region", "count"], "rows": [["North", 1234], ["<South>", None]]}},
        }  # fmt: skip

        async def released(*_: object) -> Status:
            return Status(stored.id, State.RELEASED, (), "", "", "labour", "")

        async def result_of(*_: object) -> dict[str, object]:
            return result

        monkeypatch.setattr("mpcgov.results.standings.Standings.status", released)
        monkeypatch.setattr("mpcgov.office.outcome.service.result_of", result_of)
        anna = await hq.visitor()
        _, page = await anna.get(f"/jobs/{stored.id}", **{"Accept-Language": "de"})
        assert page.count('class="hidden"') == 1
        assert "1.234" in page
        assert '<td class="number">·</td>' in page
        assert "wurde verborgen" in page
        assert "<dt>Wer das Ergebnis bekommt</dt>" in page
        assert "<South>" not in page
