"""A contender for tests: party 0 adds up all parties' tables by cheating; options make it misbehave."""

from __future__ import annotations

import os
from pathlib import Path

from peers.turns import Done, Order, Run, serve  # found as peers find it


async def prepare(order: Order) -> Run:
    name, behaviour = order.options["name"], order.options.get("behaviour")
    log = Path(order.options["log"])
    if behaviour == "dies" and order.party == 1:
        raise SystemExit("no such library")

    async def run() -> Done:
        if not order.receives:
            return Done(None, 10)
        note(log, f"{name} {os.getpid()}\n")
        total = sum(order.arrays(party)["table"] for party in range(order.parties))
        return Done(total + 1 if behaviour == "lies" else total, None if behaviour == "counts nothing" else 100)

    return run


def note(log: Path, line: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(line)


if __name__ == "__main__":
    serve(prepare)
