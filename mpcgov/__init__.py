"""mpcgov: agencies compute joint statistics over registers that they may not pool.

For analysts: `mpcgov.simulate` rehearses a job on data frames, `mpcgov.Coordinator` proposes jobs and gets results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpcgov.version import __version__

if TYPE_CHECKING:
    from mpcgov.analyst.coordinator import Coordinator
    from mpcgov.analyst.result import Result
    from mpcgov.analyst.simulate import simulate

__all__ = ["Coordinator", "Result", "__version__", "simulate"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: a node's processes import this package, and have no use for any of it.
    if name == "simulate":
        from mpcgov.analyst.simulate import simulate

        return simulate
    if name == "Coordinator":
        from mpcgov.analyst.coordinator import Coordinator

        return Coordinator
    if name == "Result":
        from mpcgov.analyst.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
