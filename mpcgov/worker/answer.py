"""What a process says that reads an owner's data for the owner alone: what it found, or what went wrong; one object."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from mpcgov.errors import InternalError, MpcgovError
from mpcgov.process.memory import no_dumps
from mpcgov.worker import withheld


def answer(find: Callable[[], dict[str, Any]]) -> None:
    """Write what `find` returns to stdout as JSON, or `{"error": …}`."""
    # A core dump would hold rows.
    no_dumps()
    withheld.withhold()
    try:
        found = find()
    except MpcgovError as error:
        found = {"error": error.to_json()}
    except Exception as error:
        # The type only: an engine's message could hold a value.
        fault = InternalError(f"reading the data failed unexpectedly ({type(error).__name__})", code="reader")
        found = {"error": fault.to_json()}
    json.dump(found, sys.stdout)
