"""Jobs that nobody was asked yet: kept as files in the coordinator's home, planned, proposed, or thrown away."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from mpcgov import files, registry
from mpcgov.console.bodies import form
from mpcgov.coordinator import service
from mpcgov.coordinator.explain import explain_plan
from mpcgov.coordinator.ledgers import SAYS
from mpcgov.coordinator.periods import names_period
from mpcgov.coordinator.plan import Plan
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.office.fields import by_form, form_of, job_of
from mpcgov.office.site import Site, to
from mpcgov.spec.job import Job
from mpcgov.spec.load import compose_yaml, load_yaml, parse_yaml, read_text

DRAFT = r"{draft:[0-9a-f]{16}}"
MOST_DRAFTS = 1000
ANSWERS = {words: answer for answer, words in SAYS.items()}


class Drafts:
    """The drafts of one coordinator, and their pages. Two drafts that say the same are one."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = site.home / "drafts"

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds their pages."""
        router.add_get("/drafts", self._list)
        router.add_get(f"/drafts/{DRAFT}", self._show)
        router.add_get(f"/drafts/{DRAFT}/job.yaml", self._download)
        router.add_post(f"/drafts/{DRAFT}/submit", self._submit)
        router.add_post(f"/drafts/{DRAFT}/delete", self._delete)

    def save(self, text: str) -> str:
        """Keeps a job file's text; gives the draft's name.

        Raises:
            LocalError: there are too many already.
        """
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        if len(self._paths()) >= MOST_DRAFTS:
            raise LocalError(f"there are {MOST_DRAFTS} drafts already", hint="throw some away", code="drafts")
        files.replace(self._folder / f"{name}.yaml", text.encode(), 0o600)
        return name

    def path(self, name: str) -> Path:
        """The file of a draft.

        Raises:
            LocalError: there is none of that name.
        """
        for path in self._paths():
            if path.stem == name:
                return path
        raise LocalError("there is no such draft", code="draft")

    def _paths(self) -> list[Path]:
        found = [path for path in self._folder.glob("*.yaml") if not path.name.startswith(".")]
        return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        rows = [{"name": path.stem, "at": path.stat().st_mtime, "job": _readable(path)} for path in self._paths()]
        return self._site.page(request, "drafts.html", "drafts", drafts=rows)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        return await self.page(request, None)

    async def page(self, request: web.Request, refused: MpcgovError | None) -> web.StreamResponse:
        """A draft and its plan; `refused`: what was said against what somebody wanted of it."""
        name = request.match_info["draft"]
        path = self.path(name)
        plan, fault = None, refused
        try:
            plan = await service.plan_job(self._site.home, path)
        except MpcgovError as error:
            fault = refused or error
        text = read_text(path)
        return self._site.page(
            request, "draft.html", "drafts", status=200 if refused is None else 422,
            draft=name, text=text, job=_readable(path), plan=plan, fault=fault,
            sections=[] if plan is None else _sections(plan), says=[] if plan is None else _says(plan),
            editable=_editable(text), periodic=_is_periodic(text),
        )  # fmt: skip

    async def _download(self, request: web.Request) -> web.StreamResponse:
        path = self.path(request.match_info["draft"])
        return attached("job.yaml", "application/yaml", path.read_bytes())

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        try:
            stored = await service.submit_job(self._site.home, self.path(request.match_info["draft"]))
        except MpcgovError as error:
            return await self.page(request, error)
        return to(f"/jobs/{stored.id}")

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        await form(request)
        self.path(request.match_info["draft"]).unlink(missing_ok=True)
        return to("/drafts")


def written(job: dict[str, Any]) -> str:
    """A job as a file says it.

    Raises:
        SpecError: it would be read back as something else, such as a text that looks like a number.
    """
    plain = json.loads(
        json.dumps(job)
    )  # no two parts of it are one and the same, which YAML would write as a reference
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


def said(job: Job) -> dict[str, Any]:
    """A job as a file would say it, without what goes without saying; not pinned to a version of its protocol."""
    value: dict[str, Any] = job.model_dump(mode="json", exclude_defaults=True)
    return value | {"protocol": job.protocol_name}


def alike(one: Job, other: Job) -> bool:
    """Whether two jobs ask the same, whether or not they say what goes without saying of how rows are linked."""
    return one.model_copy(update={"link": one.linking}) == other.model_copy(update={"link": other.linking})


def attached(name: str, kind: str, data: bytes) -> web.Response:
    """A file for the reader's disk."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=data, content_type=kind, headers=headers)


def _readable(path: Path) -> Job | None:
    try:
        return load_yaml(path, Job)
    except MpcgovError:
        return None


def _editable(text: str) -> bool:
    """Whether the form can say all that a job says."""
    try:
        job = parse_yaml(text, Job, "draft")
        manifest = registry.find(job.protocol_name).manifest
        again = job_of(form_of(said(job), manifest), manifest, tuple(job.parties), {})
        return by_form(manifest) and alike(parse_yaml(written(again), Job, "draft"), job)
    except MpcgovError:
        return False


def _is_periodic(text: str) -> bool:
    """Whether a job names its period, so that it can be asked for each."""
    try:
        return names_period(compose_yaml(text, "draft")[0])
    except MpcgovError:
        return False


def _sections(plan: Plan) -> list[tuple[str, list[str]]]:
    """The plan in plain words, but for what the page shows by itself."""
    return [(heading, lines) for heading, lines in explain_plan(plan) if heading not in ("Job", "Nodes would say")]


def _says(plan: Plan) -> list[dict[str, Any]]:
    """What each node would say: its answer, and why."""
    found = []
    for line in plan.forecasts:
        party, _, rest = line.partition(" ")
        first, *reasons = rest.split("; ")
        answer = ANSWERS.get(first, "silent")
        found.append(
            {"party": party.rstrip(":"), "answer": answer, "reasons": reasons if answer != "silent" else [rest]}
        )
    return found
