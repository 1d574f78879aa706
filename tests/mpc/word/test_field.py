"""Word-size arithmetic against Python's integers, at the edges and at random."""

from __future__ import annotations

import fcntl
import importlib
import multiprocessing
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcgov.errors import InternalError, SpecError
from mpcgov.mpc.word import field, kernels
from mpcgov.mpc.word.field import P
from tests import nightly
from tests.patience import LONG_S

EDGES = [0, 1, 2, 3, P - 1, P - 2, P // 2, P // 2 + 1, 2**32 - 1, 2**32, 2**32 + 1, 2**29, 2**60, 2**60 - 1, 2**60 + 1]
element = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))


def words(values: object) -> np.ndarray:
    return np.array(values, dtype=np.uint64)


def all_pairs() -> tuple[np.ndarray, np.ndarray]:
    a, b = zip(*((x, y) for x in EDGES for y in EDGES), strict=True)
    return words(a), words(b)


@pytest.mark.parametrize(
    ("ours", "pythons"),
    [
        (field.add, lambda a, b: (a + b) % P),
        (field.subtract, lambda a, b: (a - b) % P),
        (field.product, lambda a, b: a * b % P),
    ],
)
def test_arithmetic_is_right_for_every_pair_of_edges(ours, pythons):
    a, b = all_pairs()
    assert ours(a, b).tolist() == [pythons(int(x), int(y)) for x, y in zip(a, b, strict=True)]


def test_differences_of_elements_by_their_places() -> None:
    places = np.arange(len(EDGES))
    left, right = np.repeat(places, len(EDGES)), np.tile(places, len(EDGES))
    found = field.differences(words(EDGES), left, right)
    assert found.tolist() == [(EDGES[i] - EDGES[j]) % P for i, j in zip(left, right, strict=True)]


@given(st.lists(st.tuples(element, element), min_size=1, max_size=50), st.integers(-(2**70), 2**70))
@settings(max_examples=nightly.count(60, 200))
def test_arithmetic_agrees_with_python(pairs, factor):
    a, b = (words(column) for column in zip(*pairs, strict=True))
    assert field.add(a, b).tolist() == [(x + y) % P for x, y in pairs]
    assert field.subtract(a, b).tolist() == [(x - y) % P for x, y in pairs]
    assert field.product(a, b).tolist() == [x * y % P for x, y in pairs]
    assert field.negate(a).tolist() == [-x % P for x, _ in pairs]
    assert field.scale(a, factor).tolist() == [x * factor % P for x, _ in pairs]
    assert field.combine([factor, -1, 7], [a, b, a]).tolist() == [(x * (factor + 7) - y) % P for x, y in pairs]


@pytest.mark.parametrize("inner", [1, 3, 1023, 1024, 1025, 2500])
@pytest.mark.parametrize("value", [P - 1, 1, None])
def test_inner_products_are_exact_at_the_largest_elements_and_at_random(inner, value):
    rng = np.random.default_rng(1)
    draw = (lambda *s: rng.integers(0, P, s, np.uint64)) if value is None else lambda *s: np.full(s, value, np.uint64)
    a, b = draw(3, inner), draw(2, inner)
    expected = (a.astype(object) @ b.astype(object).T) % P
    assert (field.inner_products(a, b).astype(object) == expected).all()


def test_inner_products_of_nothing_are_zero():
    assert field.inner_products(np.empty((2, 0), np.uint64), np.empty((3, 0), np.uint64)).tolist() == [[0] * 3] * 2


def test_sums_of_rows_stay_reduced():
    a = np.full((1000, 3), P - 1, np.uint64)
    assert field.sum_rows(a).tolist() == [-1000 % P] * 3


def test_inverse_and_power():
    for x in EDGES[1:]:
        assert x * field.inverse(x) % P == 1
        assert field.power(words([x]), 2**59 + 5).tolist() == [pow(x, 2**59 + 5, P)]
    with pytest.raises(InternalError):
        field.inverse(P)


