"""Libraries that a child's others load if they find them, and that nothing in it uses.

Arrow looks for pandas when it makes its first array, a third of a second in each process; numba for SciPy, and for
cffi, of which it makes a parser of C. Spark's and Trino's clients are the only ones to need pandas.
"""

from __future__ import annotations

from mpcgov.process.withheld import Withheld

_LIBRARIES = Withheld(("pandas", "scipy", "cffi"))

withhold = _LIBRARIES.begin
give_back = _LIBRARIES.end
