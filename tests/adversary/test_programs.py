"""Programs that want more than their tables: what they try, and how many suppressed cells they bring to light.

Each was approved by everybody, as if nobody had read it. Without `language.faults` in `worker/program.py`, those of
`REACHING` run. In `worker/work.py`, what is cleared are the worker's own numbers, and `hold` refuses others: were what
a program returns cleared instead, as it was, those of `ANSWERS` would release what the honest program suppresses.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mpcgov import registry
from mpcgov.errors import LocalError, MpcgovError, Refused, SpecError
from mpcgov.protocol import check as protocol_check
from mpcgov.protocol import language, trial
from mpcgov.trial.simulation import simulate
from mpcgov.worker import program
from tests.linked import agencies

HEAD = """
from collections.abc import Mapping
from typing import Any

from mpcgov.protocol.api import SecretArray, concatenate, if_else

async def run(inputs, params):
"""

OPEN_TO_ALL = """
from mpcgov.mpc.word.sharing import open_to_all

async def run(inputs, params):
    first, *others = inputs.values()
    total = sum(others, start=first)
    channel, prss = total._engine.operation()
    opened = await open_to_all(channel, await total._backing.words(), 1)
    return {"count": total * 0 + [int(cell) + 10 for cell in opened]}
"""

REACHING = {
    "the engine's opening": OPEN_TO_ALL,
    "a file through a type of ours": "from mpcgov.spec.load import Path\n" + HEAD + "    return Path('/etc/passwd')",
    "the api's own package": "from mpcgov.protocol import api\n" + HEAD + "    return api",
    "a name that isn't listed": "from mpcgov.protocol.api import LinkWire\n" + HEAD + "    return {}",
    "all names": "from mpcgov.protocol.api import *\n" + HEAD + "    return {}",
    "a module whole": "import mpcgov.protocol.api\n" + HEAD + "    return {}",
    "numpy, which reads files": "import numpy as np\n" + HEAD + "    return np.fromfile('/etc/passwd')",
    "a relative import": "from . import reference\n" + HEAD + "    return {}",
    "typing's eval": "from typing import get_type_hints\n" + HEAD + "    return {}",
    "a private attribute": HEAD + "    return {'count': inputs['p0']._backing}",
    "shares": HEAD + "    return {'count': await inputs['p0'].shares()}",
    "the worker's part of the rows": HEAD + "    return inputs.computed",
    "a dunder": HEAD + "    return inputs.__class__",
    "a name by text": HEAD + "    return '{0._backing}'.format(inputs['p0'])",
    "a function that maps names": HEAD + "    return '{0.x}'.format_map(inputs)",
    "a frame": HEAD + "    return (x for x in inputs).gi_frame.f_back",
    "an exception's frame": HEAD
    + "    try:\n        return 1 / 0\n    except ValueError as error:\n        return error",
    "a class": "class Mine:\n    pass\n" + HEAD + "    return {}",
    "a pattern, which looks up attributes": HEAD + "    match inputs:\n        case dict(x=y):\n            return y",
    "a decorator": HEAD.replace("async", "@property\nasync") + "    return {}",
    "a bound, which decides what is compared at all": HEAD + "    inputs['p0'].low = 10\n    return {}",
    "a bound as a loop's variable": HEAD + "    for inputs['p0'].high in [0]:\n        pass\n    return {}",
    "a bound in a comprehension": HEAD + "    [0 for inputs['p0'].low in [10]]\n    return {}",
    "a bound changed in place": HEAD + "    inputs['p0'].low += 10\n    return {}",
    "a bound with a type": HEAD + "    inputs['p0'].low: int = 10\n    return {}",
    "a bound among others": HEAD + "    [*inputs['p0'].low, x] = 1, 2\n    return {}",
    "the worker's own way to add up": HEAD + "    inputs.cell_sums = sum\n    return {}",
    "a global": HEAD + "    global kept\n    kept = inputs",
    "getattr": HEAD + "    return getattr(inputs, 'values')",
    "setattr": HEAD + "    setattr(inputs, 'x', 1)",
    "type": HEAD + "    return type(inputs)",
    "vars": HEAD + "    return vars(inputs)",
    "globals": HEAD + "    return globals()",
    "open": HEAD + "    return open('/etc/passwd')",
    "eval": HEAD + "    return eval('1')",
    "exec": HEAD + "    exec('1')",
    "an import by name": HEAD + "    return __import__('os')",
    "builtins by their name": HEAD + "    return __builtins__",
    "print, which is the node's log": HEAD + "    print(inputs)",
    "breakpoint": HEAD + "    breakpoint()",
    "no run": "x = 1",
    "a run that isn't async": "def run(inputs, params):\n    return {}",
    "another run beside it": HEAD + "    return {}\nrun = sum",
    "a run of other parameters": "async def run(*inputs):\n    return {}",
    "a run inside another function": "def f():\n    async def run(inputs, params):\n        return {}",
    "no Python": "async def run(inputs, params:",
    "another encoding": "# coding: utf-7\nasync def run(inputs, params):\n    return {}\n# \udcff",
    "very deep nesting": HEAD + "    return " + "(" * 5000 + ")" * 5000,
}

ANSWERS = {
    "10 added": '    return {"count": sum(inputs.values()) + 10}',
    "ten times": '    return {"count": sum(inputs.values()) * 10}',
    "in another order": '    first, *others = inputs.values()\n    return {"count": sum(others, start=first)[[1, 0]]}',
    "the small cell twice": '    return {"count": concatenate([c[1:] for c in (sum(inputs.values()),) * 2])}',
    "more cells": (
        "    first, *others = inputs.values()\n    total = sum(others, start=first)\n"
        '    return {"count": concatenate([total, total[:1]])}'
    ),
    "one agency's own": '    return {"count": inputs["p0"]}',
    "another table": (
        '    first, *others = inputs.values()\n    return {"count": sum(others, start=first), "more": first}'
    ),
    "in places": '    first, *others = inputs.values()\n    return {"count": [sum(others, start=first), first]}',
    "chosen by a secret": (
        "    first, *others = inputs.values()\n    total = sum(others, start=first)\n"
        '    return {"count": if_else(total >= 5, total, total + 20)}'
    ),
    "no numbers": '    return {"count": [7, 7]}',
    "nothing": "    return None",
    "written into what it was given": (
        "    first, *others = inputs.values()\n    inputs['p0'] = first + 10\n"
        '    return {"count": sum(inputs.values())}'
    ),
}


def folder_of(protocol: str, source: str, place: Path) -> Path:
    """A copy of a protocol with another program."""
    folder = place / protocol
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(registry.find(protocol).folder, folder, ignore=ignored)
    (folder / "program.py").write_bytes(source.encode("utf-8", "surrogateescape"))
    return folder


@pytest.mark.parametrize("name", REACHING)
def test_a_program_that_reaches_further_is_refused_by_the_check_and_by_every_node(name: str, tmp_path: Path) -> None:
    folder = folder_of("joint-count", REACHING[name], tmp_path)
    with pytest.raises(SpecError) as checked:
        protocol_check.check(folder)
    with pytest.raises(Refused, match=r"joint-count/program.py") as loaded:
        program.load(folder, registry.digest(registry.read_folder(folder)))
    assert str(folder) in checked.value.message
    assert "/etc/passwd" not in loaded.value.message


@pytest.mark.parametrize("encoding", ["utf-7", "utf_7", "unicode_escape", "latin-1"])
def test_what_runs_is_what_was_checked_whatever_encoding_the_first_line_names(encoding: str, tmp_path: Path) -> None:
    """In UTF-7 `+AAo-` ends a line, so that what looks like a comment would run."""
    hidden = "# +AAo-reached +AD0- 1\n# \\nreached = 1\n"
    folder = folder_of("joint-count", f"# coding: {encoding}\n{HEAD}    return {{}}\n{hidden}", tmp_path)
    loaded = program.load(folder, registry.digest(registry.read_folder(folder)))
    assert not hasattr(loaded, "reached")


def jobs_table(workspace, monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[list[object]]:
    """What a job releases over 15 rows in one cell and 3 in the other."""
    monkeypatch.setattr(registry, "folders", lambda: [folder.parent])
    workspace.domains = {"sex": ["F", "M"]}
    for i in range(3):
        workspace.agency(f"p{i}", [{"sex": "F", "age": "4"}] * 5 + [{"sex": "M", "age": "4"}])
    rows: list[list[object]] = simulate(workspace.job(["sex"]), workspace.folder)["tables"]["count"]["rows"]
    return rows


@pytest.mark.by_day(2)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_program_that_returns_other_numbers_brings_no_suppressed_cell_to_light(
    name: str, workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = folder_of("joint-count", HEAD + ANSWERS[name], tmp_path / "protocols")
    with pytest.raises(MpcgovError) as caught:
        jobs_table(workspace, monkeypatch, folder)
    assert caught.value.exit_status in (2, 3)
    assert "program" in caught.value.message


def test_a_program_that_returns_other_numbers_is_refused_by_the_check_too(tmp_path: Path) -> None:
    """Its files are in order: only real workers find it."""
    folder = folder_of("joint-count", HEAD + ANSWERS["10 added"], tmp_path)
    protocol_check.check(folder)
    with pytest.raises(SpecError, match="count isn't what the job's parties have together"):
        trial.run(folder, every=False)


def test_a_program_that_adds_up_in_its_own_way_is_as_good_as_ours(
    workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is compared is the numbers, not how a program comes to them."""
    body = HEAD + "    total = 0\n    for counts in reversed(list(inputs.values())):\n        total = counts + total\n"
    folder = folder_of("joint-count", body + '    return {"count": total - 3 + 3}', tmp_path / "protocols")
    assert jobs_table(workspace, monkeypatch, folder) == [["F", 15], ["M", None]]


