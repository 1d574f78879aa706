"""For testers: the same code as between agencies, on one machine."""

from __future__ import annotations

from pathlib import Path

import click

from mpcgov.cli.options import file_argument, json_option
from mpcgov.cli.render import note, print_json, print_result, print_sections, tell


@click.command("simulate")
@file_argument("job", "JOB")
@click.option(
    "--agencies", required=True, metavar="DIR", type=click.Path(path_type=Path),
    help="A folder with <party>/datasets.yaml for every party that brings data.",
)  # fmt: skip
@click.option("--threshold", type=int, default=1, show_default=True, help="How many parties together learn nothing.")
@click.option(
    "--truth", metavar="FILE", type=click.Path(path_type=Path),
    help="A CSV of the pairs of records that belong together, by the columns of identify: shows how many were found.",
)  # fmt: skip
@click.option(
    "--protocols", metavar="DIR", type=click.Path(path_type=Path),
    help="A folder of protocols of your own, looked in first.",
)  # fmt: skip
@json_option
def simulate(
    job: Path, agencies: Path, threshold: int, truth: Path | None, protocols: Path | None, as_json: bool
) -> None:
    """Real workers, no daemons, no policy; prints what the receivers get."""
    from mpcgov.simulate import simulate as run

    def tell_note(party: str, text: str) -> None:
        note(f"{party}: {text}")

    result = run(job, agencies, threshold, truth_path=truth, on_note=tell_note, protocols=protocols)
    print_json(result) if as_json else print_result(result)


@click.command("demo")
@json_option
def demo(as_json: bool) -> None:
    """Three agencies' nodes, a coordinator and the main job, on this machine."""
    from mpcgov.demo import run

    main, linked = run((lambda line: None) if as_json else tell)
    if as_json:
        print_json(main.result | {"linked": linked.result})
        return
    for shown in (main, linked):
        click.echo(f"{shown.title}\n")
        print_result(shown.result)
        click.echo("\nWho saw and learned what")
        print_sections(shown.learned)
        click.echo("")
