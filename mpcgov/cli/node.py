"""One agency's node: its identity, its daemon, its data, and what its people say yes to."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpcgov.cli.budget import budget
from mpcgov.cli.duplicates import duplicates
from mpcgov.cli.imports import unswept
from mpcgov.cli.options import Group, home_option, json_option, out_options
from mpcgov.cli.people import console, people
from mpcgov.cli.policy import policy
from mpcgov.cli.render import (
    note,
    note_repeated,
    plain,
    print_json,
    print_sections,
    print_table,
    require_file,
    show_result,
)
from mpcgov.errors import LocalError

if TYPE_CHECKING:
    from mpcgov.cli.dataset import Judgement


@click.group(cls=Group)
def node() -> None:
    """One agency's party node."""


@node.command("init")
@home_option
@click.option("--party", required=True, help="The agency's name: lower-case letters, digits, hyphens.")
@click.option("--address", required=True, metavar="HOST:PORT", help="Where the other nodes reach this one.")
def init(home: Path, party: str, address: str) -> None:
    """New keys, node.yaml, datasets.yaml, and a policy.yaml that allows nothing."""
    from mpcgov.node import home as homes

    homes.init(home, party, address)
    note(f"{home}: keys made for {party}; next: write datasets.yaml and policy.yaml, and send out 'mpcgov card'")


@node.command("serve")
@home_option
def serve(home: Path) -> None:
    """The party node, in the foreground; logs to stderr; stops on SIGTERM."""
    from mpcgov.node import template

    template.prepare()  # they load while this process does
    with unswept():
        from mpcgov.node import daemon

    daemon.serve(home)


@node.command("rotate")
@home_option
def rotate(home: Path) -> None:
    """Makes new keys; their card, to stdout, goes into the next roster."""
    from mpcgov.node import rotation

    click.echo(rotation.rotate(home).to_bytes().decode())
    note(f"{home}: new keys wait; send this card to the coordinator, then sign and join the roster made with it")


@click.group("dataset", cls=Group)
def dataset() -> None:
    """What this agency declares of its data."""


node.add_command(dataset)


@dataset.command("list")
@home_option
def list_datasets(home: Path) -> None:
    """The declared data sets, and which columns the policy lets be used."""
    from mpcgov.cli.words import describe_datasets
    from mpcgov.errors import Refused
    from mpcgov.node import home as homes

    loaded, policy = homes.load(home), None
    try:
        policy = loaded.policy()[0]
    except Refused as error:
        note(error.line())
    print_sections(describe_datasets(loaded.datasets(), policy))


@dataset.command("check")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--html", metavar="FILE", type=click.Path(path_type=Path), help="Write a page with plots as well.")
@click.option(
    "--show-rows", metavar="N", type=click.IntRange(0, 1000), default=0,
    help="Show what stands in the first N rows that aren't as declared; on a terminal only.",
)  # fmt: skip
@click.option("--keep", is_flag=True, help="Keep the edition's figures, for the next one to be compared with.")
@home_option
def check_dataset(name: str | None, html: Path | None, show_rows: int, keep: bool, home: Path) -> None:
    """Checks the data against its declaration, by counts."""
    from mpcgov.cli.dataset import HEADS, judge, rows_of_a_person
    from mpcgov.node import home as homes

    if show_rows and not sys.stdout.isatty():
        raise LocalError("--show-rows shows values: it works on a terminal only", hint="take it out", code="terminal")
    judgement = judge(homes.load(home).datasets_path, name, show_rows)
    print_table(HEADS, judgement.rows)
    _tell(judgement, [*rows_of_a_person(homes.load(home), judgement)])
    if html:
        _write_page(html, judgement)
    if keep:
        note(f"kept: {', '.join(map(str, judgement.keep(home)))}")
    judgement.require_faultless()
    note("all data are as declared" if judgement.rows else "datasets.yaml declares no data yet")


def _tell(judgement: Judgement, of_persons: list[str]) -> None:
    if judgement.shown:
        print_table(("data set", "row", "column", "value"), judgement.shown)
    for text in (*judgement.proposals, *of_persons, *(f"warning: {line}" for line in judgement.warnings)):
        note(text)
    for text in judgement.faults if len(judgement.faults) > 1 else ():
        note(f"fault: {text}")


