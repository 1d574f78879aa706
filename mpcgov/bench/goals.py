"""What mpcgov has to reach in a workload, and whether a measurement shows that it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol


class Figures(Protocol):
    """What a contender's runs came to."""

    @property
    def seconds(self) -> float:
        """Median from the start to the result."""

    @property
    def computing_s(self) -> float | None:
        """Median from dealing to opening, of a job; None where nobody tells."""

    @property
    def peak_mb(self) -> float:
        """The most memory that a party held."""

    @property
    def f1(self) -> float:
        """The worst run's, where records are linked."""


@dataclass(frozen=True)
class Goal:
    """`reached` is told our figures and the peers' by name; None: it can't be said, as a peer wasn't measured."""

    text: str
    reached: Callable[[Figures, Mapping[str, Figures]], bool | None]

    def verdict(self, own: Figures, peers: Mapping[str, Figures]) -> str:
        """The goal, and whether it is met."""
        return f"{self.text} {_WORDS[self.reached(own, peers)]}"


_WORDS = {True: "met", False: "missed", None: "not measured"}


def within_seconds(most: float) -> Goal:
    """So many seconds at most."""
    return Goal(f"≤ {most:g} s", lambda own, _: own.seconds <= most)


def computing_within(most: float) -> Goal:
    """So many seconds at most from dealing to opening."""
    return Goal(f"computing ≤ {most:g} s", lambda own, _: None if own.computing_s is None else own.computing_s <= most)


def within_mb(most: float) -> Goal:
    """So many 10^6 bytes at most at a party."""
    return Goal(f"≤ {most:,g} MB", lambda own, _: own.peak_mb <= most)


def least_f1(least: float) -> Goal:
    """Such an F1 in every run."""
    return Goal(f"F1 ≥ {least}", lambda own, _: own.f1 >= least)


def f1_near(peer: str, distance: float) -> Goal:
    """An F1 no further below a peer's."""
    return Goal(
        f"F1 ≥ {peer}'s − {distance}",
        lambda own, peers: own.f1 >= peers[peer].f1 - distance if peer in peers else None,
    )


def part_of(peer: str, most: float) -> Goal:
    """At most that part of a peer's seconds."""
    return Goal(
        f"≤ {most} × {peer}",
        lambda own, peers: own.seconds <= most * peers[peer].seconds if peer in peers else None,
    )
