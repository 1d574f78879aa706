#!/bin/sh
# mkdocs-click 0.9.0 under click 8.5.1: in the table style, an option without a default is documented as having the default
# `Sentinel.UNSET`, which is click's own mark for "none given". `--help` shows no default there. Fails if that changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mkdocs-click==0.9.0 click==8.5.1 markdown==3.11.3
cat > "$work/tool.py" <<'PY'
import click


@click.command()
@click.option("--name", help="Whom to greet.")
def greet(name: str | None) -> None:
    """Greets."""
PY
cd "$work"
PYTHONPATH=. "$work/venv/bin/python" - <<'PY'
from importlib.metadata import version

import click
from click.testing import CliRunner
from markdown import Markdown
from tool import greet

source = "::: mkdocs-click\n    :module: tool\n    :command: greet\n    :style: table\n"
page = Markdown(extensions=["mkdocs-click", "tables"]).convert(source)
help_text = CliRunner().invoke(greet, ["--help"]).output
print("mkdocs-click", version("mkdocs-click"), "click", version("click"))
print([line for line in page.splitlines() if "UNSET" in line])
assert "Sentinel.UNSET" in page, page
assert "UNSET" not in help_text and "default" not in help_text, help_text
PY
