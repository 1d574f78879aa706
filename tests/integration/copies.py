"""Nodes as copies of the tests' process: each is a process of its own, and nothing is loaded once more for it."""

from __future__ import annotations

import warnings
from pathlib import Path

from mpcgov.node import template
from mpcgov.trial.copied import Copy


def started(home: Path, log: Path) -> Copy:
    """The node in this home; its children are forked from the templates of the tests' process."""
    template.prepare()
    with warnings.catch_warnings():
        warnings.resetwarnings()  # a copy has them as they are now, and pytest makes them errors
        copy = Copy()
    copy.serve(home, log)
    return copy
