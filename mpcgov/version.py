"""The version of this package: by itself, as a node's processes tell it and load nothing else for that."""

__version__ = "0.1.0"
