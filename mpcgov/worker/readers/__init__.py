"""How each kind of source is read: one module for each, behind the one interface of `raw`."""