LINKED = {
    "10 added": "    found = await rows.cell_sums()\n    found['count.count'] = [found['count.count'][0] + 10]",
    "written into it": "    found = await rows.cell_sums()\n    found['count.count'][0] = found['count.count'][0] * 2",
    "a constant": "    found = await rows.cell_sums()\n    found['count.count'] = [found['count.count'][0] * 0 + 10]",
    "more": "    found = await rows.cell_sums()\n    found['more'] = found['count.count']",
    "of another time": "    found = await rows.cell_sums()\n    await rows.cell_sums()",
}


@pytest.mark.by_day(2)
@pytest.mark.parametrize("name", LINKED)
def test_of_linked_rows_only_what_they_computed_goes_on(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = f"async def run(rows, params):\n{LINKED[name]}\n    return found\n"
    folder = folder_of("linked-count", source, tmp_path / "protocols")
    vector = json.loads((folder / "vectors" / "inner.json").read_text(encoding="utf-8"))
    job = agencies.write(tmp_path, "linked-count", vector)
    monkeypatch.setattr(registry, "folders", lambda: [folder.parent])
    with pytest.raises(MpcgovError, match="the protocol's program") as caught:
        simulate(job, tmp_path / "agencies")
    assert isinstance(caught.value, LocalError if name == "more" else Refused)


def test_every_protocol_here_keeps_to_the_language() -> None:
    for name in registry.names():
        source = (registry.find(name).folder / "program.py").read_bytes()
        assert language.faults(source, name) == []


def test_what_a_program_may_import_is_what_the_module_for_authors_offers() -> None:
    from mpcgov.protocol import api

    assert language.importable()[language.API] == set(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)
    for name in ("shares", "deal", "same_shares", "computed", "format", "gi_frame", "f_globals"):
        assert name not in language.ATTRIBUTES


def test_what_runs_has_no_builtins_but_the_listed_ones(tmp_path: Path) -> None:
    """The second line behind the check of the text."""
    made = language.own_builtins()
    assert set(made) == language.BUILTINS | {"__import__"}
    with pytest.raises(ImportError):
        exec("import os", {"__builtins__": made})
    with pytest.raises(ImportError):
        exec("from mpcgov.mpc.word.sharing import open_to_all", {"__builtins__": made})
    space: dict[str, object] = {"__builtins__": made}
    exec("from math import prod", space)
    assert space["prod"]([2, 3]) == 6


def test_a_loaded_program_has_these_builtins_and_is_the_version_that_was_approved() -> None:
    protocol = registry.find("joint-count")
    loaded = program.load(protocol.folder, protocol.digest)
    assert set(vars(loaded)["__builtins__"]) == language.BUILTINS | {"__import__"}
    with pytest.raises(Refused, match="the job pins") as caught:
        program.load(protocol.folder, "sha256:" + "0" * 64)
    assert caught.value.code == "protocol-digest"
