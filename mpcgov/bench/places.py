"""Where the things lie that mpcgov measures with and doesn't ship: the checkout, and the environments of its peers."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent
CHECKOUT = BENCH.parents[1]


def environment(peer: str) -> Path:
    """A peer's environment, which `scripts/bench-peers` makes in the checkout or the current folder."""
    places = [folder / f".venv-peer-{peer}" for folder in (CHECKOUT, Path.cwd())]
    return next((place for place in places if (place / "bin" / "python").exists()), places[0])
