"""For analysts: jobs rehearsed on data frames, a coordinator's jobs, and results as tables, charts and files."""
