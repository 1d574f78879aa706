"""The size of things, words that a security reviewer stops at, and documentation that can't rot."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted([*ROOT.glob("mpcgov/**/*.py"), *ROOT.glob("protocols/**/*.py")])
NAMES = {"utils", "util", "helpers", "common", "misc", "manager"}


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Of a module's syntax, all; each module is parsed once for all that is asked of it."""
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """A million objects are none that other tests' searches for garbage should go through."""
    yield
    nodes.cache_clear()


def functions(path: Path) -> list[tuple[str, int, ast.FunctionDef | ast.AsyncFunctionDef]]:
    found = []
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            found.append((node.name, (node.end_lineno or 0) - (start or 0), node))
    return found


def test_modules_and_functions_stay_small() -> None:
    assert [path for path in MODULES if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []
    assert [(path, name) for path in MODULES for name, lines, _ in functions(path) if lines > 40] == []
    assert [path for path in MODULES if path.stem in NAMES] == []


def test_words_that_a_security_reviewer_stops_at_stand_only_where_they_are_explained() -> None:
    pattern = re.compile(
        r"\bpickle\b|\beval\(|\bexec\(|shell=True|yaml\.load\(|numpy\.random|np\.random|\brandom\.(random|choice)|verify=False"
    )
    allowed = {
        ("mpcgov/worker/program.py", "exec("),  # loads the program whose digest everybody approved
    }
    found = {
        (str(path.relative_to(ROOT)), match.group())
        for path in MODULES
        for line in path.read_text(encoding="utf-8").splitlines()
        if (match := pattern.search(line.partition("#")[0])) and not _in_prose(path, line)
    }
    assert {place for place in found if not place[0].startswith("mpcgov/mpc/")} - allowed == set()
    # In the engine the word names what is replaced; what matters there is that nothing imports it.
    for path in MODULES:
        imports = [n for n in nodes(path) if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {a.name for n in imports for a in n.names} | {getattr(n, "module", None) for n in imports}
        assert not names & {"pickle", "marshal", "shelve", "random", "dill", "cloudpickle"}, path


def test_the_type_checker_is_told_to_look_away_nowhere() -> None:
    word = "type:" + " ignore"
    files = [*MODULES, *ROOT.glob("tests/**/*.py")]
    assert [path for path in files if word in path.read_text(encoding="utf-8")] == []


def _in_prose(path: Path, line: str) -> bool:
    """Whether a line is part of a docstring rather than code."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    documented = [node for node in nodes(path) if isinstance(node, kinds)]
    return any(line.strip() in (ast.get_docstring(node) or "") for node in documented)


def test_r35_no_random_numbers_come_from_anywhere_but_the_operating_system() -> None:
    """No generator that isn't made for it is imported, or reached by a name."""
    for path in MODULES:
        imports = [node for node in nodes(path) if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {a.name for n in imports for a in n.names} | {str(getattr(n, "module", "")) for n in imports}
        ends = [node for node in nodes(path) if isinstance(node, ast.Attribute) and node.attr == "random"]
        reached = {ast.unparse(node) for node in ends}
        assert not {"random", "numpy.random"} & names, path
        assert not {"np.random", "numpy.random"} & reached, path


def test_no_assert_guards_anything_in_the_package() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in nodes(path)
        if isinstance(node, ast.Assert)
    ]
    assert found == []


def script(name: str) -> dict[str, object]:
    """What a script defines."""
    code = (ROOT / "scripts" / name).read_text(encoding="utf-8")
    module: dict[str, object] = {"__name__": name.replace("-", "_"), "__file__": str(ROOT / "scripts" / name)}
    exec(compile(code, name, "exec"), module)
    return module


def test_the_lifecycle_page_is_the_table() -> None:
    before = (ROOT / "docs/lifecycle.md").read_text(encoding="utf-8")
    assert script("make-lifecycle")["page"]() == before


def test_the_page_on_declarations_has_every_key_of_the_models() -> None:
    before = (ROOT / "docs/datasets.md").read_text(encoding="utf-8")
    assert script("make-datasets")["page"](before) == before, "run scripts/make-datasets"


def test_every_file_that_a_document_names_is_there() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    missing = [
        f"{document.relative_to(ROOT)}: {name}"
        for document in documents
        for name in re.findall(r"`((?:mpcgov|docs|scripts|tests|examples|protocols)/[\w./-]+)`", document.read_text())
        if not (ROOT / name.rstrip("/")).exists()
    ]
    assert missing == []


def test_what_the_index_says_where_to_find_is_there() -> None:
    """Each question has its answer within two files; a function named beside a file is in it."""
    text = (ROOT / "docs/README.md").read_text(encoding="utf-8").partition("## Where is")[2]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "?" in line]
    assert len(rows) >= 10
    for row in rows:
        places = re.findall(r"`(mpcgov/[\w/]+\.py)`(?: `(\w+)`)?", row)
        assert 1 <= len(places) <= 2, row
        for file, name in places:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert not name or name in {getattr(node, "name", "") for node in tree.body}, row


def test_adr_numbers_are_used_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs/adr").glob("[0-9]*.md")]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("module", ["mpcgov.node.decide", "mpcgov.coordinator", "mpcgov.cli.main", "mpcgov.node"])
def test_who_decides_or_asks_never_loads_the_engine_or_the_data(module: str) -> None:
    never = ("mpyc", "mpcgov.mpc", "mpcgov.linkage", "mpcgov.worker", "ibis", "duckdb")
    code = f"import sys, {module}; print([name for name in {never} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("asked", "given"), [([], "-m not slow"), (["tests/mpc"], "-m not slow tests/mpc"), (["--all"], "")]
)
def test_slow_tests_run_if_all_are_asked_for(asked: list[str], given: str, tmp_path: Path) -> None:
    """The script itself, with an environment in which nothing runs."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "lint-imports").symlink_to(shutil.which("true") or "")
    script = Path(shutil.copy(ROOT / "scripts" / "test", tmp_path))
    (tmp_path / "setup").write_text("PY=echo venv=.\n", encoding="utf-8")
    done = subprocess.run([script, *asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == f"-m pytest --numprocesses 2 --dist loadfile {given}".rstrip()


@pytest.mark.by_day(3)
@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("second", range(2))
def test_cases_that_run_by_day_have_each_value_of_each_parameter(
    first: int, second: int, request: pytest.FixtureRequest
) -> None:
    slow = request.node.get_closest_marker("slow") is not None
    alone = len([item for item in request.session.items if item.name.startswith(f"{request.node.originalname}[")]) < 3
    assert alone or slow == ((first, second) not in {(0, 0), (2, 1), (1, 0)})
