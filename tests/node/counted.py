"""By how many rows tables differ, counted in the tests' process, where a node starts one that loads a data engine."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from mpcgov.errors import MpcgovError
from mpcgov.node import overlaps
from mpcgov.spec.difference import Question
from mpcgov.spec.load import parse_json
from mpcgov.worker import differing


def here(patch: pytest.MonkeyPatch) -> None:
    """From now on, by nodes in this process and in copies of it."""
    patch.setattr(overlaps, "subprocess", SimpleNamespace(run=_answered))


def _answered(command: list[str], *, input: bytes, **_: object) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
    assert command[-1] == differing.__name__
    try:
        found = differing.found(parse_json(input, Question, "question", 64 << 20))
        said = {"found": found.model_dump(mode="json")}
    except MpcgovError as error:
        said = {"error": error.to_json()}
    return subprocess.CompletedProcess(command, 0, json.dumps(said).encode())
