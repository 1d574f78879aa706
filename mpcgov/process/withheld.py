"""Libraries that others load if they find them, and that nothing here uses: a process of ours finds none of them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.abc import MetaPathFinder


class Withheld(MetaPathFinder):
    """Modules of these names aren't found from `begin` to `end`.

    (None in their place in `sys.modules` would be taken for the module by compiled code.)
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, fullname: str, _path: object = None, _target: object = None) -> None:
        """Nothing of any other module; of one of those, that there is none."""
        if fullname in self._names:
            raise ModuleNotFoundError(f"no {fullname} here", name=fullname)

    def begin(self) -> None:
        """From now on they aren't found."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def end(self) -> None:
        """From now on they are found again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
