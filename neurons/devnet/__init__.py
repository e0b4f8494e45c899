"""A network of separate processes on this machine: each the documented command, supervised, found by `grail devnet`."""
