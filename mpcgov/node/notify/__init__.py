"""Nobody polls: this agency's people hear by e-mail, and its systems by webhook, what happens to jobs."""
