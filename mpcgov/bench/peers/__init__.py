"""One program per peer, run by an interpreter that has the peer and nothing of mpcgov: hence the relative imports."""
