"""Rows made up from declarations, so that a job can be rehearsed by whoever has no data."""
