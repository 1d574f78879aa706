"""What everyone signs: jobs, manifests, table schemas, policies, rosters and statements. Frozen types, no I/O."""
