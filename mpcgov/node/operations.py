"""What node.yaml says of this machine's monitoring, and what is left on its disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from mpcgov.spec.load import Frozen
from mpcgov.spec.roster import LocalAddress


class Operations(Frozen):
    """Where this machine's monitoring reads /health and /metrics; see `mpcgov.node.monitor`."""

    listen: LocalAddress


def free_bytes(folder: Path) -> int:
    """What is left on the disk that a folder is on."""
    return shutil.disk_usage(folder).free
