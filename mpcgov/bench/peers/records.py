"""The records that a job of record-linkage compares, as peers read them: the same files and columns. Standard library
only."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

OWNERS = ("left", "right")
"""Both name a column alike."""


@dataclass(frozen=True)
class Task:
    """What is compared: by column its type (name, text, date, number, code); and the column that names a record."""

    folder: Path
    types: dict[str, str]
    name: str

    @classmethod
    def read(cls, folder: str) -> Task:
        """The job in a folder."""
        params = json.loads(Path(folder, "job.yaml").read_text(encoding="utf-8"))["params"]
        types = {field["columns"]["left"]: field["type"] for field in params["fields"]}
        return cls(Path(folder), types, params["identify"]["left"])

    def path(self, owner: str) -> Path:
        """An owner's file."""
        return self.folder / "agencies" / owner / "rows.csv"

    def rows(self, owner: str) -> list[dict[str, str]]:
        """An owner's records."""
        with self.path(owner).open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
