#!/bin/sh
# DuckDB in an IPython kernel without ipywidgets refuses to have its progress bar turned off: `SET enable_progress_bar =
# false` raises that ipywidgets is missing, which is needed to render progress bars. The same statement works in a
# script and in a terminal's IPython. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet duckdb==1.5.6 ipykernel==7.4.0 nbclient==0.11.0 nbformat==5.11.1 2>/dev/null
"$folder/env/bin/python" - <<'PY' 2>/dev/null
import duckdb
import nbformat
from nbclient import NotebookClient

statement = "SET enable_progress_bar = false"
duckdb.connect().execute(statement)
code = f"""
import duckdb
try:
    duckdb.connect().execute({statement!r})
    print("accepted")
except duckdb.InvalidInputException as error:
    print("refused, and ipywidgets is named:", "ipywidgets" in str(error))
"""
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
said = notebook.cells[0].outputs[0].text.strip()
print(f"duckdb {duckdb.__version__}: a script may turn the bar off; in a kernel: {said}")
assert said == "refused, and ipywidgets is named: True", "a kernel may turn the bar off now"
PY
