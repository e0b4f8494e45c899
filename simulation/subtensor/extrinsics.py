"""Signed extrinsics as bytes: their parts, their eras."""

from typing import Any


def opened(data: bytes) -> dict[str, Any]:
    """A signed extrinsic's parts: of version 4, by an account, signed by sr25519, without a tip."""
    _, place = read_compact(data, 0)
    assert data[place] == 0x84 and data[place + 1] == 0, "a signed extrinsic of version 4 by an account"
    account, place = data[place + 2 : place + 34], place + 34
    assert data[place] == 1, "sr25519"
    signature, place = data[place + 1 : place + 65], place + 65
    era, place = (data[place : place + 1], place + 1) if data[place] == 0 else (data[place : place + 2], place + 2)
    nonce, place = read_compact(data, place)
    _, place = read_compact(data, place)
    parts = {"address": "0x" + account.hex(), "signature": signature, "era": era, "nonce": nonce}
    return {**parts, "call_data": data[place + 1 :]}  # behind the mode of CheckMetadataHash


def read_compact(data: bytes, place: int) -> tuple[int, int]:
    """A SCALE compact integer below 2^30 at a place, and the place behind it."""
    width = (1, 2, 4)[data[place] & 3]
    return int.from_bytes(data[place : place + width], "little") >> 2, place + width


def era_of(encoded: bytes, current: int) -> tuple[int, int]:
    """Period and first block of a mortal era; 0, 0 of an immortal one."""
    if encoded == b"\0":
        return 0, 0
    value = int.from_bytes(encoded, "little")
    period = 2 << (value & 15)
    phase = (value >> 4) * max(period >> 12, 1)
    return period, (max(current, phase) - phase) // period * period + phase
