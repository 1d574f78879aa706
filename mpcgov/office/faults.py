"""Faults beside the fields that they are about."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mpcgov.errors import MpcgovError, SpecError

_PLACE = re.compile(r"(?:job(?::[0-9]+)?: )?(?P<place>[a-z_]+(?:\.[\w@-]+)*): (?P<text>.*)", re.S)


class Faults:
    """What is wrong with a job: by the name of a field, and the rest."""

    def __init__(self, error: MpcgovError | None, names: Iterable[str]) -> None:
        self.by_field: dict[str, list[str]] = {}
        self.others: list[str] = []
        known = sorted(names, key=len, reverse=True)
        for fault in _all(error):
            match = _PLACE.fullmatch(fault)
            place = match["place"] if match else ""
            field = next((name for name in known if place == name or place.startswith(f"{name}.")), None)
            if match is None or field is None:
                self.others.append(fault)
            else:
                rest = place.removeprefix(field).lstrip(".")
                self.by_field.setdefault(field, []).append(f"{rest}: {match['text']}" if rest else match["text"])

    def at(self, field: str) -> list[str]:
        """What is wrong with a field."""
        return self.by_field.get(field, [])

    def __bool__(self) -> bool:
        return bool(self.by_field or self.others)


def _all(error: MpcgovError | None) -> list[str]:
    if error is None:
        return []
    return list(error.faults) if isinstance(error, SpecError) else [error.line()]
