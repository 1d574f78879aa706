"""Speed, measured on this machine."""

from __future__ import annotations

import click

from mpcgov.cli.options import json_option
from mpcgov.cli.render import note, print_json, print_sections, print_table


@click.command("bench")
@click.argument("workloads", nargs=-1, metavar="[W1 …]")
@click.option("--peers", is_flag=True, help="Also other MPC programs, in turns, where scripts/bench-peers put them.")
@click.option("--size", type=click.IntRange(min=1), help="So many rows, values or cells instead of the usual number.")
@click.option("--link", "link_text", metavar="RTT,RATE", help="Parties that far apart, such as 20ms,1gbit.")
@json_option
def bench(workloads: tuple[str, ...], peers: bool, size: int | None, link_text: str | None, as_json: bool) -> None:
    """How long workloads take on this machine, medians of 5; of the longest one run.

    With --link, a relay between every two parties delays and limits what they send: RTT there and back, RATE each way.
    """
    from mpcgov.bench import report
    from mpcgov.bench.link import Link

    link = None if link_text is None else Link.read(link_text)
    results = report.measure(workloads, peers, note, size, link)
    failure = next((result.error for result in results if result.error), None)
    if as_json:  # each failure is in its row
        print_json(report.rows(results, link))
        click.get_current_context().exit(failure.exit_status if failure else 0)
    if link is None:
        print_table(report.HEADS, report.table(results))
    else:
        print_table(report.LINK_HEADS, report.link_table(results, link))
    for line in report.throughput(results):
        click.echo(f"\n{line}")
    click.echo("\nWhat privacy rests on")
    print_sections(report.trust(results))
    if failure:
        raise failure
