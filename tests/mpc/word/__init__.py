"""The word-size engine."""
