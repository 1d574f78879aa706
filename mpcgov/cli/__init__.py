"""The command line: parse, call one function, render. Errors are shown in one place, `mpcgov.cli.main`."""
