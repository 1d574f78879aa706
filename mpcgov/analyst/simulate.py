"""Rehearse a job on data frames: all parties on this machine, with real shares, as `mpcgov simulate` does it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mpcgov.analyst.frames import Declarations, Frames, agencies
from mpcgov.analyst.result import Result
from mpcgov.node import template
from mpcgov.spec.job import Job
from mpcgov.spec.load import load_yaml, validate
from mpcgov.trial import simulation


def simulate(
    job: Mapping[str, Any] | str | Path,
    data: Frames | str | Path,
    declarations: Declarations | None = None,
    *,
    threshold: int = 1,
    truth: str | Path | None = None,
    protocols: str | Path | None = None,
) -> Result:
    """What the receivers of a job would get, were these the agencies' rows.

    Works in scripts and in notebooks. Rows stay on this machine: frames are written to a folder of this user's, which
    is removed afterwards.

    Args:
        job: as a job file says it, or its path.
        data: by party and data set, data frames of pandas or Polars or Arrow tables; or a folder with
            `<party>/datasets.yaml`, as for `mpcgov simulate --agencies`.
        declarations: by party and data set, what `datasets.yaml` would say, but for `source`; what isn't declared is
            guessed from the rows, as `mpcgov node dataset profile` does it, and each key that a job links by is taken
            to be unique if it is.
        threshold: t; any t parties together learn nothing.
        truth: a CSV of the pairs that belong together, which gives the result a `quality`.
        protocols: a folder of protocols to look in before those of this machine.

    Raises:
        mpcgov.errors.SpecError: the job, a declaration or a frame is wrong.
        mpcgov.errors.DataError: rows aren't what is declared.
    """
    template.prepare()  # they load while the frames are written
    said = load_yaml(Path(job), Job) if isinstance(job, str | Path) else validate(dict(job), Job, "job")
    own = None if protocols is None else Path(protocols)
    with contextlib.ExitStack() as stack:
        folder = (
            Path(data) if isinstance(data, str | Path) else stack.enter_context(agencies(said, data, declarations, own))
        )
        known = None if truth is None else Path(truth)
        # A notebook runs an event loop in this thread already.
        with ThreadPoolExecutor(1, "mpcgov-simulate") as thread:
            work = thread.submit(simulation.simulate, said, folder, threshold, truth_path=known, protocols=own)
            return Result(work.result())
