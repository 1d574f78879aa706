"""The part of Python that programs are written in: functions over what they are given, and a few names to import.

Everything is listed: kinds of statements, names of Python's own functions, names to import, names after a dot. What
isn't listed is refused, by `mpcgov protocol check` and again by every node that loads a program. So a program that a
person has read does what it seems to: it can't reach the engine behind an array, a file, or what opens numbers. It is
no wall against somebody who finds a hole in Python; against that, the process that runs it is sandboxed
(`mpcgov/worker/confine.py`), and what it returns is held against the worker's own numbers (`mpcgov/worker/held.py`).
"""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

API = "mpcgov.protocol.api"


def _listed(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


STANDARD_LIBRARY: dict[str, frozenset[str]] = {
    "__future__": frozenset({"annotations"}),
    "collections.abc": frozenset({"Awaitable", "Callable", "Iterable", "Iterator", "Mapping", "Sequence"}),
    "fractions": frozenset({"Fraction"}),
    "functools": frozenset({"reduce"}),
    "itertools": frozenset({"chain", "combinations", "pairwise", "product"}),
    "math": frozenset({"ceil", "comb", "floor", "gcd", "isqrt", "prod"}),
    "typing": frozenset({"Any", "TypeAlias"}),
}
"""By module, the names that a program may import beside those of `mpcgov.protocol.api`."""

BUILTINS = _listed(
    "abs all any bool dict enumerate filter float frozenset int isinstance len list map max min pow range reversed",
    "round set sorted str sum tuple zip ValueError",
)

ATTRIBUTES = _listed(
    # of secret arrays
    "equals high low places reshape round_to shape size sum transpose with_places",
    # of linked rows and records
    "cell_sums overlaps regression tables",
    # of mappings, lists, sets and texts
    "add append copy count difference endswith extend get index insert intersection items join keys pop removeprefix",
    "removesuffix reverse setdefault sort split startswith union update values",
    # of fractions
    "denominator numerator",
)
"""The names that may stand after a dot, to be read: nothing that a program shares with the worker is changed by it.
`format` isn't among them: in a text it looks up attributes by name."""

NODES = _listed(
    "Module Expr Import ImportFrom alias FunctionDef AsyncFunctionDef arguments arg Return Assign AnnAssign AugAssign",
    "For If Pass Break Continue Raise Assert Lambda IfExp BoolOp BinOp UnaryOp Compare Call keyword Starred Await",
    "Attribute Subscript Slice Name Constant Tuple List Dict Set ListComp SetComp DictComp GeneratorExp comprehension",
    "JoinedStr FormattedValue NamedExpr",
)
"""Kinds of syntax. Not among them: classes and `match`, which reach attributes by name, `try`, `with`, `global`, and
generators' `yield`."""

_TOKENS = (ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)


@cache
def importable() -> dict[str, frozenset[str]]:
    """By module, the names that a program may import. Read from the module's text: nobody loads the engine for it."""
    tree = ast.parse(Path(__file__).with_name("api.py").read_text(encoding="utf-8"))
    (names,) = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    return STANDARD_LIBRARY | {API: frozenset(names)}


def faults(source: bytes, name: str) -> list[str]:
    """What a program mustn't, line by line, each with `name` and the line; empty if it may be run."""
    try:
        tree = ast.parse(source.decode("utf-8"))
        found = [f"{name}:{line}: {what}" for line, what in sorted(_each(tree), key=lambda fault: fault[0])]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [f"{name}: not Python in UTF-8"]
    if not _has_run(tree):
        found.append(f"{name}: defines no async def run(inputs, params)")
    return list(dict.fromkeys(found))


def _each(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        for what in _wrong(node):
            yield line, what


def _wrong(node: ast.AST) -> Iterator[str]:
    """What is wrong with one node by itself."""
    kind = type(node).__name__
    if kind not in NODES and not isinstance(node, _TOKENS):
        yield f"may not use {kind.lower()}"
    for name in _names(node):
        hidden = name.startswith("_") and name != "_" and not isinstance(node, ast.alias)
        pythons_own = isinstance(node, ast.Name) and hasattr(builtins, name)
        if hidden or (pythons_own and name not in BUILTINS):
            yield f"may not use {name}"
        elif isinstance(node, ast.Attribute) and name not in ATTRIBUTES:
            yield f"may not use .{name}"
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            yield f"may not change .{name}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        yield "may not use decorators"
    if isinstance(node, ast.Import):
        yield from (f"may not import {alias.name}: write from … import …" for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        module = f"{'.' * node.level}{node.module or ''}"
        allowed = frozenset() if node.level else importable().get(module)
        if not allowed:
            yield f"may not import {module}"
        else:
            yield from (f"may not import {module}.{alias.name}" for alias in node.names if alias.name not in allowed)
            yield from (f"may not use {alias.asname}" for alias in node.names if (alias.asname or "x").startswith("_"))


def _names(node: ast.AST) -> Iterator[str]:
    """The identifiers of a node."""
    for field in ("id", "attr", "arg", "name"):
        value = getattr(node, field, None)
        if isinstance(value, str):
            yield value


def _has_run(tree: ast.Module) -> bool:
    """One `async def run` of two parameters, and nothing else of that name."""
    named = [node for node in ast.walk(tree) if "run" in _names(node) and not isinstance(node, ast.Attribute)]
    made = [node for node in named if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load))]
    (only,) = made if len(made) == 1 else (None,)
    if not isinstance(only, ast.AsyncFunctionDef) or only not in tree.body:
        return False
    given = only.args
    return len(given.args) == 2 and not (given.posonlyargs or given.vararg or given.kwonlyargs or given.kwarg)


def own_builtins() -> dict[str, Any]:
    """What takes the place of Python's builtins where a program runs: those listed, and an import of what is listed."""
    return {name: getattr(builtins, name) for name in BUILTINS} | {"__import__": _imported}


def _imported(
    name: str,
    _globals: Mapping[str, object] | None = None,
    _locals: Mapping[str, object] | None = None,
    names: tuple[str, ...] = (),
    level: int = 0,
) -> SimpleNamespace:
    """What `from … import …` asks for: the listed names, and not the module that has them."""
    allowed = frozenset() if level else importable().get(name, frozenset())
    if not names or not allowed.issuperset(names):
        raise ImportError(f"a program may not import {name}")
    module = importlib.import_module(name)
    return SimpleNamespace(**{each: getattr(module, each) for each in names})
