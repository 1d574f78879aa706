"""Periods of time that jobs are about: days, months, quarters, years; their names, and which comes next."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any, Literal

from mpcgov.errors import SpecError

Every = Literal["day", "month", "quarter", "year"]
MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}
_FORMS = {
    "day": (r"(\d{4})-(\d\d)-(\d\d)", "2026-03-01"),
    "month": (r"(\d{4})-(\d\d)", "2026-03"),
    "quarter": (r"(\d{4})-Q([1-4])", "2026-Q1"),
    "year": (r"(\d{4})", "2026"),
}
_PLACE = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Period:
    """One of them, by its first day."""

    every: Every
    start: dt.date

    @property
    def after(self) -> Period:
        """The next one."""
        if self.every == "day":
            return Period(self.every, self.start + dt.timedelta(days=1))
        months = self.start.year * 12 + self.start.month - 1 + MONTHS[self.every]
        return Period(self.every, dt.date(months // 12, months % 12 + 1, 1))

    @property
    def end(self) -> dt.date:
        """Its last day."""
        return self.after.start - dt.timedelta(days=1)

    @property
    def name(self) -> str:
        """How people write it."""
        if self.every == "day":
            return self.start.isoformat()
        year = f"{self.start.year:04d}"
        quarter = (self.start.month + 2) // 3
        return {"month": f"{year}-{self.start.month:02d}", "quarter": f"{year}-Q{quarter}", "year": year}[self.every]

    @property
    def values(self) -> dict[str, str]:
        """What may stand in a job in its place."""
        return {
            "period": self.name, "year": str(self.start.year), "month": str(self.start.month),
            "quarter": str((self.start.month + 2) // 3), "start": self.start.isoformat(), "end": self.end.isoformat(),
        }  # fmt: skip


def parse(text: str, every: Every) -> Period:
    """A period from its name.

    Raises:
        SpecError: it isn't one.
    """
    form, example = _FORMS[every]
    found = re.fullmatch(form, text)
    numbers = [int(group) for group in found.groups()] if found else [0]
    if every == "quarter" and found:
        numbers[1] = numbers[1] * 3 - 2
    try:
        return Period(every, dt.date(*[*numbers, 1, 1][:3]))
    except ValueError:
        raise SpecError(f"{text}: not a {every}", hint=f"write it like {example}", code="period") from None


def filled(value: Any, period: Period) -> Any:
    """A job's value with the period in the places that name it, such as `month = '{period}'`; keys stay as they are.

    Raises:
        SpecError: a place names something else.
    """
    if isinstance(value, dict):
        return {key: filled(one, period) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, period) for one in value]
    if not isinstance(value, str):
        return value
    known = period.values
    unknown = sorted({name for name in _PLACE.findall(value) if name not in known})
    if unknown:
        raise SpecError(f"{{{unknown[0]}}}: no part of a period", hint=f"there are {', '.join(known)}", code="period")
    return _PLACE.sub(lambda place: known[place[1]], value)


def names_period(value: Any) -> bool:
    """Whether any place of a job names the period."""
    if isinstance(value, dict | list):
        return any(names_period(one) for one in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and _PLACE.search(value) is not None
