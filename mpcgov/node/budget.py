"""What an agency's people see and set of their budgets: what jobs with noise may tell of a unit, in all.

Pure epsilon and zCDP's rho are budgets of their own; a unit is protected by both together. What each matcher of tags
has learned, by a noised number of matches for each question, has one beside them, which the policy sets. Shown with
them is how many jobs the data have ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from mpcgov.clock import RealClock
from mpcgov.errors import Refused, SpecError
from mpcgov.node import home as homes
from mpcgov.node import ledger, questions, refusals, released_numbers
from mpcgov.node import matchers as matching
from mpcgov.node.audit import AuditLog
from mpcgov.node.facts import Balance, Line
from mpcgov.node.home import NodeHome
from mpcgov.node.lines import of_dataset
from mpcgov.node.store import Store
from mpcgov.node.tables import BUDGETS
from mpcgov.node.verdict import register_to_show
from mpcgov.rules.privacy import number
from mpcgov.spec.link import NumberText
from mpcgov.spec.load import Frozen, validate
from mpcgov.spec.noise import UnitName

DELTA = 1e-6
"""The delta at which everything together is said in epsilon."""

USUAL_UNIT = "person"
"""What is shown of a data set that no unit was named for yet."""


class Totals(Frozen):
    """What an agency sets: how much may be told of a unit in all; None leaves as it is what was set before."""

    unit: UnitName = USUAL_UNIT
    epsilon: NumberText | None = None
    rho: NumberText | None = None


@dataclass(frozen=True)
class Budgets:
    """The budgets of all data sets; for each data set and matcher what it has learned of a key, and may at most; the
    jobs that a person let through beside earlier ones that they overlap (data set, job, earlier jobs); and for each
    data set and column the most numbers without noise that are about one row; and for each data set how many jobs its
    data have ended, within a day and in all."""

    balances: tuple[Balance, ...]
    together: tuple[tuple[str, str, float], ...]
    matchers: tuple[tuple[str, str, str, str | None], ...]
    overlapping: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    numbers: tuple[tuple[str, str, int], ...] = ()
    refusals: tuple[tuple[str, int, int], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form that programs read; amounts as exact text."""
        balances = [
            {
                "dataset": one.dataset,
                "unit": one.unit,
                "measure": one.measure,
                "total": number(one.total),
                "spent": number(one.spent),
                "left": number(one.left),
            }
            for one in self.balances
        ]
        together = [{"dataset": d, "unit": u, "epsilon": e, "delta": DELTA} for d, u, e in self.together]
        matchers = [{"dataset": d, "matcher": m, "epsilon": e, "most": most} for d, m, e, most in self.matchers]
        overlapping = [{"dataset": d, "job": job, "beside": list(beside)} for d, job, beside in self.overlapping]
        numbers = [{"dataset": d, "column": c, "numbers": n} for d, c, n in self.numbers]
        refused = [{"dataset": d, "within_a_day": lately, "in_all": ever} for d, lately, ever in self.refusals]
        return {
            "budgets": balances, "together": together, "matchers": matchers, "overlapping": overlapping,
            "numbers": numbers, "refusals": refused,
        }  # fmt: skip


def show(home: Path) -> Budgets:
    """What may be told of each unit, what has been, and what is left."""
    with _opened(home) as (node, store, _), store.read() as tx:
        declared, limits, now = sorted(node.datasets().root), _limits(node), RealClock().now()
        balances, together, matchers, overlapping, numbers, refused = [], [], [], [], [], []
        for dataset in declared:
            lines, register = of_dataset(tx, dataset), register_to_show(node, dataset)
            balances += balances_of(tx, dataset, lines)
            for unit in _units(tx, dataset, lines):
                spends = [line.spend for line in lines if line.spend is not None and line.spend.unit == unit]
                together.append((dataset, unit, ledger.epsilon_at(spends, DELTA)))
            numbers += [(dataset, *one) for one in released_numbers.totals(lines, node.party, register).items()]
            learned = matching.said(matching.seen(tx, dataset))
            matchers += [(dataset, matcher, seen, limits.get(dataset)) for matcher, seen in learned.items()]
            overlapping += [(dataset, job, beside) for job, beside in questions.overlapping(tx, dataset)]
            refused.append((dataset, refusals.lately(tx, dataset, now), refusals.ever(tx, dataset)))
    return Budgets(
        tuple(balances), tuple(together), tuple(matchers), tuple(overlapping), tuple(numbers), tuple(refused)
    )


def balances_of(tx: sql.Connection, dataset: str, lines: Sequence[Line] | None = None) -> list[Balance]:
    """What is left of each budget of a data set; `lines`: of its ledger, if they are at hand."""
    found = of_dataset(tx, dataset) if lines is None else lines
    return [
        ledger.balance(tx, dataset, unit, measure, found)
        for unit in _units(tx, dataset, found)
        for measure in ledger.DEFAULT_TOTALS
    ]


def _units(tx: sql.Connection, dataset: str, lines: Sequence[Line]) -> list[str]:
    """The units that jobs have named, or the agency has set a total for; the usual one if there is none."""
    named = {line.spend.unit for line in lines if line.spend is not None}
    return sorted(named | ledger.units_set(tx, dataset)) or [USUAL_UNIT]


def set_total(home: Path, dataset: str, unit: str, epsilon: str | None, rho: str | None) -> None:
    """Sets what may be told of a unit in a data set in all; on record. What was told already stays told.

    Raises:
        SpecError: no such data set, or not an amount.
    """
    totals = validate({"unit": unit, "epsilon": epsilon, "rho": rho}, Totals, "budget")
    changes = {name: Fraction(value) for name, value in (("epsilon", totals.epsilon), ("rho", totals.rho)) if value}
    with _opened(home) as (node, _, audit):
        if dataset not in node.datasets().root:
            raise SpecError(f"there is no data set {dataset}", hint="datasets.yaml declares them", code="dataset")
        if not changes:
            raise SpecError("nothing to set", hint="give --epsilon, --rho, or both", code="budget")
        with audit.entry() as entry:
            for measure, total in changes.items():
                mine = (BUDGETS.c.dataset == dataset, BUDGETS.c.unit == unit, BUDGETS.c.measure == measure)
                entry.tx.execute(sql.delete(BUDGETS).where(*mine))
                row = {"dataset": dataset, "unit": unit, "measure": measure, "total": str(total)}
                entry.tx.execute(sql.insert(BUDGETS).values(row))
            entry.record("budget set", dataset=dataset, unit=unit, **{m: str(total) for m, total in changes.items()})


def _limits(node: NodeHome) -> dict[str, str]:
    """By data set, what the policy lets each matcher learn; none if there is no policy that can be read."""
    try:
        return {name: allowed.matcher_epsilon for name, allowed in node.policy()[0].datasets.items()}
    except Refused:
        return {}


@contextmanager
def _opened(home: Path) -> Iterator[tuple[NodeHome, Store, AuditLog]]:
    node = homes.load(home)
    store = Store(node.state_path, node.config.state)
    try:
        yield node, store, AuditLog(store, node.identity, node.state_path, RealClock())
    finally:
        store.close()
