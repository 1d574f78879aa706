"""The coordinator's jobs: plan, propose, follow, receive."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from mpcgov.cli.options import Group, file_argument, home_option, json_option, out_options
from mpcgov.cli.render import (
    note,
    note_repeated,
    plain,
    print_json,
    print_result,
    print_sections,
    print_table,
    require_file,
    show_result,
    when,
)


@click.group(cls=Group)
def job() -> None:
    """Jobs that this coordinator proposes."""


@job.command("plan")
@file_argument("file", "JOB.yaml")
@home_option
def plan(file: Path, home: Path) -> None:
    """What would be opened to whom, what leaks, what it costs; proposes nothing."""
    from mpcgov.coordinator import service
    from mpcgov.coordinator.explain import explain_plan

    print_sections(explain_plan(asyncio.run(service.plan_job(home, file))))
    note(f"nothing was proposed; to propose it: mpcgov job submit {file} --home {home}")


@job.command("declarations")
@file_argument("file", "JOB.yaml")
@home_option
@click.option("--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="A folder to write to.")
def declarations(file: Path, home: Path, out: Path) -> None:
    """Writes what agencies declare of a job's columns."""
    from mpcgov.coordinator import service

    asyncio.run(service.save_declarations(home, file, out))
    note(f"to rehearse the job with made-up rows: mpcgov simulate {file} --dummy {out}")


@job.command("submit")
@file_argument("file", "JOB.yaml")
@home_option
@click.option("--wait", is_flag=True, help="Wait until the job has ended, then print its result.")
@json_option
def submit(file: Path, home: Path, wait: bool, as_json: bool) -> None:
    """Proposes a job to all its parties; prints the job's id last."""
    from mpcgov.coordinator import service

    stored = asyncio.run(service.submit_job(home, file))
    note(f"job {stored.id}: proposed to {', '.join(stored.proposal.parties)}")
    if wait:
        _finish(home, stored.id, as_json)
    elif as_json:
        print_json(asyncio.run(service.status_of(home, stored.id)).to_json())
    if not as_json:
        click.echo(stored.id)


@job.command("list")
@home_option
def list_jobs(home: Path) -> None:
    """The jobs proposed from this home, and how they stand."""
    from mpcgov.coordinator import service

    rows = []
    for listed in asyncio.run(service.list_jobs(home)):
        proposal, status = listed.job.proposal, listed.status
        state = status.state.value if status else "no node answers"
        rows.append(
            (listed.job.id, state, when(proposal.proposed_at), proposal.job.protocol_name, proposal.job.purpose)
        )
    print_table(("job", "state", "proposed", "protocol", "purpose"), rows)


@job.command("status")
@click.argument("job_id", metavar="ID")
@home_option
@json_option
def status(job_id: str, home: Path, as_json: bool) -> None:
    """How a job stands, and by whom it waits."""
    from mpcgov.coordinator import service

    found = asyncio.run(service.status_of(home, job_id))
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(plain(found.line()))


@job.command("cancel")
@click.argument("job_id", metavar="ID")
@home_option
def cancel(job_id: str, home: Path) -> None:
    """Ends a job at every party where it hasn't started."""
    from mpcgov.coordinator import service

    cancelled = asyncio.run(service.cancel_job(home, job_id))
    note(f"job {job_id}: cancelled at {', '.join(cancelled) or 'no party'}")


@job.command("result")
@click.argument("job_id", metavar="ID")
@home_option
@out_options
@json_option
def result(job_id: str, home: Path, out: Path | None, format_name: str | None, as_json: bool) -> None:
    """The result of a job, if the coordinator is a receiver."""
    from mpcgov.coordinator import service

    require_file(out, format_name)
    found = asyncio.run(service.result_of(home, job_id))
    show_result(found, as_json, out, format_name)
    note_repeated(job_id, found)


@job.command("bundle")
@click.argument("job_id", metavar="ID")
@home_option
@click.option("--out", required=True, metavar="FILE", type=click.Path(path_type=Path), help="A file to write to.")
def bundle(job_id: str, home: Path, out: Path) -> None:
    """All that a result rests on, in one file that anybody can check."""
    from mpcgov import files
    from mpcgov.coordinator import service

    files.replace(out, asyncio.run(service.bundle_of(home, job_id)).to_bytes())
    note(f"{out}: written; to check it, on any machine: mpcgov verify {out}")


@click.command("verify")
@file_argument("file", "BUNDLE")
@json_option
def verify(file: Path, as_json: bool) -> None:
    """Checks a bundle without asking anybody, and prints its result."""
    from mpcgov.evidence.verify import verify as verified

    found = verified(file)
    show_result(found.bundle.result, as_json, None, None)
    for line in found.lines:
        note(line)
    note(f"signed by all members of the list {found.roster_digest}: compare that with the list that you know")


def _finish(home: Path, job_id: str, as_json: bool) -> None:
    """Waits for the end of a job and shows its result; only how it stands if that goes to others alone."""
    from mpcgov.coordinator import service

    try:
        ended, found = asyncio.run(service.wait_for(home, job_id, lambda now: note(now.line())))
    except KeyboardInterrupt:
        note(f"job {job_id} goes on without us: mpcgov job status {job_id}, or mpcgov job cancel {job_id}")
        raise
    if found is not None:
        print_json(found) if as_json else print_result(found)
        note_repeated(job_id, found)
    elif as_json:
        print_json(ended.to_json())
