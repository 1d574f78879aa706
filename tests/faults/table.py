"""The table of docs/reliability.md out of what the matrix wrote: `python table.py RESULTS PAGE`."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->\n"


def table(lines: list[str]) -> str:
    """Fault by phase: the longest time, in seconds, until both others had ended the job, and at how many roles."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for line in lines:
        fault, phase, _, took_s = line.split("\t")
        found[fault, phase].append(float(took_s))
    phases = list(dict.fromkeys(phase for _, phase in found))
    rows = [f"| {' | '.join(['fault', *phases])} |", "|---" * (len(phases) + 1) + "|"]
    for fault in dict.fromkeys(fault for fault, _ in found):
        times = [found[fault, phase] for phase in phases]
        cells = [f"{max(each):.1f} s ({len(each)})" if each else "–" for each in times]
        rows.append(f"| {fault} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    results, page = map(Path, sys.argv[1:])
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(before + BEGIN + table(results.read_text().splitlines()) + END + rest.partition(END)[2])
