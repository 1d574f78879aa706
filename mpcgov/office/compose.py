"""Composing a job by forms: which computation, over which data sets, and what it says of columns, rows and rules."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from mpcgov import registry
from mpcgov.console.bodies import form
from mpcgov.coordinator import service
from mpcgov.coordinator.catalogue import Shown
from mpcgov.errors import LocalError, MpcgovError, SpecError
from mpcgov.office.choices import Chosen, chosen
from mpcgov.office.conditions import OPERATORS
from mpcgov.office.drafts import DRAFT, Drafts, said, written
from mpcgov.office.faults import Faults
from mpcgov.office.fields import ABSENT, NUMBERS, Form, by_form, fields_of, first, form_of, job_of
from mpcgov.office.site import Site, to
from mpcgov.spec.job import COORDINATOR, Job
from mpcgov.spec.load import load_yaml, parse_yaml
from mpcgov.spec.manifest import Manifest, Param
from mpcgov.spec.table import CategoryColumn

PROTOCOL = r"{protocol:[a-z][a-z0-9-]{0,63}}"
RULES = ("sum", "max", "min", "count", "first")
WORDS = {"operators": OPERATORS, "rules": RULES, "coordinator": COORDINATOR, "absent": ABSENT}
LINES = 3
"""So many columns and conditions are offered at first, and so many more at each press of the button."""

MOST_LINES = 48


class Compose:
    """The pages on which a job is composed."""

    def __init__(self, site: Site, drafts: Drafts) -> None:
        self._site = site
        self._drafts = drafts

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds them."""
        router.add_get("/catalogue", self._catalogue)
        router.add_get("/compose", self._protocols)
        router.add_get(f"/compose/{PROTOCOL}", self._begun)
        router.add_post(f"/compose/{PROTOCOL}", self._filled)
        router.add_get("/paste", self._paste)
        router.add_post("/paste", self._pasted)
        router.add_get(f"/drafts/{DRAFT}/form", self._again)
        router.add_get(f"/drafts/{DRAFT}/text", self._as_text)

    async def _catalogue(self, request: web.Request) -> web.StreamResponse:
        return self._site.page(
            request,
            "catalogue.html",
            "catalogue",
            found=await self._site.catalogue(),
            unique=_unique,
            values=shown_values,
        )

    async def _protocols(self, request: web.Request) -> web.StreamResponse:
        manifests = [registry.find(name).manifest for name in registry.names()]
        ordered = sorted(manifests, key=lambda one: (one.linked, one.id))
        return self._site.page(request, "protocols.html", "compose", manifests=ordered, by_form=by_form)

    async def _begun(self, request: web.Request) -> web.StreamResponse:
        manifest = _manifest(request.match_info["protocol"])
        if not any(name.endswith(".dataset") for name in request.query):
            found = await self._site.catalogue()
            return self._site.page(
                request, "parties.html", "compose", manifest=manifest, found=found, absent=ABSENT, query=request.query
            )
        asked = {name: request.query.getall(name) for name in request.query}
        return await self._form(request, manifest, asked, None)

    async def _again(self, request: web.Request) -> web.StreamResponse:
        job = load_yaml(self._drafts.path(request.match_info["draft"]), Job)
        manifest = _manifest(job.protocol_name)
        said_before = form_of(said(job), manifest)
        for party in (await self._site.catalogue()).parties:
            if party not in job.parties:
                said_before[f"parties.{party}.dataset"] = [ABSENT]
        return await self._form(request, manifest, said_before, None)

    async def _filled(self, request: web.Request) -> web.StreamResponse:
        manifest, catalogue = _manifest(request.match_info["protocol"]), await self._site.catalogue()
        given = await form(request, *fields_of(manifest, catalogue.parties))
        now = chosen(given, catalogue)
        for party, name in now.names.items():
            given[f"parties.{party}.dataset"] = [name]
        if first(given, "do") == "more":
            return await self._form(request, manifest, given, None)
        try:
            text = written(job_of(given, manifest, catalogue.parties, now.texts))
            job = parse_yaml(text, Job, "job")
            if first(given, "do") != "keep":
                await service.check_job(self._site.home, job)
        except MpcgovError as error:
            return await self._form(request, manifest, given, error)
        return to(f"/drafts/{self._drafts.save(text)}")

    async def _form(
        self, request: web.Request, manifest: Manifest, given: Form, error: MpcgovError | None
    ) -> web.StreamResponse:
        catalogue = await self._site.catalogue()
        now = chosen(given, catalogue)
        filled = max((sum(map(bool, values)) for name, values in given.items() if not name.endswith(".op")), default=0)
        lines = min(MOST_LINES, max(LINES, filled + LINES if first(given, "do") == "more" else filled))
        what = {
            "manifest": manifest, "now": now, "lines": lines, "faults": Faults(error, _names(manifest, now)),
            "value": lambda name, usual="": first(given, name) or usual, "all": lambda name: list(given.get(name, ())),
            "options": {name: now.columns(manifest, param) for name, param in manifest.params.items()},
            "receivers": (COORDINATOR, *catalogue.parties), "numbers": _numbers(manifest), "count": _count,
            "back": _back(manifest, now), "values_of": _values_of(now), **WORDS,
        }  # fmt: skip
        return self._site.page(request, "form.html", "compose", status=200 if error is None else 422, **what)

    async def _paste(self, request: web.Request) -> web.StreamResponse:
        return self._pasting(request, "", None)

    async def _as_text(self, request: web.Request) -> web.StreamResponse:
        path = self._drafts.path(request.match_info["draft"])
        return self._pasting(request, path.read_text(encoding="utf-8"), None)

    async def _pasted(self, request: web.Request) -> web.StreamResponse:
        text = (await form(request, ("text",))).get("text", [""])[0].replace("\r\n", "\n")
        try:
            parse_yaml(text, Job, "line")
        except SpecError as error:
            return self._pasting(request, text, error)
        return to(f"/drafts/{self._drafts.save(text)}")

    def _pasting(self, request: web.Request, text: str, error: SpecError | None) -> web.StreamResponse:
        status = 200 if error is None else 422
        return self._site.page(request, "paste.html", "compose", status=status, text=text, faults=Faults(error, ()))


