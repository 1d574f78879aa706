"""COMPUTES. One job, one process, no signing key. In data order: source, local, encode | program, clear, reveal."""
