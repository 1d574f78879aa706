"""What the page for analysts shows is run, and so is the notebook."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.patience import LONG_S

ROOT = Path(__file__).parents[2]


def test_what_the_page_shows_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/analysts.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 3
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(compile("\n".join(blocks), "docs/analysts.md", "exec"), names)
    assert len(names["frame"]) == 3
    assert names["table"].num_rows == 3
    assert names["chart"].to_dict()["encoding"]["x"]["title"] == "tax.wage.mean"
    assert {path.name for path in tmp_path.iterdir()} == {"wages.xlsx", "wages.csv", "wages.csv-metadata.json"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_the_notebook_runs_from_frames_to_a_plot(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "examples/notebooks/first-job.ipynb", as_version=4)
    assert len(notebook.cells) <= 12
    client = NotebookClient(notebook, timeout=LONG_S, kernel_name="python3", resources={"metadata": {"path": tmp_path}})
    client.execute()
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    pages = [output.data.get("text/html", "") for output in shown if "data" in output]
    assert any("<caption>Table statistics" in page and "suppressed" in page for page in pages)
    assert any("vega-embed" in page for page in pages)
    assert (tmp_path / "wages.html").is_file()