def _manifest(name: str) -> Manifest:
    manifest = registry.find(name).manifest
    if not by_form(manifest):
        raise LocalError(f"there is no form for {name}", hint="write its job as a file", code="form")
    return manifest


def _names(manifest: Manifest, now: Chosen) -> list[str]:
    """The fields that faults can stand at."""
    names = ["purpose", "legal_basis", "receivers", "approve_within_h", "deadline_s", "disclosure.margins"]
    names += ["disclosure.noise", *(f"disclosure.{name}" for name in _numbers(manifest))]
    names += [f"params.{name}" for name in manifest.params]
    names += ["link.method", "link.join", "link.matcher"] if manifest.linked else []
    parts = ("dataset", "where", "key", "duplicates")
    return [*names, *(f"parties.{party}.{part}" for party in now.parties for part in parts)]


def _numbers(manifest: Manifest) -> list[str]:
    """The rules of disclosure control that are numbers, and that a protocol has."""
    have = {"min_count": True, "round_to": manifest.rounding, "digits": manifest.local in ("sums", "rows")}
    have |= {"numbers": have["digits"], "contributors": "contributors" in manifest.rules}
    have["dominance"] = "dominance" in manifest.rules
    return [name for name in NUMBERS if have[name]]


def _count(param: Param, filled: int, lines: int) -> int:
    """How many columns a parameter's field has room for."""
    return min(param.max_items, max(param.min_items, filled, lines))


def _unique(shown: Shown) -> str:
    """The sets of columns that no two rows share."""
    return "; ".join(", ".join(one) for one in shown.declaration.unique)


def _back(manifest: Manifest, now: Chosen) -> str:
    """The page before, as it was filled in."""
    return f"/compose/{manifest.id}?" + urlencode({f"was.{party}": name for party, name in now.names.items()})


def _values_of(now: Chosen) -> dict[str, dict[str, str]]:
    """By agency and column, what it may hold, in few words."""
    return {
        party: {name: shown_values(column) for name, column in one.declaration.columns.items()}
        for party, one in now.shown.items()
        if one is not None
    }


def shown_values(column: Any) -> str:
    """What a column may hold: the first of its categories, or its bounds; '' if that is not said."""
    if isinstance(column, CategoryColumn):
        few = ", ".join(column.values[:12])
        return few if len(column.values) <= 12 else f"{few}, … ({len(column.values):,})"
    if hasattr(column, "min"):
        unit = f" {column.unit}" if getattr(column, "unit", "") else ""
        return f"{column.min} – {column.max}{unit}"
    return ""
