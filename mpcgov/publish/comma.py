"""CSV, with a description beside each file as CSV on the Web has it (W3C, 2015). A hidden number is an empty field."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from mpcgov.publish.about import SUPPRESSED, about, title
from mpcgov.publish.table import Released


def table(result: dict[str, Any], released: Released) -> bytes:
    """The table as the file."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(released.columns)
    writer.writerows(["" if value is None else value for value in row] for row in released.rows)
    return text.getvalue().encode()


def described(result: dict[str, Any], released: Released, name: str) -> bytes:
    """The file that describes a table in a file of this name."""
    columns = [
        {"name": column, "titles": column, "datatype": "string" if column in released.dimensions else "number"}
        for column in released.columns
    ]
    whole = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": name,
        "dc:title": f"{title(result)}: {released.name}",
        "dc:description": [f"{heading}: {text}" for heading, text in about(result)],
        "notes": [f"An empty field is a number {SUPPRESSED}."],
        "tableSchema": {"columns": columns},
    }
    return json.dumps(whole, ensure_ascii=False, indent=2).encode()
