"""The pictures of src/image/test_pattern.cpp, drawn with whole numbers, byte for byte the same.

Run: python tools/goldens/test_pattern.py     the SHA-256 of a few, which tests/unit/image/test_pattern_test.cpp expects
"""

from __future__ import annotations

import hashlib

import numpy as np

BLOCKS = np.array([[230, 60, 30], [40, 160, 220], [245, 215, 70]], dtype=np.int64)
BLOCK_EDGE = 16
SAMPLES = [("ramp", 320, 240), ("disc", 256, 256), ("noise", 97, 131)]


def draw(name: str, width: int, height: int) -> np.ndarray:
    """[height, width, 3] bytes."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    if name == "ramp":
        red, green = 255 * x // (width - 1), 255 * y // (height - 1)
        return np.stack([red, green, 255 - (red + green) // 2], axis=-1).astype(np.uint8)
    if name == "disc":
        colour = BLOCKS[(x // BLOCK_EDGE + y // BLOCK_EDGE) % 3]
        inside = 2 * ((2 * x - width + 1) ** 2 + (2 * y - height + 1) ** 2) < min(width, height) ** 2
        return np.where(inside[..., None], 255 - colour, colour).astype(np.uint8)
    if name == "noise":
        channel = np.arange(3, dtype=np.uint32)
        product = (x.astype(np.uint32) * np.uint32(73856093)) ^ (y.astype(np.uint32) * np.uint32(19349663))
        value = product[..., None] ^ (channel * np.uint32(83492791))
        value ^= value >> np.uint32(13)
        value *= np.uint32(0x5BD1E995)
        value ^= value >> np.uint32(15)
        return (value & np.uint32(0xFF)).astype(np.uint8)
    raise ValueError(f"expected ramp, disc or noise, found {name}")


def main() -> None:
    for name, width, height in SAMPLES:
        print(name, width, height, hashlib.sha256(draw(name, width, height).tobytes()).hexdigest())


if __name__ == "__main__":
    main()
