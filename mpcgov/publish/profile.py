"""Where a job's time went, as a table and as one HTML page with a picture that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mpcgov.publish.report import pages
from mpcgov.spec.order import Step

Taken = Sequence[tuple[str, Step]]
"""Party and step."""

HEADS = ("party", "process", "phase", "seconds", "computing", "waiting", "rounds", "bytes sent")
WIDTH, LANE, GAP, LABEL = 1000.0, 26.0, 6.0, 170.0
_LEAST_NAMED = 42.0
"""So wide a box must be to have its phase's name in it."""


@dataclass(frozen=True)
class Box:
    """A phase in the picture: where it is, how much of it was waiting, and what is said of it."""

    x: float
    y: float
    width: float
    waited: float
    name: str
    title: str


def rows(taken: Taken) -> list[tuple[str, ...]]:
    """The table under `HEADS`: each party's processes, phase by phase."""
    return [
        (party, step.at, step.phase, f"{step.seconds:.3f}", f"{step.cpu_s:.3f}", f"{step.waited_s:.3f}",
         f"{step.rounds:,}", f"{step.bytes_sent:,}")
        for party, step in _in_order(taken)
    ]  # fmt: skip


def text(taken: Taken) -> str:
    """The table for a terminal or a file."""
    lines = [HEADS, *rows(taken)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    shown = [
        "  ".join(cell.ljust(width) if column < 3 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in lines
    ]  # fmt: skip
    return "\n".join([*shown, "", *summary(taken)]) + "\n"


def summary(taken: Taken) -> list[str]:
    """What the table comes to, in a sentence a line."""
    if not taken:
        return ["nothing was run"]
    start = min(step.started_s for _, step in taken)
    whole = max(step.started_s + step.seconds for _, step in taken) - start
    engines = [(party, step) for party, step in taken if step.at == "engine"]
    lines = [f"{whole:.2f} s from the first process to the end of the last"]
    if engines:
        computing = max(_sum(engines, party, "cpu_s") for party, _ in engines)
        waiting = max(_sum(engines, party, "waited_s") for party, _ in engines)
        rounds = max(_sum(engines, party, "rounds") for party, _ in engines)
        sent = sum(step.bytes_sent for _, step in engines)
        lines.append(f"the busiest engine computed for {computing:.2f} s; one waited for {waiting:.2f} s at most")
        lines.append(f"{rounds:,.0f} rounds, {sent:,} bytes between all parties")
    reading = [step.seconds for _, step in taken if step.at == "reader" and step.phase == "read"]
    if reading:
        lines.append(f"reading took {max(reading):.2f} s where it took longest")
    return lines


def page(taken: Taken, title: str) -> bytes:
    """The page."""
    boxes, lanes, height = _drawn(taken)
    values: dict[str, Any] = {
        "title": title, "summary": summary(taken), "heads": HEADS, "rows": rows(taken), "boxes": boxes,
        "lanes": lanes, "width": LABEL + WIDTH, "height": height, "lane": LANE, "named": _LEAST_NAMED,
    }  # fmt: skip
    return pages().get_template("profile.html").render(**values).encode()


def _drawn(taken: Taken) -> tuple[list[Box], list[tuple[float, str]], float]:
    """The boxes, the lanes by height and name, and how high the picture is."""
    found = _in_order(taken)
    if not found:
        return [], [], LANE
    start = min(step.started_s for _, step in found)
    whole = max(step.started_s + step.seconds for _, step in found) - start or 1.0
    lanes = list(dict.fromkeys((party, step.at) for party, step in found))
    boxes = []
    for party, step in found:
        width = step.seconds / whole * WIDTH
        x = LABEL + (step.started_s - start) / whole * WIDTH
        waited = width * min(1.0, step.waited_s / step.seconds) if step.seconds else 0.0
        said = f"{party}, {step.at}: {step.phase}, {step.seconds:.3f} s, of which {step.waited_s:.3f} s waiting"
        more = f"; {step.rounds:,} rounds, {step.bytes_sent:,} bytes" if step.rounds or step.bytes_sent else ""
        boxes.append(Box(x, lanes.index((party, step.at)) * (LANE + GAP), width, waited, step.phase, said + more))
    names = [(number * (LANE + GAP), f"{party}, {at}") for number, (party, at) in enumerate(lanes)]
    return boxes, names, len(lanes) * (LANE + GAP)


def _in_order(taken: Taken) -> list[tuple[str, Step]]:
    parties = list(dict.fromkeys(party for party, _ in taken))
    processes = ("node", "reader", "engine")
    return sorted(taken, key=lambda one: (parties.index(one[0]), processes.index(one[1].at), one[1].started_s))


def _sum(taken: Taken, party: str, name: str) -> float:
    return float(sum(getattr(step, name) for of, step in taken if of == party))
