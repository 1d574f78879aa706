"""`python -m mpcgov.console SOCKET LISTEN ORIGIN [child]`: started by the node, or by `mpcgov node console`."""

from __future__ import annotations

import sys

from mpcgov.process.withheld import Withheld

NEVER = ("ssl",)
"""What the HTTP library loads if it finds it: the console speaks no TLS, not even as a client."""


def main() -> int:
    """The entry point; gives the exit status."""
    Withheld(NEVER).begin()
    from mpcgov.console.run import run  # noqa: PLC0415 - not before: this loads the HTTP library

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
