"""Where the suite's processor time goes, as a plugin: `./scripts/test -p tests.cpu`.

Counted are the tests' own processes and what they started. What serves several tests counts where it was used: a
fixture where it is made and ended, a template that forks where it forks.
"""

from __future__ import annotations

import os
import resource
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

SHOWN_S = 3.0
"""What takes less isn't shown but for directories."""

_spent: Counter[str] = Counter()


def _used_s() -> float:
    """By this process, all that it started and waited for, and all that still run, with what they waited for."""
    who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    ended_s = sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, who))
    return ended_s + sum(map(_running_s, _descendants(os.getpid())))


def _running_s(process: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _descendants(process: int) -> Iterator[int]:
    with suppress(OSError):
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                yield child
                yield from _descendants(child)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    before = _used_s()
    try:
        return (yield)
    finally:
        _spent[item.nodeid] += _used_s() - before


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    try:
        return (yield)
    finally:
        _spent["collection/"] += _used_s()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["spent"] = dict(_spent)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """One of xdist's processes has ended."""
    _spent.update(getattr(node, "workeroutput", {}).get("spent", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("processor time, seconds")
    for title, part in PARTS.items():
        for line in _lines(part, 0 if title == "directories" else SHOWN_S):
            terminalreporter.write_line(line)
    terminalreporter.write_line(f"{sum(_spent.values()):9.1f} in all")


def _lines(part: Callable[[str], str], shown_s: float) -> Iterator[str]:
    sums: Counter[str] = Counter()
    for test, seconds in _spent.items():
        sums[part(test)] += seconds
    yield from (f"{seconds:9.1f} {name}" for name, seconds in sums.most_common() if seconds >= shown_s)


PARTS: dict[str, Callable[[str], str]] = {
    "directories": lambda test: test.partition("::")[0].rpartition("/")[0],
    "files": lambda test: test.partition("::")[0],
    "tests, with all their cases": lambda test: test.partition("[")[0],
}
