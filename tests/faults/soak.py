"""Three nodes as processes and many tiny jobs, one after the other and some at once: what they hold on to, and how long
they take. `python soak.py PAGE [--jobs N] [--together N] [--at-once N]` writes its figures into the page.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from mpcgov.coordinator import service
from mpcgov.trial import rehearsal

BEGIN, END = "<!-- soak -->\n", "<!-- end of soak -->\n"
PARTIES = ("tax", "welfare", "census")
SETTLED = 10
"""After so many jobs everything is loaded."""

DATASETS = """
people:
  source: people.csv
  max_rows: 100
  columns:
    region: {kind: category, values: [North, South]}
"""
POLICY = """
approve: standing
protocols: [joint-count]
purposes: ["*"]
partners: ["*"]
receivers: [coordinator]
datasets:
  people: {columns: {region: [group]}, min_count: 10, rows_per_unit: {person: 1}}
"""


@dataclass
class Watched:
    """The nodes' processes and homes; what was seen of them after each job, by node."""

    nodes: dict[str, int]
    homes: dict[str, Path]
    memory_kb: dict[str, list[int]] = field(default_factory=lambda: {party: [] for party in PARTIES})
    descriptors: dict[str, list[int]] = field(default_factory=lambda: {party: [] for party in PARTIES})
    cpu_s: list[float] = field(default_factory=list)

    def look(self) -> None:
        """Each node's resident memory and open files now, and the processor time of all nodes' own processes."""
        for party, pid in self.nodes.items():
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.memory_kb[party].append(pages * os.sysconf("SC_PAGE_SIZE") // 1024)
            self.descriptors[party].append(sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
        if len(self.cpu_s) % 50 == SETTLED:
            print(len(self.cpu_s), self.memory_kb["tax"][-1], "kB", self.descriptors["tax"][-1], "files", flush=True)
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.nodes.values()]
        self.cpu_s.append(sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK"))

    def state_kb(self) -> float:
        """What a node's state takes on disk, on average."""
        files = [path for home in self.homes.values() for path in (home / "state").iterdir()]
        return sum(path.stat().st_size for path in files) / 1024 / len(self.homes)

    def slope_kb(self) -> float:
        """By how much the memory of the node that grows most grows with each job, by least squares."""
        series = [seen[SETTLED:] for seen in self.memory_kb.values()]
        return max(statistics.linear_regression(range(len(seen)), seen).slope for seen in series)

    def cpu_of_first_and_last_s(self) -> tuple[float, float]:
        """What a job takes of a node's processor, among the first tenth of the jobs and among the last."""
        size, seen = max(1, (len(self.cpu_s) - SETTLED) // 10), self.cpu_s[SETTLED:]
        first, last = seen[size] - seen[0], seen[-1] - seen[-1 - size]
        return first / size / len(self.nodes), last / size / len(self.nodes)

    def fewest_and_most(self) -> tuple[int, int]:
        """Open files of any node after its first jobs."""
        seen = [number for numbers in self.descriptors.values() for number in numbers[SETTLED:]]
        return min(seen), max(seen)


async def one(folder: Path, number: int) -> float:
    """A job from its proposal to its result; the seconds that it took."""
    path = folder / f"job-{number}.yaml"
    job = {
        "protocol": "joint-count", "purpose": f"Soak {number}", "legal_basis": "none",
        "parties": {party: {"dataset": "people"} for party in PARTIES}, "params": {"by": ["region"]},
        "receivers": ["coordinator"], "deadline_s": 600,
    }  # fmt: skip
    path.write_text(json.dumps(job))
    began = time.monotonic()
    stored = await service.submit_job(folder / rehearsal.COORDINATOR, path)
    _, result = await service.wait_for(folder / rehearsal.COORDINATOR, stored.id, lambda _: None)
    assert result is not None
    assert result["tables"]["count"]["rows"] == [["North", 60], ["South", 30]]
    return time.monotonic() - began


async def many(folder: Path, watched: Watched, numbers: range, at_once: int) -> list[float]:
    """So many jobs, so many at once; the seconds that each took."""
    free = asyncio.Semaphore(at_once)

    async def next_one(number: int) -> float:
        async with free:
            took = await one(folder, number)
        watched.look()
        return took

    return list(await asyncio.gather(*map(next_one, numbers)))


def figures(name: str, took: list[float]) -> str:
    """A line of the table."""
    ordered = sorted(took)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    median = statistics.median(ordered)
    return f"| {name} | {len(took)} | {median:.2f} s | {p99:.2f} s | {p99 / median:.1f} |\n"


async def soak(
    folder: Path, homes: dict[str, Path], pids: dict[str, int], jobs: int, together: int, at_once: int
) -> str:
    """Runs all jobs; the lines for the page."""
    watched = Watched(pids, homes)
    await many(folder, watched, range(2), 1)
    before_kb = watched.state_kb()
    alone = await many(folder, watched, range(2, jobs + 2), 1)
    grown_kb = (watched.state_kb() - before_kb) / jobs
    slope, (fewest, most), (first_s, last_s) = (
        watched.slope_kb(), watched.fewest_and_most(), watched.cpu_of_first_and_last_s()
    )  # fmt: skip
    tenth = max(1, jobs // 10)
    began_s, ended_s = statistics.median(alone[:tenth]), statistics.median(alone[-tenth:])
    beside = await many(folder, watched, range(jobs + 2, jobs + together + 2), at_once) if together else []
    text = "| jobs | how many | median | 99 % within | ratio |\n|---|---|---|---|---|\n"
    text += figures("one after the other", alone)
    text += figures(f"{at_once} at once", beside) if beside else ""
    return text + (
        f"\nOne after the other: a node's resident memory grows by {slope:.1f} kB a job (least squares, the worst of "
        f"three); it has {fewest} to {most} files open between jobs; its `state/` grows by {grown_kb:.0f} kB a job. "
        f"The median of the first tenth is {began_s:.2f} s, of the last {ended_s:.2f} s; of a node's own processor a "
        f"job takes {1000 * first_s:.0f} ms and {1000 * last_s:.0f} ms.\n"
    )


def found(folder: Path, ports: list[int]) -> dict[str, Path]:
    """Homes of three agencies with thirty people each, whose policies say yes by themselves."""
    rows = "region\n" + "North\n" * 20 + "South\n" * 10
    for party in PARTIES:
        agency = folder / "agencies" / party
        agency.mkdir(parents=True)
        for name, text in (("datasets.yaml", DATASETS), ("policy.yaml", POLICY), ("people.csv", rows)):
            (agency / name).write_text(text)
    return rehearsal.found(folder, folder / "agencies", dict(zip(PARTIES, ports, strict=True)), lambda _: None)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("page", type=Path, nargs="?")
    arguments.add_argument("--jobs", type=int, default=1000)
    arguments.add_argument("--together", type=int, default=200)
    arguments.add_argument("--at-once", type=int, default=10)
    asked = arguments.parse_args()
    rehearsal.START_LIMIT_S = 300.0  # of a machine that has other work
    with tempfile.TemporaryDirectory(prefix="mpcgov-soak-") as name, rehearsal.kept_ports(len(PARTIES)) as ports:
        folder = Path(name)
        homes = found(folder, ports)
        with rehearsal.daemons(homes, lambda _: None) as running:
            pids = {party: process.pid for party, process in running.items()}

            async def run() -> str:
                await rehearsal.all_answer(folder / rehearsal.COORDINATOR, running)
                return await soak(folder, homes, pids, asked.jobs, asked.together, asked.at_once)

            load = os.getloadavg()[0]
            text = asyncio.run(run())
            loads = f"a load of {load:.0f} before it and of {os.getloadavg()[2]:.0f} in its last 15 minutes"
            text += f"\nOn {os.cpu_count()} processors, with {loads}.\n"
    print(text)
    if asked.page is not None:
        before, _, rest = asked.page.read_text().partition(BEGIN)
        asked.page.write_text(before + BEGIN + text + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
