"""What is to be known of a result besides its numbers: who asked why, over which rows, under which rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

SUPPRESSED = "hidden by disclosure control"
LEVEL_PERCENT = 95
"""How many noisy numbers a result's `half_width` holds for."""


def title(result: dict[str, Any]) -> str:
    """The job's purpose."""
    return str(result["request"]["purpose"])


def about(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of a heading and a text, for people."""
    request = result["request"]
    return [
        ("Purpose", request["purpose"]),
        ("Legal basis", request["legal_basis"]),
        ("Proposed", dt.datetime.fromtimestamp(request["proposed_at"], dt.UTC).strftime("%Y-%m-%d %H:%M UTC")),
        *(("Rows of", text) for text in _rows(request)),
        *(("Parameter", f"{name}: {_text(value)}") for name, value in request["params"].items()),
        *(("Rule", text) for text in _rules(result["disclosure"], request["disclosure"].get("digits"))),
        ("Hidden cells", str(result["disclosure"]["suppressed"])),
        *([("Made up", "from declarations, for a rehearsal: the numbers say nothing")] if "dummy" in result else []),
        ("Job", result["job"]),
        ("Protocol", result["protocol"]),
        ("List of members", request["roster_digest"]),
    ]


def _rows(request: dict[str, Any]) -> Iterator[str]:
    for party, part in request["parties"].items():
        if "dataset" in part:
            yield f"{party}: {part['dataset']}" + (f", where {part['where']}" if "where" in part else "")


def _rules(rules: dict[str, Any], digits: int | None) -> Iterator[str]:
    yield f"numbers over fewer than {rules['min_count']} rows are hidden"
    if rules.get("round_to"):
        yield f"counts are rounded to multiples of {rules['round_to']}"
    if "contributors" in rules:
        yield f"so are cells to which fewer than {rules['contributors']} agencies bring as many rows"
    if "dominance" in rules:
        yield f"sums are hidden by the p % rule, p = {rules['dominance']}"
    if "margins" in rules:
        yield f"true totals are {rules['margins']}" if "noise" not in rules else "totals are sums of all noisy numbers"
    if digits is not None:
        yield f"numbers that are no counts are rounded to {digits} significant digits"
    if "noise" in rules:
        noise = dict(rules["noise"])
        numbers = noise.pop("numbers", {})
        yield f"every number is noisy: {_text(noise)}"
        for name, size in numbers.items():
            yield (
                f"noise of {name}: standard deviation {size['deviation']}; at most {size['half_width']} in "
                f"{LEVEL_PERCENT} of 100 numbers"
            )


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
