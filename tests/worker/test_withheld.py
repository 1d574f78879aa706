"""What processes of ours leave unloaded though it is installed, and who gets it all the same."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import LONG_S


def ran(code: str) -> str:
    """What a process prints that begins by withholding."""
    begin = "import sys\nfrom mpcgov.worker import withheld\nwithheld.withhold()\nimport pyarrow as pa\npa.array([1])\n"
    command = [sys.executable, "-c", begin + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONG_S)
    assert done.stderr == ""
    return done.stdout.strip()


def test_arrow_loads_no_pandas_for_its_first_array() -> None:
    assert ran("print('pandas' in sys.modules)") == "False"


def test_arrow_gets_along_with_pandas_once_it_is_given_back() -> None:
    """As Spark's client needs it, which makes frames of what it gets, and tables of frames."""
    pytest.importorskip("pandas")
    code = (
        "withheld.give_back()\nimport pandas\nframe = pandas.DataFrame({'a': [1, 2], 'b': ['x', None]})\n"
        "table = pa.Table.from_pandas(frame)\nprint(table.to_pylist(), table.to_pandas()['a'].tolist(),"
        " pa.array(frame['a']).to_pylist(), pa.array(frame['b']).null_count)"
    )
    assert ran(code) == "[{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}] [1, 2] [1, 2] 1"


@pytest.mark.by_day(1)
@pytest.mark.parametrize("scheme", ["pyspark", "trino"])
def test_clients_of_large_engines_get_it(scheme: str) -> None:
    code = (
        "from mpcgov.worker import database\nfrom pathlib import Path\n"
        "sys.modules.update(pyspark=None, trino=None)\n"  # as if they weren't there: no engine is started
        "database.need = lambda *_: None\n"
        f"try:\n    database.open_database('{scheme}://nowhere:1/x#t', 'd', Path('.'))\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
        "import pandas\nprint(pandas.__name__)\n"
    )
    assert ran(code).splitlines() == ["DataError", "pandas"]
