"""What a coordinator and peers can ask running nodes for nothing, time and again: whether it depends on a row.

One consortium is run three times, with the same keys and the clock stopped, over registers that differ in one
person; in one of them people could say yes to a table, in the others not. All that is heard outside is compared.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mpcgov.errors import MpcgovError
from mpcgov.node import api, operator
from mpcgov.node.book import Book
from mpcgov.spec.load import canonical_json
from mpcgov.spec.statement import Proposal, job_id
from mpcgov.trust.client import Client
from tests.node.network import PARTIES, POLICY, FakeClock, Network
from tests.ports import free_ports

ASKS = POLICY.replace("sex: [group], age: [filter]", "sex: [group, filter], age: [filter]").replace(
    "min_count: 5", "min_count: 5\n    overlapping: ask"
)
WAGES = {"nobody": "", "one": "North,F,39\n", "another": "North,F,19\n"}
"""The row of the person who is asked about: none, one that is chosen, and another."""
OVERLAPS = "age < 26 or sex = 'M'"
"""All but ten persons if the one who is asked about is among these, else but nine."""
FILTERS = (OVERLAPS, "age = 39", "region = 'North'", None)


STOPPED_AT = float(int(time.time()))


class Stopped(FakeClock):
    """A clock that stands."""

    def now(self) -> float:
        return STOPPED_AT + self.offset_s


async def answer(client: Client, party: str, way: str, path: str, body: Any = None) -> Any:
    """What a node answers, an error as what it says; of a peer's log that it keeps, how far it goes."""
    try:
        found = await client.request(party, way, path, None if body is None else canonical_json(body))
        return {name: _how_far(value) if name == "kept" else value for name, value in found.items()}
    except MpcgovError as error:
        return error.line()


def _how_far(kept: Any) -> list[int]:
    """The numbers of records in it: their hashes hang on which of two parties was first."""
    if isinstance(kept, dict):
        own = [kept["sequence"]] if "sequence" in kept else []
        return own + [number for value in kept.values() for number in _how_far(value)]
    return []


async def free(network: Network) -> list[Any]:
    """All that can be asked without a job, by the coordinator and by a peer."""
    heard = []
    for who in ("hq", "welfare"):
        async with network.client(who) as client:
            heard += [
                await answer(client, "labour", "GET", "/v1/about"),
                await answer(client, "labour", "GET", "/v1/datasets"),
                await answer(client, "labour", "GET", "/v1/datasets/people/matchers"),
                await answer(client, "labour", "POST", "/v1/declarations", {"dataset": "people", "columns": ["age"]}),
            ]
            for where in FILTERS:
                proposal = _proposal(network, where).model_dump(mode="json")
                heard.append(await answer(client, "labour", "POST", "/v1/forecasts", proposal))
    return heard


def _proposal(network: Network, where: str | None, nonce: int = 0) -> Proposal:
    parts = {party: {"dataset": "people", "where": where} for party in PARTIES}
    return network.proposal(parties=parts, proposal={"nonce": f"{nonce:032}"})


async def job(network: Network, where: str | None, nonce: int, looked: list[bool], *, yes: bool) -> list[Any]:
    """A job is proposed, people look at it and say yes, or look and say nothing; what is heard of it."""
    proposal = _proposal(network, where, nonce)
    name = job_id(proposal.job_digest)
    heard: list[Any] = [await network.submit(proposal)]
    for party in PARTIES if yes else ():
        network.nodes[party].book.approve(name)
        network.nodes[party].service.decided(name)
    if not yes:
        said = "".join(line for view in operator.jobs(network.home("labour")) for line in view.ledger)
        assert "yes is possible" in said
        looked.append("a yes is possible" in said)
    if yes:
        await network.until(name, "RELEASED")
        await network.at_rest()
    heard += [await network.status(party, name) for party in PARTIES]
    return heard


async def everything(network: Network, looked: list[bool]) -> list[Any]:
    """Free questions before a table, after it, and while a table waits that overlaps it and people look at."""
    heard = await free(network)
    heard += await job(network, None, 1, [], yes=True)
    heard += await free(network)
    heard += await job(network, OVERLAPS, 2, looked, yes=False)
    heard += await free(network)
    return heard


async def monitored(network: Network, ports: dict[str, int]) -> list[str]:
    """What monitoring reads, but for this machine's memory, disk and moments."""
    found = []
    async with aiohttp.ClientSession() as session:
        for party in PARTIES:
            async with session.get(f"http://127.0.0.1:{ports[party]}/metrics") as got:
                lines = (await got.text()).splitlines()
            machine = ("resident", "disk", "seconds", "timestamp", "python", "process")
            found.append("\n".join(line for line in lines if not any(word in line for word in machine)))
            async with session.get(f"http://127.0.0.1:{ports[party]}/health") as got:
                found.append(f"{got.status}")
    return found


async def heard_outside(folder: Path, worlds: Sequence[str] = tuple(WAGES)) -> tuple[list[list[Any]], list[list[bool]]]:
    """What is heard over each register, and at which nodes and jobs people could say yes."""
    network, heard, possible = Network(_made(folder / "first")), list[list[Any]](), list[list[bool]]()
    ports = dict(zip(PARTIES, free_ports(len(PARTIES)), strict=True))
    for party in PARTIES:
        network.policy(party, ASKS)
        with (network.home(party) / "node.yaml").open("a") as file:
            file.write(f"operations: {{listen: '127.0.0.1:{ports[party]}'}}\n")
    for name in worlds:
        shutil.copytree(folder / "first", folder / name)
        network.folder, network.clock = folder / name, Stopped()
        for party in PARTIES:
            network.workers[party].rows = {"all rows": f"{65 + bool(WAGES[name])}"}
            rows = "".join(f"North,F,{age}\n" for age in range(35)) + "".join(f"South,M,{age}\n" for age in range(30))
            (network.home(party) / "people.csv").write_text("region,sex,age\n" + rows + WAGES[name])
        await network.start()
        possible.append([])
        try:
            heard.append([*await everything(network, possible[-1]), *await monitored(network, ports)])
        finally:
            await network.stop()
    return heard, possible


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def told(heard: list[list[Any]]) -> int:
    """How many answers differ between registers that differ in one person."""
    texts = [[json.dumps(one, sort_keys=True) for one in each] for each in heard]
    assert len({len(each) for each in texts}) == 1
    return sum(len(set(answers)) > 1 for answers in zip(*texts, strict=True))


async def test_nothing_that_can_be_asked_for_nothing_depends_on_a_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], read_here: None
) -> None:
    heard, possible = await heard_outside(tmp_path)
    with capsys.disabled():
        print(f"{len(heard[0])} answers over each of {len(heard)} registers, {told(heard)} differ")
    assert told(heard) == 0
    assert len({tuple(one) for one in possible}) > 1, "people inside are shown what they differ in"


@pytest.mark.slow
async def test_a_forecast_that_counts_would_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What people inside are shown, said beforehand to whoever asks."""

    def counting(book: Book, proposal: Proposal) -> dict[str, Any]:
        said = book.decisions.weighed(proposal)
        return {"answer": "ask", "reasons": list(said.ledger)}

    monkeypatch.setattr(api, "forecast", counting)
    assert told((await heard_outside(tmp_path, ("nobody", "one")))[0]) > 0
