"""Whether a protocol's folder keeps what it promises: its files, its program, and its reference against its vectors.

A program is held to `mpcgov.protocol.language`, as every node does that loads it. A reference is plain Python that runs
here, for the author: reading its imports is an aid for reviewers, and no fence.
"""

from __future__ import annotations

import ast
import itertools
import json
import runpy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mpcgov import disclosure, registry
from mpcgov.errors import SpecError
from mpcgov.linked import vectors
from mpcgov.protocol import language
from mpcgov.spec.impossible import holds
from mpcgov.spec.job import Disclosure
from mpcgov.spec.load import read_text
from mpcgov.spec.manifest import Manifest

FILES = ("manifest.yaml", "program.py", "reference.py", "README.md")
_PLAIN = ("collections", "collections.abc", "fractions", "itertools", "math", "numpy", "statistics", "typing")
_OURS = (
    "mpcgov.figures",
    "mpcgov.owngroups",
    "mpcgov.records.agreement",
    "mpcgov.records.fellegi_sunter",
    "mpcgov.records.preparation",
    "mpcgov.linked.classes",
    "mpcgov.t_test",
)
REFERENCE_IMPORTS = frozenset({"__future__", *_PLAIN, *_OURS})
FORBIDDEN_NAMES = frozenset({"__import__", "eval", "exec", "compile", "open", "globals", "vars", "getattr", "setattr"})
Reference = Callable[..., dict[str, list[int]]]
HEADINGS = ("Functionality", "Inputs", "What each party learns", "Security argument", "Disclosure", "Cost", "Limits")
"""What a README must say, each as `**Heading.**` at the head of a paragraph."""
EVERY_JOB_LEAKS = frozenset({"data-contract", "rows-changed"})
"""What everyone learns of any job, so that every manifest has it: its refusal or start depends on these."""
VECTOR_KEYS = {"what", "domains", "tables", "params", "expected", "disclosure", "released"}


def check(folder: Path) -> int:
    """The number of vectors, all of which the reference and the disclosure rules reproduce.

    Raises:
        SpecError: with everything that is missing or wrong.
    """
    faults = [f"{folder / name}: missing" for name in FILES if not (folder / name).is_file()]
    paths = sorted((folder / "vectors").glob("*.json"))
    if not paths:
        faults.append(f"{folder / 'vectors'}: no vectors")
    if faults:
        raise SpecError(faults, hint="see the other protocols for what belongs there", code="protocol")
    manifest = registry.read(folder).manifest
    faults += language.faults((folder / "program.py").read_bytes(), str(folder / "program.py"))
    faults += imports_faults(folder / "reference.py", REFERENCE_IMPORTS)
    faults += _leakage_faults(manifest, folder / "manifest.yaml") + _readme_faults(folder / "README.md")
    if faults:
        raise SpecError(faults, code="protocol")
    reference = load_reference(folder)["run"]
    for path in paths:
        faults += [f"{path}: {fault}" for fault in _vector_faults(reference, manifest, path)]
    if not faults:
        faults += _suppression_faults(paths, folder / "vectors")
    if faults:
        raise SpecError(faults, code="protocol")
    return len(paths)


def _leakage_faults(manifest: Manifest, path: Path) -> list[str]:
    missing = sorted(EVERY_JOB_LEAKS - {leak.id for leak in manifest.leakage if leak.to == "everyone"})
    hint = "every job leaks that to everyone; declare it as the other protocols do"
    return [f"{path}: leakage: {' and '.join(missing)} missing ({hint})"] if missing else []


def _readme_faults(path: Path) -> list[str]:
    text = f"\n{read_text(path)}"
    return [f"{path}: no paragraph **{heading}.**" for heading in HEADINGS if f"\n**{heading}.**" not in text]


def _suppression_faults(paths: Sequence[Path], place: Path) -> list[str]:
    """Vectors that release everything, or nothing, don't show what disclosure control does."""
    cells = [cell for path in paths for cell in _cells(json.loads(read_text(path))["released"])]
    hidden = [cell for cell in cells if cell in (None, disclosure.SENTINEL)]
    if not hidden:
        return [f"{place}: no vector has a suppressed cell; add one over fewer rows than min_count"]
    return [f"{place}: no vector releases a number; add one over min_count rows"] if len(hidden) == len(cells) else []


def _cells(tables: Mapping[str, Sequence[Any]]) -> list[Any]:
    """What stands in a vector's released tables: numbers, or lines whose texts name the cell."""
    lines = [line if isinstance(line, list) else [line] for table in tables.values() for line in table]
    return [value for line in lines for value in line if not isinstance(value, str)]


