"""MPC on rows: which rows of several owners belong together, and sums over those that do, without anybody seeing a row.

`LinkedRows` joins rows by exact keys, `LinkedRecords` by records that are similar. It computes with the engine
(`mpcgov.mpc`), which knows nothing of it. What a job may ask, and what leaves, is decided elsewhere: a program gets
these objects, the worker opens.
"""

from mpcgov.linkage.linkedrecords import LinkedRecords
from mpcgov.linkage.linkedrows import LinkedRows
from mpcgov.linkage.ownrecords import OwnRecords
from mpcgov.linkage.ownrows import OwnRows

__all__ = ["LinkedRecords", "LinkedRows", "OwnRecords", "OwnRows"]
