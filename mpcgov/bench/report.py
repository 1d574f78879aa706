"""From runs to figures: rows for programs, a table and what each contender's privacy rests on for people."""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mpcgov.bench.contenders import CONTENDERS
from mpcgov.bench.race import Measured, race
from mpcgov.bench.workloads import WORKLOADS, Workload
from mpcgov.errors import SpecError

Tell = Callable[[str], None]
Results = list[tuple[Workload, list[Measured]]]

HEADS = ["workload", "who", "s", "CPU s", "peak MB", "sent MB", "runs", "mpcgov/peer", "F1", "goals"]


def measure(names: Sequence[str], peers: bool, tell: Tell, size: int | None = None) -> Results:
    """Run the named workloads, or all but those that take long, and with `peers` those that are installed, in turns.

    Args:
        names: a name with several parts' names behind it, such as W3, means all of these.
        size: another size than the workloads' own.

    Raises:
        SpecError: there is no such workload. InternalError: mpcgov failed or its result is wrong.
    """
    quick = [name for name, workload in WORKLOADS.items() if not workload.on_demand]
    chosen = [WORKLOADS[name] for name in [one for name in names for one in _named(name)] or quick]
    tell(machine())
    if size is not None:
        chosen = [replace(workload, size=size, case=f"{size:,}", goals=()) for workload in chosen]
    return asyncio.run(_measure(chosen, peers, tell))


def _named(name: str) -> list[str]:
    """The workload of that name, or those whose names begin with it."""
    found = [name] if name in WORKLOADS else [one for one in WORKLOADS if one.startswith(f"{name}-")]
    if not found:
        raise SpecError(f"no workload {name}", hint=f"there are {', '.join(WORKLOADS)}", code="workload")
    return found


async def _measure(workloads: Sequence[Workload], peers: bool, tell: Tell) -> Results:
    results: Results = []
    for workload in workloads:
        wanted = [contender for contender in CONTENDERS[workload.name] if peers or contender.own]
        for absent in (contender for contender in wanted if not contender.installed):
            tell(f"{workload.name}: {absent.name} isn't installed: scripts/bench-peers {absent.environment}")
        measured = await race(workload, [contender for contender in wanted if contender.installed], tell)
        for failed in (one for one in measured if one.failure):
            tell(f"{workload.name}: {failed.failure}")
        results.append((workload, [one for one in measured if one.turns]))
    return results


def rows(results: Results) -> list[dict[str, Any]]:
    """One row per workload and peer, or per workload alone, with null for what there isn't; F1 where records are
    linked."""
    found = []
    for workload, measured in results:
        own = _own(measured)
        peers = [one for one in measured if one is not own]
        found += [_row(workload, own, peer) for peer in peers]
        if own and not peers:
            found.append(_row(workload, own, None))
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


def table(results: Results) -> list[list[Any]]:
    """The cells under HEADS: seconds to the result, then of one party CPU seconds and memory, bytes sent by all; the
    worst run's F1 where records are linked, and what mpcgov has to reach."""
    lines = []
    for workload, measured in results:
        own = _own(measured)
        peers = {one.contender.name: one for one in measured if one is not own}
        for one in measured:
            sent = "unknown" if one.bytes_sent is None else f"{one.bytes_sent / 1e6:.1f}"
            ratio = f"{own.seconds / one.seconds:.3f}" if own and one is not own else ""
            figures = [f"{one.seconds:.3f}", f"{one.cpu_s:.2f}", f"{one.peak_mb:.0f}", sent, str(len(one.turns)), ratio]
            figures.append(f"{one.f1:.4f}" if workload.links else "")
            figures.append("; ".join(goal.verdict(one, peers) for goal in workload.goals) if one is own else "")
            lines.append([f"{workload.name} {workload.title}, {workload.case}", one.contender.name, *figures])
    return lines


def trust(results: Results) -> list[tuple[str, list[str]]]:
    """What each contender's privacy rests on, as headings with lines; by workload where that differs."""
    known: dict[str, dict[str, list[str]]] = {}
    for workload, measured in results:
        for one in measured:
            known.setdefault(one.contender.name, {}).setdefault(one.contender.trust, []).append(workload.name)
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
