"""mpcgov's own side where a job is measured as people meet it: nodes that run, from the last yes to the opened result.

Every run is a job of its own, with another purpose: to an equal one the nodes would give the same result again.
"""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from mpcgov.bench.jobteam import measured, waiting
from mpcgov.bench.link import Relay
from mpcgov.bench.task import Task
from mpcgov.bench.team import Turn
from mpcgov.coordinator import service
from mpcgov.errors import PeerError
from mpcgov.node import operator
from mpcgov.trial import rehearsal


class NodeTeam:
    """All parties' nodes on this machine, and a coordinator. A context manager: at the end no process is left."""

    def __init__(self, task: Task, data: Path, folder: Path, relay: Relay | None = None) -> None:
        """`relay`: what lies before each node, for the others and the coordinator."""
        self._relay = relay
        self._task = task
        self._data = data
        self._folder = folder
        self._job: dict[str, Any] = json.loads((data / "job.yaml").read_text(encoding="utf-8"))
        self._numbers = itertools.count(1)
        self._stack = ExitStack()

    async def __aenter__(self) -> NodeTeam:
        parties = tuple(self._job["parties"])
        with ExitStack() as stack:
            ports = stack.enter_context(rehearsal.kept_ports(len(parties)))
            dialled = ports if self._relay is None else [self._relay.before(port) for port in ports]
            members = dict(zip(parties, dialled, strict=True))
            self._homes = rehearsal.found(self._folder, self._data / "agencies", members, _untold)
            for home, port in zip(self._homes.values(), ports, strict=True):
                with (home / "node.yaml").open("a", encoding="utf-8") as config:
                    config.write(f"\nlisten: 127.0.0.1:{port}\n")
            running = stack.enter_context(rehearsal.daemons(self._homes, _untold))
            self._nodes = [process.pid for process in running.values()]
            await rehearsal.all_answer(self._folder / rehearsal.COORDINATOR, running)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    async def ready(self) -> None:
        """Runs a job, so that the files are in memory."""
        await self.run()

    async def run(self) -> Turn:
        """One measured run: from the last agency's yes to the opened tables."""
        path = self._folder / "job.yaml"
        path.write_text(json.dumps(self._job | {"purpose": f"measurement {next(self._numbers)}"}), encoding="utf-8")
        stored = await service.submit_job(self._folder / rehearsal.COORDINATOR, path)
        *others, last = self._homes.values()
        for home in others:
            operator.approve(home, stored.id)
        await waiting(2 * len(self._homes), self._nodes)
        return await measured(self._last_yes(last, stored.id), self._task, self._nodes)

    async def _last_yes(self, home: Path, job: str) -> dict[str, Any]:
        operator.approve(home, job)
        _, result = await service.wait_for(self._folder / rehearsal.COORDINATOR, job, lambda _: None)
        if result is None:
            raise PeerError(f"job {job}: the coordinator is not among its receivers", code="receiver")
        return result


def _untold(_line: str) -> None:
    """Nobody watches."""
