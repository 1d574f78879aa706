"""`python -m mpcgov`: the same as the command `mpcgov`."""

from mpcgov.cli.main import main

main()
