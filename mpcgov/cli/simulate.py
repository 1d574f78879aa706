"""For testers: the same code as between agencies, on one machine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mpcgov.cli.imports import unswept
from mpcgov.cli.options import file_argument, json_option, out_options, require_readable
from mpcgov.cli.render import note, print_json, print_result, print_sections, require_file, show_result, tell
from mpcgov.errors import MpcgovError, SpecError

if TYPE_CHECKING:
    from mpcgov.spec.order import Step


@click.command("simulate")
@file_argument("job", "JOB")
@click.option(
    "--agencies", metavar="DIR", type=click.Path(path_type=Path),
    help="A folder with <party>/datasets.yaml for every party that brings data.",
)  # fmt: skip
@click.option(
    "--dummy", metavar="DIR", type=click.Path(path_type=Path),
    help="Such a folder in place of --agencies; rows are made up from what it declares, and none are read.",
)  # fmt: skip
@click.option(
    "--rows",
    type=click.IntRange(10, 1_000_000),
    default=2000,
    show_default=True,
    help="With --dummy: of each data set.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="With --dummy: the same gives the same rows.")
@click.option("--threshold", type=int, default=1, show_default=True, help="How many parties together learn nothing.")
@click.option(
    "--truth", metavar="FILE", type=click.Path(path_type=Path),
    help="A CSV of the pairs of records that belong together, by the columns of identify: shows how many were found.",
)  # fmt: skip
@click.option(
    "--truth-steps", is_flag=True, help="With --truth: also at other min_probability or threshold, run one by one."
)
@click.option(
    "--truth-plot", metavar="FILE.svg", type=click.Path(path_type=Path),
    help="With --truth: draws precision and recall at these steps.",
)  # fmt: skip
@click.option(
    "--protocols", metavar="DIR", type=click.Path(path_type=Path),
    help="A folder of protocols of your own, looked in first.",
)  # fmt: skip
@click.option(
    "--profile", metavar="FILE", type=click.Path(path_type=Path),
    help="Write where the time went, as a page (FILE.html) or a table (FILE.txt).",
)  # fmt: skip
@out_options
@json_option
def simulate(
    job: Path, threshold: int, truth: Path | None, protocols: Path | None, as_json: bool, out: Path | None,
    format_name: str | None, **rows: Any,
) -> None:  # fmt: skip
    """Real workers, no daemons, no policy; prints what the receivers get."""
    require_readable(job)
    with unswept():
        from mpcgov.trial import bare

        bare.prepare()  # they load while this process does
        from mpcgov.dummy.folder import Made
        from mpcgov.rules.protections import NO_DOMINANCE, NO_PRECISION
        from mpcgov.trial import simulation
        from mpcgov.trial.profiled import profiled

    def tell_note(party: str, text: str) -> None:
        note(f"{party}: {text}")

    require_file(out, format_name)
    steps, plot, profile = rows.pop("truth_steps"), rows.pop("truth_plot"), rows.pop("profile")
    _require_profile(profile)
    _require_truth(truth, steps, plot)
    try:
        made = None if rows["dummy"] is None else Made(rows["rows"], rows["seed"])
        folder = _folder(**rows)
        options: dict[str, Any] = {"truth_path": truth, "on_note": tell_note, "protocols": protocols, "dummy": made}
        with profiled() as taken:
            result = simulation.simulate(job, folder, threshold, **options)
        _write_profile(profile, taken, job.name)
        if steps or plot is not None:
            run = partial(simulation.simulate, agencies=folder, threshold=threshold, **options | {"on_note": _silent})
            _add_steps(result, job, run, plot)
    except SpecError:
        if rows["agencies"] is not None:
            _tell_of_data(job, rows["agencies"])
        raise
    show_result(result, as_json, out, format_name, protocols)
    for caveat in (NO_DOMINANCE, *([] if "quality" in result else [NO_PRECISION])):
        if caveat in result["protection"]["caveats"]:
            note(f"note: {caveat}")
    if rows["dummy"] is not None:
        note(f"made-up rows (seed {rows['seed']}): only the form of these tables says anything")


def _require_profile(path: Path | None) -> None:
    if path is not None and path.suffix not in (".html", ".txt"):
        raise click.UsageError("--profile: a page is written as FILE.html, a table as FILE.txt")


def _write_profile(path: Path | None, taken: list[tuple[str, Step]], name: str) -> None:
    from mpcgov.files import replace
    from mpcgov.publish import profile

    if path is not None:
        title = f"Where the time of {name} went"
        replace(path, profile.page(taken, title) if path.suffix == ".html" else profile.text(taken).encode())
        for line in profile.summary(taken):
            note(line)
        note(f"{path}: written")


def _silent(_party: str, _text: str) -> None:
    """Notes of rows are said once, by the job itself."""


def _require_truth(truth: Path | None, steps: bool, plot: Path | None) -> None:
    if truth is None and (steps or plot is not None):
        raise click.UsageError("--truth-steps and --truth-plot need --truth FILE")
    if plot is not None and plot.suffix != ".svg":
        raise click.UsageError("--truth-plot: a picture is written as FILE.svg")


def _add_steps(result: dict[str, Any], path: Path, run: Callable[[Any], Any], plot: Path | None) -> None:
    """The quality at other steps than the job's, in its result, and drawn if there is a file for it."""
    from mpcgov.files import replace
    from mpcgov.publish import curve
    from mpcgov.spec.job import Job
    from mpcgov.spec.load import load_yaml
    from mpcgov.trial import steps

    job = load_yaml(path, Job)
    param, own, _ = steps.of(job)
    found = steps.measured(job, run)
    result["quality"]["steps"] = found
    if plot is not None:
        replace(plot, curve.drawn(param, found, own), 0o644)
        note(f"{plot}: written")


def _folder(agencies: Path | None, dummy: Path | None, **_: int) -> Path:
    one = agencies if dummy is None else dummy
    if one is None or (agencies is not None and dummy is not None):
        raise click.UsageError("give either --agencies or --dummy")
    return one


def _tell_of_data(job: Path, agencies: Path) -> None:
    """What else is to be known of the data of a job that is refused before they are looked at: all at once."""
    from mpcgov.cli.dataset import judge
    from mpcgov.spec.job import Job
    from mpcgov.spec.load import load_yaml

    with suppress(MpcgovError):
        parts = load_yaml(job, Job).parties
        for party, part in parts.items():
            with suppress(MpcgovError):
                found = judge(agencies / party / "datasets.yaml", part.dataset) if part.dataset else None
                proposals = found.proposals if found and part.key else ()  # which only links by key need
                for line in (*found.faults, *found.warnings, *proposals) if found else ():
                    note(f"{party}: {line}")


@click.command("demo")
@json_option
def demo(as_json: bool) -> None:
    """Three agencies' nodes, a coordinator and the main job, on this machine."""
    with unswept():
        from mpcgov.trial import bare

        bare.prepare()  # they load while this process does
        from mpcgov.trial.demo import run

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
