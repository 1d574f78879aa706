"""Libraries that others load if they find them, and that nothing here uses: a process of ours finds none of them.

Arrow looks for pandas when it makes its first array, a third of a second in each process; numba for SciPy, and for
cffi, of which it makes a parser of C. Spark's and Trino's clients are the only ones to need pandas.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder

NAMES = frozenset({"pandas", "scipy", "cffi"})


class _Finder(MetaPathFinder):
    """Finds none of them. (None in its place in `sys.modules` would be taken for the module by compiled code.)"""

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> None:
        """Nothing of any other module; of one of those, that there is none."""
        if fullname in NAMES:
            raise ModuleNotFoundError(f"no {fullname} here", name=fullname)


_FINDER = _Finder()


def withhold() -> None:
    """From now on they aren't found."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def give_back() -> None:
    """From now on they are found again."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
