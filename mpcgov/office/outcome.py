"""What came out of a job: tables, charts, files in all formats, and what is different from the run before."""

from __future__ import annotations

import contextlib
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from mpcgov import publish
from mpcgov.coordinator import service
from mpcgov.coordinator.home import StoredJob
from mpcgov.errors import LocalError, MpcgovError
from mpcgov.office.chart import bars
from mpcgov.office.drafts import attached
from mpcgov.office.site import JOB, Site, number
from mpcgov.publish.footers import footers
from mpcgov.publish.learned import who_learned
from mpcgov.publish.table import Released, tables_of
from mpcgov.spec.job import COORDINATOR
from mpcgov.spec.load import canonical_json

KEPT = 20
LOOKED_THROUGH = 200
"""So many earlier jobs are looked through for a run of the same question."""

MOST_TRIED = 5

TYPES = {
    "json": "application/json", "html": "text/html", "csv": "text/csv", "sdmx-csv": "text/csv", "px": "text/plain",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip


class Outcome:
    """Results of the coordinator's jobs; the last few are kept in memory, as they never change."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[str, dict[str, Any]] = {}

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Adds the pages of comparisons, and files."""
        router.add_get(f"/jobs/{JOB}/compare", self._compare)
        router.add_get(f"/jobs/{JOB}/files/{{format:[a-z-]{{2,10}}}}", self._file)
        router.add_get(f"/jobs/{JOB}/bundle", self._bundle)

    async def shown(self, request: web.Request, name: str) -> dict[str, Any]:
        """A result as its page shows it; `measure` of the address chooses the numbers of the charts."""
        result, measure = await self._result(name), number(request, "measure")
        below = footers(result)
        tables = [
            {"released": one, "below": below[one.name], "chart": bars(one, measure), "first": len(one.dimensions)}
            for one in tables_of(result)
        ]
        return {
            "result": result, "tables": tables, "measure": measure, "learned": who_learned(result),
            "formats": publish.FORMATS, "earlier": bool(self._earlier(name)),
        }  # fmt: skip

    async def _compare(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        now, (earlier, then) = await self._result(name), await self._before(name)
        before = {one.name: one for one in tables_of(then)}
        tables = [(one, list(_differences(one, before.get(one.name)))) for one in tables_of(now)]
        hidden = any(one["now"] is None or (one["known"] and one["then"] is None) for _, rows in tables for one in rows)
        return self._site.page(
            request, "compare.html", "jobs", asked=name, earlier=earlier, tables=tables, hidden=hidden,
            same=now["job"] == then["job"],
        )  # fmt: skip

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name, kind = request.match_info["job"], request.match_info["format"]
        if kind not in publish.FORMATS:
            raise LocalError(f"no format {kind}", hint=f"one of {', '.join(publish.FORMATS)}", code="format")
        result = await self._result(name)
        ending = "csv" if kind == "sdmx-csv" else kind
        with tempfile.TemporaryDirectory(prefix="mpcgov-result-") as folder:
            written = publish.write(result, Path(folder) / f"{name}.{ending}", kind)
            data = {path.name: path.read_bytes() for path in written}
        if len(data) == 1:
            return attached(f"{name}.{ending}", TYPES[kind], next(iter(data.values())))
        return attached(f"{name}-{kind}.zip", "application/zip", _packed(data))

    async def _bundle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        bundle = await service.bundle_of(self._site.home, name)
        return attached(f"{name}.bundle.json", "application/json", bundle.to_bytes())

    async def _result(self, name: str) -> dict[str, Any]:
        if name not in self._kept:
            found = await service.result_of(self._site.home, name)
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = found
        return self._kept[name]

    async def _before(self, name: str) -> tuple[StoredJob, dict[str, Any]]:
        """The last job before this one that asked the same and has a result, and that.

        Raises:
            LocalError: there is none.
        """
        for stored in self._earlier(name)[:MOST_TRIED]:
            with contextlib.suppress(MpcgovError):  # it may have been refused, or failed
                return stored, await self._result(stored.id)
        raise LocalError(f"job {name}: no job before it asked the same and has a result", code="compare")

    def _earlier(self, name: str) -> list[StoredJob]:
        """The jobs before this one that asked the same, for the coordinator; the newest first."""
        question, names = _question(self._site.stored(name)), self._site.newest()
        before = [self._site.stored(other) for other in names[names.index(name) + 1 :][:LOOKED_THROUGH]]
        return [one for one in before if COORDINATOR in one.proposal.job.receivers and _question(one) == question]


def _question(stored: StoredJob) -> bytes:
    """What a job asks, whyever and under whatever rules."""
    job = stored.proposal.job
    asked = job.model_dump(mode="json", include={"parties", "params", "link"})
    return canonical_json(asked | {"protocol": job.protocol_name})


def _differences(now: Released, then: Released | None) -> Iterator[dict[str, Any]]:
    """Each number, the one before it, and their difference where both are shown."""
    before = {} if then is None else {(names, measure): value for names, measure, value in then.observations()}
    for names, measure, value in now.observations():
        old = before.get((names, measure))
        known = (names, measure) in before
        yield {"names": names, "measure": measure, "then": old, "known": known, "now": value,
               "by": None if value is None or old is None else value - old}  # fmt: skip


def _packed(data: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in data.items():
            archive.writestr(name, content)
    return packed.getvalue()
