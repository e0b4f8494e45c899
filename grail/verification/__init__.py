"""Is this submission what the protocol mandates? Cheating is data here (Finding); our own trouble is an exception."""
