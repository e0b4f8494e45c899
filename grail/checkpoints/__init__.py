"""One version of the weights: from bytes to everybody's disk, always checked against the fingerprint on chain."""
