"""The protocol as a program [C]: pure functions on integers and bytes, NumPy reference where arrays are needed.

Knows no clock, no network, no settings, no tensors library. docs/spec/protocol.md is this package in words;
two implementations that follow it agree to the bit.
"""
