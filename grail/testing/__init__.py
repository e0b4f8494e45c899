"""Conformance kits: what every plug-in must do, ours included. Call them from a test of yours."""
