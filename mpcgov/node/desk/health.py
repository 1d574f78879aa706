"""Whether a node and its peers are well, for people: what was found last, at once, and looked at anew beside that.

A look takes long, as it verifies the whole audit log and asks all peers: with 30,000 records seconds of the processor.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from mpcgov.clock import Clock
from mpcgov.errors import MpcgovError
from mpcgov.process.memory import give_back

AGE_S = 60.0
"""What was found that long ago is looked at anew when somebody asks."""

WAIT_S = 0.05
"""How long the first one to ask waits: with a short log and peers nearby that is enough."""


class Health:
    """What was found, and the look that is under way, if there is one. `look`: the findings, and nothing else."""

    def __init__(self, look: Callable[[], dict[str, Any]], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._lock = threading.Lock()
        self._found: dict[str, Any] = {"findings": [], "at": None}
        self._begun_at: float | None = None
        self._looking: threading.Thread | None = None
        self._done = threading.Event()

    def found(self) -> dict[str, Any]:
        """The last findings, and when that was; `at` is None and there are none if the first look isn't over."""
        self.begin()
        self._done.wait(WAIT_S)
        return self._found

    def begin(self) -> None:
        """Begins a look, unless there was one just now or there is one; returns at once."""
        with self._lock:
            if self._looking is not None and self._looking.is_alive():
                return
            if self._begun_at is not None and time.monotonic() - self._begun_at < AGE_S:
                return
            self._begun_at = time.monotonic()
            self._looking = threading.Thread(target=self._do, name="health", daemon=True)
            self._looking.start()

    def _do(self) -> None:
        try:
            found = self._look()
        except MpcgovError as error:
            found = {"findings": [{"name": "node", "ok": False, "text": error.line()}]}
        except Exception as error:
            # Its text may hold anything; and without an answer people's pages would ask for one for ever.
            text = f"the look failed ({type(error).__name__}); run mpcgov node doctor"
            found = {"findings": [{"name": "node", "ok": False, "text": text}]}
        self._found = found | {"at": self._clock.now()}
        self._done.set()
        give_back()  # the whole log was read, in pieces
