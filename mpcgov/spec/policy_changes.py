"""What another policy would allow that this one doesn't, and the other way round, in plain words.

For people who are to agree to it. Every field of a policy is named below, so that no change goes without words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from mpcgov.spec.policy import DatasetPolicy, Policy

Effect = Literal["more", "less", "other"]


@dataclass(frozen=True)
class Change:
    """One change. `more`: something becomes allowed; `less`: something no longer is; `other`: both, or neither."""

    effect: Effect
    text: str


def changes(before: Policy, after: Policy) -> list[Change]:
    """All changes from one policy to another; empty if both allow the same."""
    found = list(_of_jobs(before, after))
    for name in sorted({*before.datasets, *after.datasets}):
        then, now = before.datasets.get(name), after.datasets.get(name)
        if now is None:
            found.append(Change("less", f"data set {name} may no longer be used"))
        elif then is None:  # all that is said of it is about what becomes allowed
            found.append(Change("more", f"data set {name} may be used"))
            found += [replace(one, effect="more") for one in _of_dataset(name, DatasetPolicy(), now)]
        else:
            found += _of_dataset(name, then, now)
            if before.approve == "standing" != after.approve and then.overlapping == now.overlapping == "ask":
                # Under `standing` nobody is asked about such tables: they are refused.
                found.append(_valued(name, "overlapping", "refuse", "ask"))
    return found


def _of_jobs(before: Policy, after: Policy) -> Iterator[Change]:
    if before.approve != after.approve:
        loose = after.approve == "standing"
        text = "jobs may run without asking anybody" if loose else "every job takes a person's yes"
        yield Change("more" if loose else "less", text)
    if before.approvals != after.approvals:
        text = f"people who must say yes, to a job and to a policy: {after.approvals} (before: {before.approvals})"
        yield Change("more" if after.approvals < before.approvals else "less", text)
    if before.passkeys != after.passkeys:
        order = ("optional", None, "required")
        text = f"a yes without a passkey: {_PASSKEYS[after.passkeys]} (before: {_PASSKEYS[before.passkeys]})"
        yield Change("more" if order.index(after.passkeys) < order.index(before.passkeys) else "less", text)
    old, new = before.partner_approvals, after.partner_approvals
    for party in sorted({*old, *new}):
        # Whoever isn't named is anybody.
        fewer, people = (one.get(party, one.get("*", 0)) for one in (old, new))
        if fewer != people:
            text = f"the yes of {_any(party)} must be signed by {people} people (before: {fewer})"
            yield Change("more" if people < fewer else "less", text)
    for field, words in _LISTS.items():
        yield from _listed(getattr(before, field), getattr(after, field), words)
    if before.size_noise != after.size_noise:
        then, now = (_said(one.size_noise) for one in (before, after))
        text = f"noise on the number of matches that a matcher sees: {now} (before: {then})"
        yield Change("more" if now == "off" else "less" if then == "off" else "other", text)


def _of_dataset(name: str, before: DatasetPolicy, after: DatasetPolicy) -> Iterator[Change]:
    for column in sorted({*before.columns, *after.columns}):
        then, now = before.columns.get(column, ()), after.columns.get(column, ())
        for use in sorted({*now} - {*then}):
            yield Change("more", f"{name}: column {column} may {_USES[use]}")
        for use in sorted({*then} - {*now}):
            yield Change("less", f"{name}: column {column} may no longer {_USES[use]}")
    for party in sorted({*before.partner_filters, *after.partner_filters}):
        own = (before.partner_filters.get(party, ()), after.partner_filters.get(party, ()))
        yield from _listed(*own, f"{name}: without asking anybody, rows of {party} chosen by {{}}")
    yield from _listed(before.filters, after.filters, f"{name}: without asking anybody, rows chosen by {{}}")
    limits = [(one.max_epsilon, one.max_rho) for one in (before, after)]
    for field in _VALUES:
        then, now = getattr(before, field), getattr(after, field)
        if then != now and field in ("max_epsilon", "max_rho") and None in (then, now) and all(map(any, limits)):
            # Where only one of the two is given, it limits the other's noise, too, or forbids it.
            yield _valued(name, field, then or _BY_OTHER, now or _BY_OTHER, "other")
        elif then != now:
            yield _valued(name, field, then, now)


def _valued(name: str, field: str, then: Any, now: Any, effect: Effect | None = None) -> Change:
    words, looser = _VALUES[field]
    return Change(effect or looser(then, now), f"{name}: {words}: {_said(now)} (before: {_said(then)})")


def _listed(before: Iterable[str], after: Iterable[str], words: str) -> Iterator[Change]:
    for one in sorted({*after} - {*before}):
        yield Change("more", f"{words.format(_any(one))}: allowed")
    for one in sorted({*before} - {*after}):
        yield Change("less", f"{words.format(_any(one))}: no longer allowed")


def _any(name: str) -> str:
    return "anybody" if name == "*" else name


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_said(one)}" for key, one in value.items()) or "nothing"
    if value is None:
        return "no limit"
    fields = getattr(value, "model_fields_set", None)
    return str(value) if fields is None else " ".join(f"{k} {_said(v)}" for k, v in value if v is not None)


def _grows(then: Any, now: Any) -> Effect:
    """The effect where a larger value, or none at all, allows more."""
    return "more" if now is None or (then is not None and _number(now) > _number(then)) else "less"


def _shrinks(then: Any, now: Any) -> Effect:
    """The effect where a smaller value, or none at all, allows more."""
    return "more" if now is None or (then is not None and _number(now) < _number(then)) else "less"


def _is(value: Any) -> Callable[[Any, Any], Effect]:
    """The effect where this value allows more than any other."""
    return lambda _, now: "more" if now == value else "less"


def _either(_then: Any, _now: Any) -> Effect:
    return "other"


def _number(value: Any) -> Fraction:
    return Fraction(value.toordinal()) if isinstance(value, dt.date) else Fraction(value)


_BY_OTHER = "as the other limit says"
_PASSKEYS = {"optional": "counts", None: "counts until an approver has one", "required": "never counts"}
_USES = {
    "group": "form groups", "filter": "choose rows", "measure": "be added up", "key": "link rows",
    "identify": "tell receivers which records are linked", "quality": "be told of in quality reports",
}  # fmt: skip
_LISTS = {
    "protocols": "protocol {}", "purposes": "purpose {}", "partners": "computing with {}",
    "receivers": "results for {}", "link": "linking by {}",
}  # fmt: skip
_VALUES: dict[str, tuple[str, Callable[[Any, Any], Effect]]] = {
    "min_count": ("smallest cell shown", _shrinks),
    "margins": ("true totals", _is(value=True)),
    "contributors": ("fewest agencies behind a cell", _shrinks),
    "dominance": ("rule of dominance, in %", _shrinks),
    "max_epsilon": ("most that one job may tell (epsilon)", _grows),
    "max_rho": ("most that one job may tell (rho)", _grows),
    "rows_per_unit": ("rows that one unit can have", _either),
    "total_epsilon": ("most that all jobs may tell (epsilon)", _grows),
    "total_rho": ("most that all jobs may tell (rho)", _grows),
    "matcher_epsilon": ("most that a matcher may learn (epsilon)", _grows),
    "more_tables": ("other tables of the same rows", _is("ask")),
    "overlapping": ("tables of nearly the same rows", _is("ask")),
    "standing_jobs": ("jobs before a person is asked", _grows),
    "standing_until": ("last day without asking a person", _grows),
    "listed": ("shown in the coordinator's catalogue", _is(value=True)),
}
