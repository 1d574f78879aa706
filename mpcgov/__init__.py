"""mpcgov: agencies compute joint statistics over registers that they may not pool."""

__version__ = "0.1.0"