def imports_faults(path: Path, allowed: Iterable[str]) -> list[str]:
    """The lines of a file that import what they mustn't, or use names that get around imports.

    Raises:
        SpecError: it isn't Python.
    """
    try:
        tree = ast.parse(read_text(path))
    except (SyntaxError, ValueError, RecursionError):
        raise SpecError(f"{path}: not Python", code="protocol") from None
    faults = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            used = node.id if isinstance(node, ast.Name) else node.attr
            if used in FORBIDDEN_NAMES or (used.startswith("__") and used.endswith("__")):
                faults.append(f"{path}:{node.lineno}: may not use {used}")
        faults += [
            f"{path}:{getattr(node, 'lineno', 1)}: may not import {module}"
            for module, whole in _imported(node)
            if not {module, whole} & set(allowed)
        ]
    return faults


def _imported(node: ast.AST) -> list[tuple[str, str]]:
    """What a line imports: the module it names, and the same with the name that it takes, which may be a module too."""
    if isinstance(node, ast.Import):
        return [(alias.name, alias.name) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = f"{'.' * node.level}{node.module or ''}"
        return [(module, f"{module}.{alias.name}") for alias in node.names]
    return []


def load_reference(folder: Path) -> dict[str, Any]:
    """What a folder's `reference.py` defines, `run` among it.

    Raises:
        SpecError: it can't be run, or has no `run`.
    """
    path = folder / "reference.py"
    try:
        found = runpy.run_path(str(path), run_name="mpcgov_reference")
    except Exception as error:
        raise SpecError(f"{path}: fails when it is loaded ({type(error).__name__})", code="protocol") from None
    if not callable(found.get("run")):
        raise SpecError(f"{path}: defines no run()", code="protocol")
    return found


def _vector_faults(reference: Reference, manifest: Manifest, path: Path) -> list[str]:
    try:
        vector = json.loads(read_text(path))
    except ValueError:
        return ["not JSON"]
    counts = manifest.local == "counts"
    keys = VECTOR_KEYS if counts else vectors.KEYS
    if not isinstance(vector, dict) or set(vector) != keys:
        return [f"expected the keys {', '.join(sorted(keys))}"]
    return (_counts_faults if counts else _rows_faults)(reference, manifest, vector)


def _counts_faults(reference: Reference, manifest: Manifest, vector: Mapping[str, Any]) -> list[str]:
    if set(vector["expected"]) != set(manifest.tables) or set(vector["released"]) != set(manifest.tables):
        return [f"expected the tables {', '.join(manifest.tables)}"]
    try:
        found = reference(vectors.rows(vector), vector["domains"], vector["params"])
    except Exception as error:
        return [f"the reference fails ({type(error).__name__})"]
    if found != vector["expected"]:
        return ["the reference gives another result than expected"]
    try:
        released = _released(reference, manifest, vector, found)
    except Exception as error:
        return [f"its disclosure rules can't be applied ({type(error).__name__})"]
    return [] if released == vector["released"] else ["the disclosure rules release something else"]


def _released(
    reference: Reference, manifest: Manifest, vector: Mapping[str, Any], found: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    """What of a vector's counts may be opened to its receivers; each agency's own are the reference's of it alone."""
    settings = dict(vector["disclosure"])
    receivers = settings.pop("receivers", [])
    own = {
        party: reference({party: rows}, vector["domains"], vector["params"])
        for party, rows in vectors.rows(vector).items()
    }
    rules = Disclosure(**settings)
    return {
        name: disclosure.released(
            counts, rules, columns, {party: alone[name] for party, alone in own.items()}, receivers, nobody
        )[0]
        for name, counts in found.items()
        for columns, nobody in [_shape(vector, str(manifest.tables[name].by), rules)]
    }


def _shape(vector: Mapping[str, Any], param: str, rules: Disclosure) -> tuple[int, list[int]]:
    """How many cells a row of the table has, and the cells in which nobody can be."""
    by = vector["params"][param]
    values = [vector["domains"][column] for column in by]
    cells = [dict(zip(by, cell, strict=True)) for cell in itertools.product(*values)]
    nobody = [place for place, cell in enumerate(cells) if any(holds(one, cell) for one in rules.impossible)]
    return len(values[-1]), nobody


def _rows_faults(reference: Reference, manifest: Manifest, vector: Mapping[str, Any]) -> list[str]:
    if unknown := set(vector["released"]) - set(manifest.tables):
        return [f"released.{min(unknown)}: no table of the manifest, which has {', '.join(manifest.tables)}"]
    try:
        data: tuple[Any, Any] = (
            (vectors.owners(vector), vectors.domains(vector))
            if manifest.qualified
            else (vectors.rows(vector), vectors.common_domains(vector))
        )
        found: Any = reference(*data, vector["params"], vector["rules"])
    except Exception as error:
        return [f"the reference fails ({type(error).__name__})"]
    return vectors.differences(found, vector["released"])
