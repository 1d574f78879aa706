"""A child that reads a small file has next to no time for anything but reading."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

AGENCY = Path(__file__).parents[2] / "examples" / "agencies" / "welfare"


def test_a_reader_doesnt_look_for_garbage_all_the_time() -> None:
    code = (
        "import gc, sys\nfrom pathlib import Path\nfrom mpcgov.worker import __main__, withheld\nwithheld.withhold()\n"
        "__main__._loaded('read')\nfrom mpcgov.spec.codelists import load_datasets\n"
        "from mpcgov.worker.source import open_table\nfolder = Path(sys.argv[1])\n"
        "dataset = load_datasets(folder / 'datasets.yaml').root['participants']\n"
        "looks = lambda: sum(one['collections'] for one in gc.get_stats())\nbefore = looks()\n"
        "open_table(dataset, 'participants', folder).close()\nprint(looks() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, AGENCY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10