@given(st.lists(st.integers(-(P // 2), P // 2), min_size=1, max_size=30))
def test_signed_integers_come_back(values):
    elements = field.from_signed(np.array(values, np.int64))
    assert elements.tolist() == [v % P for v in values]
    assert field.to_signed(elements).tolist() == values


def test_words_that_are_no_elements_are_seen():
    assert field.all_elements(words([0, P - 1]))
    for bad in (P, P + 1, 2**64 - 1):
        assert not field.all_elements(words([0, bad, 1]))


def test_shapes_strides_and_read_only_arrays_are_taken_as_they_are():
    a = np.arange(24, dtype=np.uint64).reshape(4, 6)
    assert (field.add(a[:, ::2], a[:, ::2]) == 2 * a[:, ::2]).all()
    assert (field.scale(np.broadcast_to(words([3, 4]), (3, 2)), 2) == [[6, 8]] * 3).all()
    with pytest.raises(InternalError):
        field.add(a, a[:2])


def test_a_kernels_cache_that_cannot_be_written_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    lock = kernels.cache_directory() / "builtins.abs.lock"
    lock.mkdir()  # as a read-only file system says no, and to the superuser, too
    with pytest.raises(SpecError, match="lock can't be opened: Is a directory"):
        kernels.kernel("int64(int64)")(abs)


class Asking:
    """A copy of this process that asks for a kernel in a file of a test's own; says first that it will."""

    def __init__(self, folder: Path) -> None:
        path, context = folder / "adding.py", multiprocessing.get_context("fork")
        if not path.exists():
            path.write_text("def add_one(x):\n    return x + 1\n", encoding="utf-8")
        self._hears, says = context.Pipe(duplex=False)
        self._process = context.Process(target=self._ask, args=(path, says))
        self._process.start()
        says.close()
        assert self.heard() == "asks"

    @staticmethod
    def _ask(path: Path, says: Connection) -> None:
        sys.path.insert(0, str(path.parent))
        adding = importlib.import_module("adding")
        says.send("asks")
        fast = kernels.kernel("int64(int64)")(adding.add_one)
        found = "loaded" if fast.stats.cache_hits else "compiled"
        says.send(found if fast(1) == 2 else "wrong")
        os._exit(0)

    def heard(self) -> object:
        """What it says next; ends it if that never comes."""
        if not self._hears.poll(LONG_S):
            self._process.kill()
        return self._hears.recv()


def test_a_kernel_in_the_cache_is_loaded_while_others_load_it_and_compile_others(tmp_path):
    """Each of the others may wait long for the processor, and nobody waits for them."""
    cache = kernels.cache_directory()
    assert Asking(tmp_path).heard() == "compiled"
    with (cache / "adding.add_one.lock").open("rb") as loading, (cache / "adding.else.lock").open("wb") as compiling:
        fcntl.flock(loading, fcntl.LOCK_SH)
        fcntl.flock(compiling, fcntl.LOCK_EX)
        assert Asking(tmp_path).heard() == "loaded"


def test_of_processes_that_want_the_same_kernel_one_compiles_it(tmp_path):
    with (kernels.cache_directory() / "adding.add_one.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asking = [Asking(tmp_path) for _ in range(3)]
        fcntl.flock(lock, fcntl.LOCK_UN)
    assert sorted(one.heard() for one in asking) == ["compiled", "loaded", "loaded"]


def test_the_kernels_cache_is_a_directory_that_only_we_can_enter(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = kernels.cache_directory()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o750)
    with pytest.raises(SpecError, match="your own") as caught:
        kernels.cache_directory()
    assert str(caught.value.hint).startswith("remove")  # to close it would keep what others may have put there


@pytest.mark.parametrize("mode", [0o770, 0o703, 0o722])
def test_a_kernel_cache_that_others_could_replace_is_refused(tmp_path, monkeypatch, mode):
    base = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    kernels.cache_directory()
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    base.chmod(mode)
    with pytest.raises(SpecError, match="others can write") as caught:
        kernels.cache_directory()
    assert "\n" not in caught.value.line()
    base.chmod(mode | stat.S_ISVTX)  # as /tmp has it: who can write there can't move what is another's
    kernels.cache_directory()


@pytest.mark.parametrize(("owner", "allowed"), [(0, True), (4711, False)])
def test_a_kernel_cache_lies_in_our_own_folder_or_the_superusers(tmp_path, monkeypatch, owner, allowed):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    real = Path.stat

    def of(path, **options):
        found = list(real(path, **options))
        return os.stat_result([*found[:4], owner, *found[5:]]) if path == tmp_path else real(path, **options)

    monkeypatch.setattr(Path, "stat", of)
    with nullcontext() if allowed else pytest.raises(SpecError, match="somebody else's"):
        kernels.cache_directory()


@pytest.mark.parametrize("home", ["shared", "a file", ""])
def test_without_a_home_of_ones_own_the_kernel_cache_lies_among_temporary_files(tmp_path, monkeypatch, home):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home") if home else "nowhere")
    if home == "shared":
        (tmp_path / "home" / ".cache").mkdir(parents=True)
        (tmp_path / "home" / ".cache").chmod(0o770)
    elif home:
        (tmp_path / "home").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir(mode=0o700)
    (tmp_path / "tmp").chmod(0o1777)
    folder = kernels.cache_directory()
    assert folder == tmp_path / "tmp" / f"mpcgov-{os.geteuid()}" / "kernels"
    folder.parent.chmod(0o711)
    with pytest.raises(SpecError, match="your own"):
        kernels.cache_directory()
    folder.parent.chmod(0o700)
    folder.parents[1].chmod(0o777)
    with pytest.raises(SpecError, match="others can write"):
        kernels.cache_directory()


@pytest.mark.parametrize("link", ["mpcgov", "mpcgov/kernels"])
def test_a_kernel_cache_behind_a_link_is_refused(tmp_path, monkeypatch, link):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path = tmp_path / link
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpecError, match="your own"):
        kernels.cache_directory()


def test_the_environment_cannot_move_the_cache_to_a_shared_place(tmp_path):
    code = "from mpcgov.mpc.word import kernels; import numba; print(numba.config.CACHE_DIR)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()) == kernels.cache_directory()
    early = "import numba\n" + code
    done = subprocess.run([sys.executable, "-c", early], env=environment, capture_output=True, text=True, check=False)
    assert "before mpcgov could give its cache a safe place" in done.stderr


FORKED = """
import os
from mpcgov.mpc.word import field, kernels
@kernels.kernel("uint64(uint64)")
def before(x):
    return x
if os.fork():
    raise SystemExit(os.wait()[1])
@kernels.kernel("uint64(uint64)")
def first(x):
    return x
@kernels.kernel("uint64(uint64)")
def second(x):
    return x
print(*(one.stats.cache_path for one in (before, first, second)), sep="\\n")
"""


@pytest.mark.parametrize("by", nightly.first(1, ["file", "environment"]))
def test_nothing_where_we_are_started_moves_the_cache_not_even_of_a_forked_process(tmp_path, by):
    """Numba takes its settings from a file there, and looks at it again after each kernel that it has compiled."""
    own = tmp_path / "own"
    for folder in (own, own / "mpcgov"):
        folder.mkdir(mode=0o700)
    shutil.copytree(kernels.cache_directory(), own / "mpcgov/kernels")  # what is ours needs no compiling once more
    settings = {"cache_dir": str(tmp_path / "shared"), "cache_locator_classes": "InTreeCacheLocator"}
    environment = {**os.environ, "XDG_CACHE_HOME": str(own), "PYTHONPATH": str(Path.cwd())}
    if by == "file":
        (tmp_path / ".numba_config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    else:
        environment |= {f"NUMBA_{name.upper()}": value for name, value in settings.items()}
    (tmp_path / "forked.py").write_text(FORKED, encoding="utf-8")
    command = [sys.executable, tmp_path / "forked.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    places = [Path(line) for line in done.stdout.split()]
    assert len(places) == 3
    assert all(place.is_relative_to(own / "mpcgov" / "kernels") for place in places)
