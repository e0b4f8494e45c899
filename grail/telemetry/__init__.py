"""What a human or a machine sees of a running node."""
