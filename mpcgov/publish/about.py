"""What is to be known of a result besides its numbers: who asked why, over which rows, under which rules."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

SUPPRESSED = "hidden by disclosure control"


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
        *(("Rule", text) for text in _rules(result["disclosure"])),
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


def _rules(rules: dict[str, Any]) -> Iterator[str]:
    yield f"numbers over fewer than {rules['min_count']} rows are hidden"
    if rules.get("round_to"):
        yield f"counts are rounded to multiples of {rules['round_to']}"
    if "noise" in rules:
        yield f"every number is noisy: {_text({k: v for k, v in rules['noise'].items() if k != 'numbers'})}"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
    return ", ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
