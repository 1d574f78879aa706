"""SDMX-CSV 2.0: one observation a line, with its status. Hidden numbers are there without a value, confidential.

Codes of SDMX's lists: OBS_STATUS `A` normal, `E` estimated (with noise), `Q` missing, suppressed, `M` missing, as it
can't exist: of whom a register doesn't have; CONF_STATUS `F` free, `C` confidential. Which cells were small and which
hide those isn't known to anybody, so no code says it.
"""

from __future__ import annotations

import csv
import io
from typing import Any

from mpcgov.publish.table import Released, identifiers

AGENCY = "MPCGOV"
ATTRIBUTES = ("OBS_VALUE", "OBS_STATUS", "CONF_STATUS")


def table(result: dict[str, Any], released: Released) -> bytes:
    """The table as the file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    (structure,) = identifiers([released.name])
    fixed = ("STRUCTURE", "STRUCTURE_ID", "ACTION")
    dimensions = identifiers(released.dimensions, (*fixed, "MEASURE", *ATTRIBUTES))
    writer.writerow((*fixed, *dimensions, "MEASURE", *ATTRIBUTES))
    known = "E" if "noise" in result["disclosure"] else "A"
    for names, measure, number in released.observations():
        missing = ("", "Q", "C") if released.can_be(names, measure) else ("", "M", "F")
        status = (number, known, "F") if number is not None else missing
        writer.writerow(("dataflow", f"{AGENCY}:{structure}(1.0)", "I", *names, measure, *status))
    return text.getvalue().encode()
