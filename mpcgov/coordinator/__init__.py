"""ASKS. Sees job specs and signed results; never data, never a node's share of an input."""
