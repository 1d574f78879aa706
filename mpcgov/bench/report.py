"""From runs to figures: rows for programs, a table and what each contender's privacy rests on for people."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mpcgov.bench.contenders import CONTENDERS
from mpcgov.bench.link import FAR, Link
from mpcgov.bench.race import Measured, race
from mpcgov.bench.workloads import WORKLOADS, Workload
from mpcgov.errors import MpcgovError, SpecError

Tell = Callable[[str], None]

HEADS = ["workload", "who", "s", "CPU s", "peak MB", "sent MB", "runs", "mpcgov/peer", "F1", "goals"]
LINK_HEADS = ["workload", "who", "s", "computing s", "rounds", "s/(rounds·RTT)", "sent MB", "CPU s", "runs"]
LINK_HEADS += ["mpcgov/peer", "goals"]


@dataclass(frozen=True)
class Result:
    """What came of a workload: the figures of all who ran it, or why there are none."""

    workload: Workload
    measured: Sequence[Measured] = ()
    error: MpcgovError | None = None


def measure(
    names: Sequence[str], peers: bool, tell: Tell, size: int | None = None, link: Link | None = None
) -> list[Result]:
    """Run the named workloads, or all but those that take long, and with `peers` those that are installed, in turns.

    A workload that fails is told of and takes no other's figures away; a failure of the only one is raised.

    Args:
        names: a name with several parts' names behind it, such as W3, means all of these that aren't run just once.
        size: another size than the workloads' own.
        link: what is between every two parties. The workloads' goals are for none, or, of some, for `link.FAR`.

    Raises:
        SpecError: there is no such workload. InternalError: mpcgov failed or its result is wrong.
    """
    quick = [name for name, workload in WORKLOADS.items() if not workload.on_demand]
    chosen = [WORKLOADS[name] for name in [one for name in names for one in _named(name)] or quick]
    tell(machine())
    if size is not None:
        chosen = [replace(workload, size=size, case=f"{size:,}", goals=(), far_goals=()) for workload in chosen]
    if link is not None:
        chosen = [replace(workload, goals=workload.far_goals if link == FAR else ()) for workload in chosen]
    return asyncio.run(_measure(chosen, peers, tell, link))


def _named(name: str) -> list[str]:
    """The workload of that name, or those whose names begin with it, but for one that takes too long for that."""
    parts = [one for one, workload in WORKLOADS.items() if one.startswith(f"{name}-") and not workload.once]
    found = [name] if name in WORKLOADS else parts
    if not found:
        raise SpecError(f"no workload {name}", hint=f"there are {', '.join(WORKLOADS)}", code="workload")
    return found


async def _measure(workloads: Sequence[Workload], peers: bool, tell: Tell, link: Link | None) -> list[Result]:
    results = []
    for workload in workloads:
        try:
            results.append(Result(workload, await _measured(workload, peers, tell, link)))
        except MpcgovError as error:
            if len(workloads) == 1:
                raise
            tell(f"mpcgov: {workload.name}: {error.line()}")
            results.append(Result(workload, error=error))
    return results


async def _measured(workload: Workload, peers: bool, tell: Tell, link: Link | None) -> list[Measured]:
    wanted = [contender for contender in CONTENDERS[workload.name] if peers or contender.own]
    for absent in (contender for contender in wanted if not contender.installed):
        tell(f"{workload.name}: {absent.name} isn't installed: scripts/bench-peers {absent.environment}")
    measured = await race(workload, [contender for contender in wanted if contender.installed], tell, link=link)
    for failed in (one for one in measured if one.failure):
        tell(f"{workload.name}: {failed.failure}")
    return [one for one in measured if one.turns]


def rows(results: Sequence[Result], link: Link | None = None) -> list[dict[str, Any]]:
    """One row per workload and peer, or per workload alone, with null for what there isn't; F1 where records are
    linked; rounds, the share of their round trips that the seconds are, and seconds of computing, where there was a
    link; the error of a workload that failed."""
    found = []
    for result in results:
        own = _own(result.measured)
        peers: list[Measured | None] = [one for one in result.measured if one is not own]
        for peer in peers or ([None] if own else []):
            over: dict[str, Any] = {}
            if link is not None:
                over = {"rounds": own and own.rounds, "per_round_trip": own and _per(own, link)}
                over["computing_s"] = own and own.computing_s
            found.append(_row(result.workload, own, peer) | over)
        if result.error:
            found.append(_row(result.workload, None, None) | {"error": result.error.to_json()})
    return found


def _row(workload: Workload, own: Measured | None, peer: Measured | None) -> dict[str, Any]:
    row = {
        "workload": workload.name,
        "case": f"{workload.title}, {workload.case}",
        "mpcgov_s": own and own.seconds,
        "peak_mb": own and own.peak_mb,
        "bytes_sent": own and own.bytes_sent,
        "peer": peer and peer.contender.name,
        "peer_s": peer and peer.seconds,
        "ratio": own and peer and own.seconds / peer.seconds,
    }
    return row | ({"f1": own and own.f1, "peer_f1": peer and peer.f1} if workload.links else {})


def table(results: Sequence[Result]) -> list[list[Any]]:
    """The cells under HEADS: seconds to the result, then of one party CPU seconds and memory, bytes sent by all; the
    worst run's F1 where records are linked, and what mpcgov has to reach."""
    lines: list[list[Any]] = []
    for result in results:
        workload, own = result.workload, _own(result.measured)
        title = f"{workload.name} {workload.title}, {workload.case}"
        peers = {one.contender.name: one for one in result.measured if one is not own}
        for one in result.measured:
            sent = "unknown" if one.bytes_sent is None else f"{one.bytes_sent / 1e6:.1f}"
            ratio = f"{own.seconds / one.seconds:.3f}" if own and one is not own else ""
            figures = [f"{one.seconds:.3f}", f"{one.cpu_s:.2f}", f"{one.peak_mb:.0f}", sent, str(len(one.turns)), ratio]
            figures.append(f"{one.f1:.4f}" if workload.links else "")
            figures.append("; ".join(goal.verdict(one, peers) for goal in workload.goals) if one is own else "")
            lines.append([title, one.contender.name, *figures])
        if result.error:
            lines.append([title, "mpcgov", "failed", *[""] * len(HEADS[3:])])
    return lines


