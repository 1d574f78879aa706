"""What this machine's monitoring is told: on a real socket, in numbers that say nothing of data."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import structlog
from prometheus_client.parser import text_string_to_metric_families

from mpcgov.errors import LocalError, SpecError
from mpcgov.node import home as homes
from mpcgov.node import logs, operator
from tests.node.network import PARTIES, Network
from tests.ports import free_ports

Numbers = dict[tuple[str, ...], float]


class Watched:
    """Three nodes, one of them watched."""

    def __init__(self, network: Network, address: str) -> None:
        self.network = network
        self.address = address

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{self.address}{path}", headers=headers) as a,
        ):
            return a.status, await a.text()

    async def numbers(self) -> Numbers:
        status, text = await self.get("/metrics")
        assert status == 200
        families = text_string_to_metric_families(text)
        return {
            (s.name, *(s.labels[label] for label in sorted(s.labels))): s.value
            for family in families
            for s in family.samples
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    network, (port,) = Network(tmp_path_factory.mktemp("watched")), free_ports(1)
    with (network.home("labour") / "node.yaml").open("a") as file:
        file.write(f"operations: {{listen: '127.0.0.1:{port}'}}\nlog: json\n")
    await network.start()
    yield Watched(network, f"127.0.0.1:{port}")
    await network.stop()


@pytest.mark.asyncio(loop_scope="module")
async def test_a_node_that_is_well_says_so_and_one_that_isnt_says_what(watched: Watched) -> None:
    status, text = await watched.get("/health")
    assert (status, json.loads(text)["faults"]) == (200, {})
    node = watched.network.nodes["labour"]
    watched.network.clock.offset_s = 3600.0  # nobody has looked after jobs for an hour, then
    status, text = await watched.get("/health")
    watched.network.clock.offset_s = 0.0
    node._monitor.ticked()
    assert status == 503
    assert list(json.loads(text)["faults"]) == ["jobs"]


@pytest.mark.asyncio(loop_scope="module")
async def test_jobs_are_counted_as_they_go_and_no_label_is_anybodys_word(watched: Watched) -> None:
    network = watched.network
    before = await watched.numbers()
    assert before["mpcgov_jobs", "AWAITING_APPROVAL"] == 0
    proposal = network.proposal(purpose="A purpose that is nobody's business")
    job = (await network.submit(proposal))["labour"]["job"]
    waits = await watched.numbers()
    assert waits["mpcgov_jobs", "AWAITING_APPROVAL"] == 1
    assert 3000 < waits["mpcgov_next_expiry_seconds", "AWAITING_APPROVAL"] <= 3600
    for party in PARTIES:
        await asyncio.to_thread(operator.approve, network.home(party), job)
    await network.until(job, "RELEASED")
    await network.at_rest()
    after = await watched.numbers()
    assert after["mpcgov_jobs", "RELEASED"] == 1
    assert after["mpcgov_job_seconds_count", "release"] == 1
    assert after["mpcgov_phase_seconds_count", "compute"] == 1
    assert after["mpcgov_budget_total", "people", "epsilon", "person"] == 10
    assert after["mpcgov_audit_verified",] == 1
    assert after["mpcgov_certificate_end_timestamp_seconds", "welfare"] > network.clock.now()
    assert after["mpcgov_children_resident_bytes",] > 1e6
    assert after["mpcgov_peer_seen_timestamp_seconds", "hq"] > 0
    _, text = await watched.get("/metrics")
    assert job not in text
    assert "nobody's business" not in text
    assert not re.search(r"rows|count=", text)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_that_took_this_machines_address_reads_nothing(watched: Watched) -> None:
    for path in ("/health", "/metrics"):
        assert (await watched.get(path, Host="evil.example:9464")) == (403, "another host's name\n")
    assert (await watched.get("/v1/about"))[0] == 404
    assert (await watched.get("/metrics", Host="localhost:9464"))[0] == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_a_log_that_no_longer_verifies_is_shown(watched: Watched) -> None:
    monitor = watched.network.nodes["labour"]._monitor
    head = watched.network.home("labour") / "state/audit.head"
    shutil.copy(head, head.with_name("kept"))
    head.write_bytes(b"{}")
    monitor.verify_soon()
    await asyncio.gather(monitor._verifying)
    assert (await watched.numbers())["mpcgov_audit_verified",] == 0
    assert "audit log" in json.loads((await watched.get("/health"))[1])["faults"]
    shutil.copy(head.with_name("kept"), head)
    monitor.verify_soon()
    await asyncio.gather(monitor._verifying)
    assert (await watched.numbers())["mpcgov_audit_verified",] == 1


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "tax.example.gov:9464", "[::]:9464", "10.0.0.1:9464"])
def test_it_listens_on_this_machine_only(tmp_path: Path, address: str) -> None:
    homes.init(tmp_path, "tax", "127.0.0.1:7101")
    with (tmp_path / "node.yaml").open("a") as file:
        file.write(f"operations: {{listen: '{address}'}}\n")
    with pytest.raises(SpecError, match="an address of this machine alone"):
        homes.load(tmp_path)


async def test_an_address_that_is_taken_is_said(network: Network) -> None:
    address = network.loaded("labour").config.address
    with (network.home("labour") / "node.yaml").open("a") as file:
        file.write(f"operations: {{listen: '{address}'}}\n")
    with pytest.raises(LocalError, match=r"operations: .* can't be bound"):
        await network.start("labour")


def test_logs_are_json_where_node_yaml_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes.init(tmp_path, "tax", "127.0.0.1:7101")
    with (tmp_path / "node.yaml").open("a") as file:
        file.write("log: text\n")
    assert homes.log_form(tmp_path) == "text"
    before = structlog.get_config()
    try:
        for form, starts in (("json", '{"job": "x"'), ("text", "20"), (None, '{"job": "x"')):
            err = io.StringIO()
            monkeypatch.setattr("sys.stderr", err)
            logs.to_stderr(form)
            structlog.get_logger().info("released", job="x")
            assert err.getvalue().startswith(starts)
    finally:
        structlog.configure(**before)
