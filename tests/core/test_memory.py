"""What becomes of memory that is freed."""

import ctypes
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from mpcgov.process.memory import keep_freed

def use():
    for array in [np.empty(3 << 20, np.uint8) for _ in range(10)]:
        array.fill(1)

keep_freed()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library than GNU's")
def test_arrays_have_the_memory_of_freed_ones() -> None:
    """Without `keep_freed` the system gives the 7,680 pages of these arrays again, each time."""
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 100
