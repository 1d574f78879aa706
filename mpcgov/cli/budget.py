"""What jobs with noise may tell of a person in all, as an agency's people see and set it."""

from __future__ import annotations

from pathlib import Path

import click

from mpcgov.cli.options import Group, home_option, json_option
from mpcgov.cli.render import note, plain, print_json, print_table


@click.group("budget", cls=Group)
def budget() -> None:
    """What jobs with noise may tell of a person, in all."""


@budget.command("show")
@home_option
@json_option
def show_budget(home: Path, as_json: bool) -> None:
    """What may be told of a person from each data set, what has been, and what is left."""
    from mpcgov.cli.words import budget_notes
    from mpcgov.node import budget as budgets
    from mpcgov.rules.privacy import number

    found = budgets.show(home)
    if as_json:
        print_json(found.to_json())
        return
    rows = [(b.dataset, b.unit, b.measure, *map(number, (b.total, b.spent, b.left))) for b in found.balances]
    print_table(("data set", "unit", "measure", "total", "spent", "left"), rows)
    for line in budget_notes(found):
        click.echo(plain(line))


@budget.command("set")
@click.argument("dataset", metavar="DATASET")
@home_option
@click.option("--unit", default="person", show_default=True, help="Of what: the unit that jobs name under noise.")
@click.option("--epsilon", metavar="NUMBER", help="The most in all, for discrete-laplace noise.")
@click.option("--rho", metavar="NUMBER", help="The most in all, for discrete-gaussian noise.")
def set_budget(dataset: str, home: Path, unit: str, epsilon: str | None, rho: str | None) -> None:
    """Sets what all jobs together may tell of a person from one data set."""
    from mpcgov.node import budget as budgets

    budgets.set_total(home, dataset, unit, epsilon, rho)
    note(f"{dataset}: set for a {unit}; 'mpcgov node budget show' shows what is left")
