"""Jobs on one machine: without nodes and on made-up rows (simulation), or with nodes and TLS (rehearsal, demo)."""
