"""Precision and recall over the steps of a probability or threshold, as a picture that any browser shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mpcgov.publish.report import pages

LEFT, RIGHT, TOP, BOTTOM = 60, 600, 40, 330
"""Where the axes are, in pixels."""
LOOKS = {"precision": ("#0b5394", False), "recall": ("#b45f06", True)}
"""Colour, and whether the line is broken, so that colours needn't be told apart."""


def drawn(param: str, steps: Sequence[Mapping[str, Any]], own: str) -> bytes:
    """An SVG of the steps, evenly apart; one without numbers has no dots.

    Args:
        param: what the steps are of; its value is in each of them under that name.
        own: the job's value.
    """
    apart = (RIGHT - LEFT - 40) / max(1, len(steps) - 1)
    places = [round(LEFT + 20 + number * apart, 1) for number in range(len(steps))]
    known = [step[name] for step in steps for name in LOOKS if step[name] is not None]
    low = min(0.9, int(10 * min(known, default=0.0)) / 10)
    ticks = [low + (1 - low) * number / 5 for number in range(6)]
    below = [(step[param], "–" if step["links"] is None else step["links"]) for step in steps]
    page = pages().get_template("steps.svg")
    text = page.render(
        param=param,
        own=own,
        lines=[_line(name, steps, places, low) for name in LOOKS],
        ticks=[{"y": _height(tick, low), "text": f"{tick:.2f}"} for tick in ticks],
        steps=[
            {"x": x, "value": value, "own": value == own, "links": links}
            for x, (value, links) in zip(places, below, strict=True)
        ],
    )
    return text.encode()


def _line(name: str, steps: Sequence[Mapping[str, Any]], places: Sequence[float], low: float) -> dict[str, Any]:
    colour, dash = LOOKS[name]
    dots = [
        {"x": x, "y": _height(step[name], low), "text": f"{step[name]:.4f}"}
        for x, step in zip(places, steps, strict=True)
        if step[name] is not None
    ]
    points = " ".join(f"{dot['x']},{dot['y']}" for dot in dots)
    return {"name": name, "colour": colour, "dash": dash, "dots": dots, "points": points}


def _height(share: float, low: float) -> float:
    return round(BOTTOM - (share - low) / (1 - low) * (BOTTOM - TOP), 1)
