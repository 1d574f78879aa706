"""How long a test waits for what must come: only what hangs takes so long, however busy the machine is."""

LONG_S = 300