def _write_page(path: Path, judgement: Judgement) -> None:
    from mpcgov.files import replace
    from mpcgov.publish.quality import page

    replace(path, page(judgement.reports), 0o600)
    note(f"{path}: written")


dataset.add_command(duplicates)


@dataset.command("profile")
@click.argument("file", metavar="FILE")
def profile_file(file: str) -> None:
    """Writes a first declaration of a data file, to stdout."""
    from mpcgov.cli.dataset import profile

    click.echo(profile(file), nl=False)


@dataset.command("export")
@click.argument("name", metavar="NAME")
@click.option(
    "--format", "standard", type=click.Choice(["table-schema", "odcs"]), default="table-schema", show_default=True
)
@home_option
def export_dataset(name: str, standard: str, home: Path) -> None:
    """A declaration for other tools, without its source."""
    from mpcgov.exchange import odcs, table_schema
    from mpcgov.node import home as homes

    declared = homes.load(home).datasets().root
    if name not in declared:
        raise LocalError(f"no data set {name}", hint=f"datasets.yaml declares {', '.join(declared) or 'none'}")
    written = odcs.written if standard == "odcs" else table_schema.written
    print_json(written(name, declared[name].declaration))


@dataset.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
def import_dataset(file: Path) -> None:
    """Writes declarations from a Table Schema or ODCS file, to stdout."""
    from mpcgov.exchange.files import imported

    click.echo(imported(file), nl=False)


@node.command("jobs")
@home_option
def jobs(home: Path) -> None:
    """What waits for this agency, and what each job would reveal to whom."""
    from mpcgov.cli.words import describe_job
    from mpcgov.node import operator

    views = operator.jobs(home)
    print_sections([section for view in views for section in describe_job(view)])
    if not any(view.state == "AWAITING_APPROVAL" for view in views):
        note("nothing waits for this agency")


@node.command("approve")
@click.argument("job_id", metavar="JOB")
@home_option
def approve(job_id: str, home: Path) -> None:
    """Says yes to a job; taken up by the running daemon at once."""
    from mpcgov.node import operator

    view = operator.approve(home, job_id)
    waits = view.state == "AWAITING_APPROVAL"
    note(f"job {job_id}: {view.consent}" if waits else f"job {job_id}: approved; {view.state}")


@node.command("reject")
@click.argument("job_id", metavar="JOB")
@home_option
@click.option("--reason", default="", metavar="TEXT", help="Told to the coordinator and the other parties.")
def reject(job_id: str, home: Path, reason: str) -> None:
    """Says no to a job, which ends it for all."""
    from mpcgov.node import operator

    view = operator.reject(home, job_id, reason)
    note(f"job {job_id}: {view.consent or f'rejected; {view.state}'}")


node.add_command(people)
node.add_command(policy)
node.add_command(console)


@node.command("result")
@click.argument("job_id", metavar="JOB")
@home_option
@out_options
@json_option
def result(job_id: str, home: Path, out: Path | None, format_name: str | None, as_json: bool) -> None:
    """The result of a job, if this party is a receiver."""
    from mpcgov.node import result as results

    require_file(out, format_name)
    found = asyncio.run(results.result_of(home, job_id))
    show_result(found, as_json, out, format_name)
    note_repeated(job_id, found)


node.add_command(budget)


@click.group("audit", cls=Group)
def audit() -> None:
    """The log of everything this node decided and did."""


node.add_command(audit)


@audit.command("show")
@home_option
def show(home: Path) -> None:
    """The records, one JSON line each, oldest first."""
    from mpcgov.node import operator
    from mpcgov.spec.load import canonical_json

    for record in operator.audit_records(home):
        click.echo(plain(canonical_json(record).decode()))


@audit.command("verify")
@home_option
def verify(home: Path) -> None:
    """Whether the log is complete and unchanged."""
    from mpcgov.node import operator

    click.echo(f"{operator.audit_verify(home)} records, complete and unchanged")


@node.command("doctor")
@home_option
def doctor(home: Path) -> None:
    """Looks at configuration, keys, clock, peers and protocol versions."""
    from mpcgov.node import operator

    findings = operator.doctor(home)
    print_table(("check", "", "finding"), [(f.name, "ok" if f.ok else "FAULT", f.text) for f in findings])
    bad = [finding.name for finding in findings if not finding.ok]
    if bad:
        raise LocalError(f"not in order: {', '.join(bad)}", hint="see the findings above", code="doctor")
