"""DECIDES. The long-lived daemon of one agency: holds its key, checks its policy, starts workers; never computes."""
