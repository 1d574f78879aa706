"""All that a protocol's program may import of mpcgov, by name. Nothing here opens a number, and nothing leads to one.

    from mpcgov.protocol.api import SecretArray

A program is one `async def run(inputs, params)`. It computes with what it is given and returns numbers by table; what
leaves is decided elsewhere: the worker holds what a program returns against what it has computed itself, and puts it
through disclosure control. `mpcgov.protocol.language` says what a program may be written in; nodes refuse others.
"""

from mpcgov.linkage.linkedrecords import LinkedRecords
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.mpc.arrays import SecretArray
from mpcgov.mpc.functions import (
    concatenate,
    greatest,
    if_else,
    maximum,
    median,
    minimum,
    quantile,
    sort,
    sort_rows,
)

__all__ = [
    "LinkedRecords",
    "LinkedRows",
    "SecretArray",
    "concatenate",
    "greatest",
    "if_else",
    "maximum",
    "median",
    "minimum",
    "quantile",
    "sort",
    "sort_rows",
]
