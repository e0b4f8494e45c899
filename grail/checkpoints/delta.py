"""Lossless sparse delta between the weights of two versions: which words changed, and by how much.

An optimizer step at the rates of reinforcement learning moves a bf16 weight by less than half its last place almost
everywhere: some four weights of a thousand change, most of them by one. Both files are read as words (2 bytes where all
tensors are 16 bits wide, else 4); the gaps between changed words and the differences of their bit patterns, zigzag, are
split into byte planes and compressed, each plane for itself. Source of the idea: PULSE, arXiv:2602.03839.

Layout, little-endian: magic, word size u8, words u64, changed u64, header length u32, the child's safetensors header;
then for every plane its compressed length u64 and the zstd frame. Words after the header are numbered from 0.
"""

import struct
from collections.abc import Iterator

import numpy as np
import zstandard
from numpy.typing import NDArray

from grail.errors import BadCheckpoint

MAGIC = b"GRAILDL1"
HEAD = struct.Struct("<8sBQQI")
LENGTH = struct.Struct("<Q")
LEVEL = 3
GAP_PLANES = 4
MAX_HEADER = 64 << 20
NARROW = (b'"BF16"', b'"F16"')
WIDE = (b'"F32"', b'"F64"', b'"I64"', b'"I32"')
PAYS = 0.5
"""A delta longer than this share of the child is not worth its parent."""


def encode(parent: bytes, child: bytes) -> bytes | None:
    """The delta from `parent` to `child`, two safetensors files; None where it would not pay.

    Raises BadCheckpoint for what is no safetensors file.
    """
    header = _header(child)
    if _header(parent) != header or len(parent) != len(child):
        return None
    size = _word_size(header, len(child))
    old, new = (np.frombuffer(data, dtype=f"<u{size}", offset=len(header)) for data in (parent, child))
    changed = np.flatnonzero(old != new)
    if len(changed) * (size + 1) > PAYS * len(child):
        return None
    gaps = np.diff(changed, prepend=-1) - 1
    if len(gaps) and int(gaps.max()) >> (8 * GAP_PLANES):
        return None
    difference = (new[changed] - old[changed]).astype(f"<i{size}")
    zigzag = ((difference << 1) ^ (difference >> (8 * size - 1))).astype(f"<u{size}")
    parts = [HEAD.pack(MAGIC, size, len(new), len(changed), len(header)), header]
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    for plane in [*_planes(gaps.astype("<u4"), GAP_PLANES), *_planes(zigzag, size)]:
        packed = compressor.compress(plane)
        parts += [LENGTH.pack(len(packed)), packed]
    made = b"".join(parts)
    return made if len(made) <= PAYS * len(child) else None


def apply(parent: bytes | bytearray, delta: bytes) -> bytearray:
    """The child. Raises BadCheckpoint for a malformed delta or one of another parent; allocates no more than both."""
    if len(delta) < HEAD.size:
        raise BadCheckpoint(f"expected a delta of at least {HEAD.size} bytes, got {len(delta)}")
    magic, size, words, count, header_size = HEAD.unpack_from(delta)
    header = delta[HEAD.size : HEAD.size + header_size]
    if magic != MAGIC or size not in (2, 4) or header_size > MAX_HEADER or count > words:
        raise BadCheckpoint("expected a delta, got other bytes")
    if len(parent) != len(header) + words * size or parent[: len(header)] != header:
        raise BadCheckpoint("expected the delta's parent, got weights of another size or other tensors")
    if count * (size + 1) > PAYS * len(parent):
        raise BadCheckpoint(f"expected changes in fewer words, got {count} of {words}: such weights travel whole")
    planes = list(_frames(delta, HEAD.size + header_size, GAP_PLANES + size, count))
    gaps, zigzag = _joined(planes[:GAP_PLANES]), _joined(planes[GAP_PLANES:])
    places = np.cumsum(gaps.astype(np.int64) + 1) - 1
    if count and int(places[-1]) >= words:
        raise BadCheckpoint(f"expected changes in {words} words, got one at {int(places[-1])}")
    child = bytearray(parent)
    values = np.frombuffer(child, dtype=f"<u{size}", offset=len(header))
    values[places] += (zigzag >> 1) ^ (-(zigzag & 1)).astype(zigzag.dtype)
    return child


def _header(data: bytes) -> bytes:
    """The safetensors header with its length prefix, bounded."""
    length = LENGTH.unpack_from(data)[0] if len(data) >= LENGTH.size else MAX_HEADER + 1
    if length > min(MAX_HEADER, len(data) - LENGTH.size):
        raise BadCheckpoint("expected a safetensors file, got other bytes")
    return data[: LENGTH.size + length]


def _word_size(header: bytes, size: int) -> int:
    narrow = any(mark in header for mark in NARROW) and not any(mark in header for mark in WIDE)
    word = 2 if narrow else 4
    return word if (size - len(header)) % word == 0 else 2


def _planes(values: NDArray[np.unsignedinteger], count: int) -> Iterator[bytes]:
    raw = np.ascontiguousarray(values).view(np.uint8).reshape(-1, values.dtype.itemsize)
    for plane in range(count):
        yield raw[:, plane].tobytes()


def _frames(delta: bytes, at: int, planes: int, count: int) -> Iterator[NDArray[np.uint8]]:
    """Every plane, exactly `count` bytes once unpacked; refuses a frame that would give more before unpacking it."""
    for _ in range(planes):
        if at + LENGTH.size > len(delta):
            raise BadCheckpoint("expected more planes in the delta: it is cut off")
        (length,) = LENGTH.unpack_from(delta, at)
        at += LENGTH.size
        frame = delta[at : at + length]
        at += length
        try:
            if len(frame) != length or zstandard.frame_content_size(frame) != count:
                raise BadCheckpoint(f"expected planes of {count} bytes in the delta, got others")
            plane = zstandard.ZstdDecompressor().decompress(frame, max_output_size=count, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise BadCheckpoint(f"expected zstd frames in the delta, got: {error}") from error
        if len(plane) != count:
            raise BadCheckpoint(f"expected planes of {count} bytes in the delta, got others")
        yield np.frombuffer(plane, np.uint8)
    if at != len(delta):
        raise BadCheckpoint("expected nothing after the delta's planes")


def _joined(planes: list[NDArray[np.uint8]]) -> NDArray[np.unsignedinteger]:
    return np.ascontiguousarray(np.stack(planes, axis=1)).view(f"<u{len(planes)}")[:, 0]