def link_table(results: Sequence[Result], link: Link) -> list[list[Any]]:
    """The cells under LINK_HEADS."""
    lines: list[list[Any]] = []
    for result in results:
        workload, own = result.workload, _own(result.measured)
        title = f"{workload.name} {workload.title}, {workload.case}"
        for one in result.measured:
            sent = "unknown" if one.bytes_sent is None else f"{one.bytes_sent / 1e6:.1f}"
            per, ratio = _per(one, link), f"{own.seconds / one.seconds:.3f}" if own and one is not own else ""
            figures = [f"{one.seconds:.3f}", "" if one.computing_s is None else f"{one.computing_s:.3f}"]
            figures += [str(one.rounds or "unknown"), "" if per is None else f"{per:.2f}", sent, f"{one.cpu_s:.2f}"]
            goals = "; ".join(goal.verdict(one, {}) for goal in workload.goals) if one is own else ""
            lines.append([title, one.contender.name, *figures, str(len(one.turns)), ratio, goals])
        if result.error:
            lines.append([title, "mpcgov", "failed", *[""] * len(LINK_HEADS[3:])])
    return lines


def _per(one: Measured, link: Link) -> float | None:
    """Seconds over those that its rounds would take if each were a trip there and back; one way is enough for most."""
    return one.seconds / (one.rounds * link.rtt_s) if one.rounds and link.rtt_s else None


def throughput(results: Sequence[Result]) -> list[str]:
    """Of records that are compared once, how many of both owners' take a second, and the bytes of it."""
    return [
        f"{result.workload.name}: {2 * result.workload.size:,} rows, {2 * result.workload.size / own.seconds:,.0f} "
        f"rows/s; {(own.bytes_sent or 0) / 1e9:.2f} GB sent by all, {own.peak_mb / 1e3:.2f} GB at a party"
        for result in results
        if result.workload.once and result.workload.links and (own := _own(result.measured))
    ]


def trust(results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    """What each contender's privacy rests on, as headings with lines; by workload where that differs."""
    known: dict[str, dict[str, list[str]]] = {}
    for result in results:
        for one in result.measured:
            known.setdefault(one.contender.name, {}).setdefault(one.contender.trust, []).append(result.workload.name)
    return [
        (name, [f"{', '.join(where)}: {text}" if len(texts) > 1 else text for text, where in texts.items()])
        for name, texts in known.items()
    ]


def machine() -> str:
    """What ran it, and how busy it was with other things before."""
    load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}{load}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _own(measured: Sequence[Measured]) -> Measured | None:
    return next((one for one in measured if one.contender.own), None)
