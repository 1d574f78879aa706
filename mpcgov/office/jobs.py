"""Jobs that were proposed: how each stands, by whom it waits, and what became of it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from mpcgov import registry
from mpcgov.console.bodies import form
from mpcgov.coordinator import service
from mpcgov.coordinator.home import StoredJob
from mpcgov.errors import MpcgovError
from mpcgov.lifecycle import State
from mpcgov.office.drafts import Drafts, said, written
from mpcgov.office.outcome import Outcome
from mpcgov.office.site import JOB, Site, number, to
from mpcgov.results.pace import Pace
from mpcgov.results.progress import Status, span
from mpcgov.rules.protections import sentences
from mpcgov.spec.job import COORDINATOR

PER_PAGE = 20
STEPS = (
    ("asked", (State.PROPOSED, State.AWAITING_APPROVAL)),
    ("approved", (State.APPROVED, State.READY)),
    ("computing", (State.RUNNING,)),
    ("released", (State.RELEASED,)),
)


@dataclass(frozen=True)
class Row:
    """A line of the list; `status` is None if no node could say how the job stands."""

    job: StoredJob
    status: Status | None


class Jobs:
    """The pages of jobs that were proposed."""

    def __init__(self, site: Site, drafts: Drafts, outcome: Outcome) -> None:
        self._site = site
        self._drafts = drafts
        self._outcome = outcome
        self._ended: dict[str, Status] = {}
        self._paces: dict[str, Pace] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_get("/", self._list)
        router.add_get(f"/jobs/{JOB}", self._show)
        router.add_get(f"/jobs/{JOB}/state", self._state)
        router.add_post(f"/jobs/{JOB}/cancel", self._cancel)
        router.add_post(f"/jobs/{JOB}/repeat", self._repeat)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        names = self._site.newest()
        pages = max(1, math.ceil(len(names) / PER_PAGE))
        page = min(number(request, "page"), pages - 1)
        shown = names[page * PER_PAGE : (page + 1) * PER_PAGE]
        asked = [self._site.stored(name) for name in shown if name not in self._ended]
        found = await service.listed(await self._site.standings(), asked) if asked else []
        fresh = {one.job.id: one.status for one in found}
        self._remember(fresh)
        rows = [Row(self._site.stored(name), fresh.get(name) or self._ended.get(name)) for name in shown]
        return self._site.page(request, "list.html", "jobs", rows=rows, page=page, pages=pages, total=len(names))

    async def _show(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        stored = self._site.stored(name)
        status, fault, outcome = None, None, None
        try:
            status = await self._status(name)
            if status.state is State.RELEASED and COORDINATOR in stored.proposal.job.receivers:
                outcome = await self._outcome.shown(request, name)
        except MpcgovError as error:
            fault = error
        job, manifest = stored.proposal.job, _manifest(stored)
        rules = [] if manifest is None else sentences(job, manifest)
        return self._site.page(
            request, "asked.html", "jobs", stored=stored, job=job, manifest=manifest, standing=status, fault=fault,
            span=span, steps=_steps(status), known=_known(status), rules=rules,
            text=written(said(job)), outcome=outcome, coordinator=COORDINATOR,
        )  # fmt: skip

    async def _state(self, request: web.Request) -> web.StreamResponse:
        """How a job stands, for the script that waits for a change of it."""
        status = await self._status(request.match_info["job"])
        return web.Response(text=_known(status), content_type="application/json")

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        name = request.match_info["job"]
        await service.cancel_job(self._site.home, name)
        return to(f"/jobs/{name}")

    async def _repeat(self, request: web.Request) -> web.StreamResponse:
        """The same job file once more, as a draft: it is planned and looked at before anybody is asked."""
        await form(request)
        stored = self._site.stored(request.match_info["job"])
        return to(f"/drafts/{self._drafts.save(written(said(stored.proposal.job)))}")

    async def _status(self, name: str) -> Status:
        if name in self._ended:
            return self._ended[name]
        proposal = self._site.stored(name).proposal
        status = await (await self._site.standings()).status(proposal.parties, name)
        self._remember({name: status})
        if status.state is not State.RUNNING:
            self._paces.pop(name, None)
            return status
        pace = self._paces.setdefault(name, service.pace_of(proposal))
        return pace.told(status, time.monotonic())

    def _remember(self, found: Mapping[str, Status | None]) -> None:
        """Keeps what won't change any more, so that nobody is asked for it again."""
        self._ended.update({name: status for name, status in found.items() if status is not None and status.ended})


def _manifest(stored: StoredJob) -> Any:
    try:
        return registry.find(stored.proposal.job.protocol_name).manifest
    except MpcgovError:
        return None


def _known(status: Status | None) -> str:
    """What a page knows of how a job stands, to be compared by its script; nothing, if no node has said it."""
    if status is None:
        return "null"
    return json.dumps({"state": status.state.value, "waits": list(status.waiting_for), "phase": status.phase,
                       "percent": status.percent})  # fmt: skip


def _steps(status: Status | None) -> list[dict[str, Any]]:
    """The way of a job, and where on it this one is; nothing if it ended badly or nobody knows."""
    if status is None or not any(status.state in states for _, states in STEPS):
        return []
    at = next(i for i, (_, states) in enumerate(STEPS) if status.state in states)
    return [
        {"name": name, "done": i < at or status.state is State.RELEASED, "now": i == at}
        for i, (name, _) in enumerate(STEPS)
    ]
