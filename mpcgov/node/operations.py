"""What node.yaml says of this machine's monitoring, and what is left on its disk."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

from pydantic import model_validator

from mpcgov.spec.load import Frozen
from mpcgov.spec.roster import Address


class Operations(Frozen):
    """Where this machine's monitoring reads /health and /metrics; see `mpcgov.node.monitor`."""

    listen: Address

    @model_validator(mode="after")
    def _local(self) -> Operations:
        if not is_local(self.listen.rpartition(":")[0].strip("[]")):
            raise ValueError("listen: an address of this machine alone, such as 127.0.0.1:9464")
        return self


def is_local(host: str) -> bool:
    """Whether a host's name is one of this machine's alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def free_bytes(folder: Path) -> int:
    """What is left on the disk that a folder is on."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
