"""Draws the small pictures that the image goldens are made of: every format, mode and orientation.

Pillow writes what it can; what it cannot write (interlaced PNG, run-length BMP, bit fields, odd TIFF layouts) is put
together byte by byte here.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 19, 13


def picture(width: int = WIDTH, height: int = HEIGHT, channels: int = 3, seed: int = 1) -> np.ndarray:
    """Smooth colours with some noise and hard edges, so that filters and codecs all have work."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 120 * np.sin(x / (2.5 + c) + c) * np.cos(y / (3.0 + c)) for c in range(channels)]
    values = np.stack(planes, axis=-1) + generator.normal(0, 12, (height, width, channels))
    values[height // 3 : height // 2, width // 4 : width // 2] = 255 * (np.arange(channels) % 2)
    return np.clip(values, 0, 255).astype(np.uint8)


def save(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif_block(orientation: int, byte_order: str = "<") -> bytes:
    mark = b"II" if byte_order == "<" else b"MM"
    head = mark + struct.pack(byte_order + "HI", 42, 8)
    entry = struct.pack(byte_order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return b"Exif\0\0" + head + struct.pack(byte_order + "H", 1) + entry + struct.pack(byte_order + "I", 0)


def xmp_block(orientation: int) -> bytes:
    return b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation


# --- JPEG -------------------------------------------------------------------------------------------------------


def jpegs() -> Iterator[tuple[str, bytes]]:
    rgb = Image.fromarray(picture())
    for subsampling, name in ((0, "444"), (1, "422"), (2, "420")):
        yield f"jpeg_{name}", save(rgb, "JPEG", quality=85, subsampling=subsampling)
        yield f"jpeg_{name}_progressive", save(rgb, "JPEG", quality=85, subsampling=subsampling, progressive=True)
    yield "jpeg_440", sampling_440(save(rgb, "JPEG", quality=85, subsampling=0))
    yield "jpeg_rgb", save(rgb, "JPEG", quality=85, keep_rgb=True)
    yield "jpeg_restarts", save(rgb, "JPEG", quality=85, restart_marker_blocks=1)
    yield "jpeg_grey", save(rgb.convert("L"), "JPEG", quality=85)
    yield "jpeg_grey_progressive", save(rgb.convert("L"), "JPEG", quality=85, progressive=True)
    cmyk = Image.fromarray(picture(channels=4), "CMYK")
    yield "jpeg_cmyk", save(cmyk, "JPEG", quality=85)
    yield "jpeg_ycck", adobe_transform(save(cmyk, "JPEG", quality=85), 2)
    for orientation in range(1, 9):
        yield f"jpeg_orientation_{orientation}", save(rgb, "JPEG", quality=85, exif=exif_block(orientation))
    yield "jpeg_orientation_big_endian", save(rgb, "JPEG", quality=85, exif=exif_block(6, ">"))
    yield "jpeg_orientation_none", save(rgb, "JPEG", quality=85, exif=exif_block(9))
    yield "jpeg_orientation_xmp", save(rgb, "JPEG", quality=85, xmp=xmp_block(8))
    yield "jpeg_orientation_both", save(rgb, "JPEG", quality=85, exif=exif_block(3), xmp=xmp_block(8))
    yield "jpeg_large_exif", save(rgb, "JPEG", quality=85, exif=exif_block(5) + bytes(300))
    yield "jpeg_1x1", save(Image.fromarray(picture(1, 1)), "JPEG", quality=85)
    yield "jpeg_junk_behind", save(rgb, "JPEG", quality=85) + b"junk" * 5


def sampling_440(jpeg: bytes) -> bytes:
    """Says that chroma has half the rows; the picture is then another one, which does not matter."""
    at = jpeg.index(b"\xff\xc0")
    changed = bytearray(jpeg)
    changed[at + 11] = 0x12
    return bytes(changed)


def adobe_transform(jpeg: bytes, transform: int) -> bytes:
    at = jpeg.index(b"Adobe")
    changed = bytearray(jpeg)
    changed[at + 11] = transform
    return bytes(changed)


# --- PNG --------------------------------------------------------------------------------------------------------

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_rows(samples: np.ndarray, depth: int) -> bytes:
    """Rows without filter; `samples` [height, width, channels]."""
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        if depth == 16:
            rows.append(row.astype(">u2").tobytes())
        elif depth == 8:
            rows.append(row.astype(np.uint8).tobytes())
        else:
            bits = np.unpackbits(row.astype(np.uint8)[:, None], axis=1)[:, 8 - depth :].reshape(-1)
            rows.append(np.packbits(bits).tobytes())
    return b"".join(b"\0" + row for row in rows)


def png(
    samples: np.ndarray, color: int, depth: int, interlaced: bool = False, chunks: bytes = b"", behind: bytes = b""
) -> bytes:
    height, width = samples.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    if interlaced:
        parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in ADAM7]
        data = b"".join(png_rows(part, depth) for part in parts if part.size)
    else:
        data = png_rows(samples, depth)
    body = png_chunk(b"IHDR", header) + chunks + png_chunk(b"IDAT", zlib.compress(data, 9)) + behind
    return b"\x89PNG\r\n\x1a\n" + body + png_chunk(b"IEND", b"")


def pngs() -> Iterator[tuple[str, bytes]]:
    generator = np.random.default_rng(2)
    palette = png_chunk(b"PLTE", generator.integers(0, 256, 16 * 3, dtype=np.uint8).tobytes())
    small_palette = png_chunk(b"PLTE", generator.integers(0, 256, 3 * 3, dtype=np.uint8).tobytes())
    for depth in (1, 2, 4, 8, 16):
        grey = generator.integers(0, 1 << depth, (HEIGHT, WIDTH, 1))
        if depth == 16:
            grey[:4] %= 300
        for interlaced in (False, True):
            suffix = "_interlaced" if interlaced else ""
            yield f"png_grey_{depth}{suffix}", png(grey, 0, depth, interlaced)
            if depth <= 8:
                yield f"png_palette_{depth}{suffix}", png(grey % 16, 3, depth, interlaced, palette)
    color = generator.integers(0, 65536, (HEIGHT, WIDTH, 4))
    for depth in (8, 16):
        samples = color >> (16 - depth)
        for interlaced in (False, True):
            suffix = f"{depth}_interlaced" if interlaced else f"{depth}"
            yield f"png_rgb_{suffix}", png(samples[..., :3], 2, depth, interlaced)
            yield f"png_grey_alpha_{suffix}", png(samples[..., :2], 4, depth, interlaced)
            yield f"png_rgba_{suffix}", png(samples, 6, depth, interlaced)
    rgb = picture()
    yield "png_filters", save(Image.fromarray(rgb), "PNG", optimize=True)
    indices = generator.integers(0, 16, (HEIGHT, WIDTH, 1))
    yield "png_palette_transparent", png(indices, 3, 8, chunks=palette + png_chunk(b"tRNS", bytes(range(0, 160, 10))))
    yield "png_palette_short", png(indices % 4, 3, 4, chunks=small_palette)
    yield "png_grey_transparent", png(indices, 0, 8, chunks=png_chunk(b"tRNS", b"\0\5"))
    yield "png_rgb_transparent", png(rgb, 2, 8, chunks=png_chunk(b"tRNS", bytes(6)))
    yield "png_gamma", png(rgb, 2, 8, chunks=png_chunk(b"gAMA", struct.pack(">I", 100000)))
    yield "png_orientation", png(rgb, 2, 8, chunks=png_chunk(b"eXIf", exif_block(6)[6:]))
    yield "png_orientation_behind", png(rgb, 2, 8, behind=png_chunk(b"eXIf", exif_block(7)[6:]))
    yield (
        "png_orientation_xmp",
        png(rgb, 2, 8, chunks=png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_block(5))),
    )
    raw = exif_block(8)
    profile = b"\nexif\n%8d\n" % len(raw) + raw.hex().encode() + b"\n"
    yield (
        "png_orientation_raw",
        png(rgb, 2, 8, chunks=png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile))),
    )
    frames = [Image.fromarray(picture(seed=seed)) for seed in (1, 2)]
    yield "png_animated", save(frames[0], "PNG", save_all=True, append_images=frames[1:])
    yield "png_1x1", png(rgb[:1, :1], 2, 8)
    wrong_sum = bytearray(png(rgb, 2, 8))
    wrong_sum[-14] ^= 0xFF
    yield "png_data_crc", bytes(wrong_sum)


# --- WebP and GIF -----------------------------------------------------------------------------------------------


def webps() -> Iterator[tuple[str, bytes]]:
    rgb = Image.fromarray(picture())
    rgba = Image.fromarray(picture(channels=4), "RGBA")
    yield "webp_lossy", save(rgb, "WEBP", quality=70)
    yield "webp_lossless", save(rgb, "WEBP", lossless=True)
    yield "webp_alpha", save(rgba, "WEBP", quality=70)
    yield "webp_alpha_lossless", save(rgba, "WEBP", lossless=True, exact=True)
    yield "webp_orientation", save(rgb, "WEBP", quality=70, exif=exif_block(6)[6:])
    yield "webp_orientation_xmp", save(rgb, "WEBP", quality=70, xmp=xmp_block(3))
    frames = [Image.fromarray(picture(seed=seed)) for seed in (1, 2)]
    yield "webp_animated", save(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    yield "webp_animated_offset", webp_offset(save(frames[0], "WEBP", lossless=True))
    yield "webp_1x1", save(Image.fromarray(picture(1, 1)), "WEBP", lossless=True)


def webp_offset(still: bytes) -> bytes:
    """A still picture as the first frame of an animation whose canvas is larger."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def u24(value: int) -> bytes:
        return struct.pack("<I", value)[:3]

    extended = b"\x02\0\0\0" + u24(WIDTH + 5) + u24(HEIGHT + 6)
    frame = u24(1) + u24(2) + u24(WIDTH - 1) + u24(HEIGHT - 1) + u24(100) + b"\0" + still[12:]
    body = b"WEBP" + chunk(b"VP8X", extended) + chunk(b"ANIM", b"\xff\xff\xff\xff\0\0") + chunk(b"ANMF", frame)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gifs() -> Iterator[tuple[str, bytes]]:
    rgb = Image.fromarray(picture())
    palette = rgb.quantize(20)
    yield "gif_palette", save(palette, "GIF", interlace=0)
    yield "gif_interlaced", save(palette, "GIF", interlace=1)
    yield "gif_grey", save(rgb.convert("L"), "GIF")
    yield "gif_transparent", save(palette, "GIF", transparency=3)
    frames = [Image.fromarray(picture(seed=seed)).quantize(9) for seed in (1, 2, 3)]
    yield "gif_animated", save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    plain = save(palette, "GIF", interlace=0)
    larger = bytearray(plain)
    larger[6:10] = struct.pack("<HH", WIDTH + 4, HEIGHT + 3)
    yield "gif_larger_screen", bytes(larger)
    smaller = bytearray(plain)
    smaller[6:10] = struct.pack("<HH", 5, 4)
    yield "gif_smaller_screen", bytes(smaller)
    clear = save(palette, "GIF", transparency=3)
    moved = bytearray(clear)
    at = clear.index(b",\0\0\0\0" + struct.pack("<HH", WIDTH, HEIGHT))
    moved[at + 1 : at + 5] = struct.pack("<HH", 2, 1)
    yield "gif_offset_transparent", bytes(moved)
    noise = np.random.default_rng(5).integers(0, 256, (64, 64), dtype=np.uint8)
    yield "gif_full_table", save(Image.fromarray(noise), "GIF")


# --- BMP --------------------------------------------------------------------------------------------------------


def bmp(
    bits: int,
    data: bytes,
    palette: bytes = b"",
    compression: int = 0,
    masks: bytes = b"",
    header_size: int = 40,
    height: int = HEIGHT,
    width: int = WIDTH,
    colors: int = 0,
) -> bytes:
    info = struct.pack("<iiHHIIiiII", width, height, 1, bits, compression, len(data), 0, 0, colors, 0)
    info = struct.pack("<I", header_size) + info
    if header_size > 40:
        info += (masks + bytes(header_size))[: header_size - 40]
        masks = b""
    offset = 14 + header_size + len(masks) + len(palette)
    head = b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset)
    return head + info + masks + palette + data


def bmp_rows(rows: np.ndarray) -> bytes:
    return b"".join(row.tobytes() + b"\0" * (-len(row.tobytes()) % 4) for row in rows)


def bmps() -> Iterator[tuple[str, bytes]]:
    generator = np.random.default_rng(3)
    rgb = Image.fromarray(picture())
    yield "bmp_24", save(rgb, "BMP")
    yield "bmp_8_grey", save(rgb.convert("L"), "BMP")
    yield "bmp_8_palette", save(rgb.quantize(30), "BMP")
    yield "bmp_1", save(rgb.convert("1"), "BMP")
    yield "bmp_32", save(Image.fromarray(picture(channels=4), "RGBA"), "BMP")
    palette16 = generator.integers(0, 256, 64, dtype=np.uint8).tobytes()
    nibbles = generator.integers(0, 16, (HEIGHT, WIDTH + WIDTH % 2), dtype=np.uint8)
    packed = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
    yield "bmp_4", bmp(4, bmp_rows(packed), palette16)
    yield "bmp_1_colors", bmp(1, bmp_rows(np.packbits(nibbles & 1, axis=1)), palette16[:8])
    words = generator.integers(0, 65536, (HEIGHT, WIDTH), dtype=np.uint16)
    yield "bmp_16", bmp(16, bmp_rows(words))
    yield "bmp_16_565", bmp(16, bmp_rows(words), compression=3, masks=struct.pack("<III", 0xF800, 0x7E0, 0x1F))
    yield "bmp_16_555", bmp(16, bmp_rows(words), compression=3, masks=struct.pack("<III", 0x7C00, 0x3E0, 0x1F))
    longs = generator.integers(0, 1 << 32, (HEIGHT, WIDTH), dtype=np.uint32)
    yield (
        "bmp_32_xbgr",
        bmp(32, bmp_rows(longs), compression=3, masks=struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)),
    )
    rgba_masks = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    yield "bmp_32_rgba_v4", bmp(32, bmp_rows(longs), compression=3, masks=rgba_masks, header_size=108)
    bgra_masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield "bmp_32_bgra_v5", bmp(32, bmp_rows(longs), compression=3, masks=bgra_masks, header_size=124)
    yield "bmp_24_top_down", bmp(24, bmp_rows(picture().reshape(HEIGHT, -1)), height=-HEIGHT)
    core = struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24)
    data = bmp_rows(picture().reshape(HEIGHT, -1))
    yield "bmp_os2", b"BM" + struct.pack("<IHHI", 26 + len(data), 0, 0, 26) + core + data
    palette256 = generator.integers(0, 256, 1024, dtype=np.uint8).tobytes()
    yield "bmp_rle8", bmp(8, rle8(), palette256, compression=1)
    yield "bmp_rle4", bmp(4, rle4(), palette16, compression=2)


def rle8() -> bytes:
    """Runs, literals of odd and even length, ends of lines, a jump, a run past the end of its line."""
    lines = [bytes([WIDTH, 7]), bytes([3, 1, 0, 5, 9, 8, 7, 6, 5, 0, 11, 200]), bytes([0, 4, 1, 2, 3, 4, 15, 9])]
    lines += [bytes([5, 3]), bytes([40, 77]), bytes([0, 3, 250, 251, 252, 0, 16, 2])]
    body = b"".join(line + b"\0\0" for line in lines)
    body += bytes([4, 9, 0, 2, 3, 2, 6, 10]) + b"\0\0"
    body += b"".join(bytes([WIDTH, value]) + b"\0\0" for value in (20, 21, 22, 23))
    return body + b"\0\0" * 4 + b"\0\1"


def rle4() -> bytes:
    lines = [bytes([WIDTH, 0x7A]), bytes([3, 0x12, 0, 5, 0x98, 0x76, 0x50, 0, 11, 0xC3])]
    lines += [bytes([0, 4, 0x12, 0x34, 15, 0x9E]), bytes([5, 0x3F])]
    body = b"".join(line + b"\0\0" for line in lines)
    body += b"".join(bytes([WIDTH, value]) + b"\0\0" for value in range(9))
    return body + b"\0\1"


# --- TIFF -------------------------------------------------------------------------------------------------------


def tiff(tags: dict[int, tuple[str, tuple[int, ...]]], strips: list[bytes], byte_order: str = "<") -> bytes:
    """One directory behind the strips. Types: B, H, I."""
    kinds = {"B": 1, "H": 3, "I": 4}
    body = b""
    offsets = []
    for strip in strips:
        offsets.append(8 + len(body))
        body += strip + b"\0" * (len(strip) % 2)
    place, size = (324, 325) if 322 in tags else (273, 279)
    tags = {**tags, place: ("I", tuple(offsets)), size: ("I", tuple(len(strip) for strip in strips))}
    directory = 8 + len(body)
    values_at = directory + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        kind, numbers = tags[tag]
        data = struct.pack(byte_order + kind * len(numbers), *numbers)
        if len(data) > 4:
            place_of = struct.pack(byte_order + "I", values_at + len(values))
            values += data + b"\0" * (len(data) % 2)
        else:
            place_of = data + b"\0" * (4 - len(data))
        entries += struct.pack(byte_order + "HHI", tag, kinds[kind], len(numbers)) + place_of
    head = (b"II" if byte_order == "<" else b"MM") + struct.pack(byte_order + "HI", 42, directory)
    return head + body + struct.pack(byte_order + "H", len(tags)) + entries + struct.pack(byte_order + "I", 0) + values


def plain_tiff(
    samples: np.ndarray,
    photometric: int,
    bits: int,
    byte_order: str = "<",
    extra: tuple[int, ...] = (),
    sample_format: int = 1,
    planar: bool = False,
    rows_per_strip: int = 5,
    deflated: bool = False,
    more: dict[int, tuple[str, tuple[int, ...]]] | None = None,
) -> bytes:
    """Uncompressed; `samples` [height, width, channels] of the type that is stored."""
    height, width, channels = samples.shape
    tags: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (bits,) * channels),
        259: ("H", (1,)),
        262: ("H", (photometric,)),
        277: ("H", (channels,)),
        278: ("I", (rows_per_strip,)),
        284: ("H", (2 if planar else 1,)),
        339: ("H", (sample_format,) * channels),
    }
    if extra:
        tags[338] = ("H", extra)
    if deflated:
        tags[259] = ("H", (8,))
    tags.update(more or {})
    kind = samples.dtype.newbyteorder(byte_order)

    def pack(rows: np.ndarray) -> bytes:
        if bits >= 8:
            return rows.astype(kind).tobytes()
        flat = rows.reshape(rows.shape[0], -1)
        spread = np.unpackbits(flat.astype(np.uint8)[..., None], axis=2)[..., 8 - bits :].reshape(len(flat), -1)
        return np.packbits(spread, axis=1).tobytes()

    planes = [samples[..., c : c + 1] for c in range(channels)] if planar else [samples]
    strips = [pack(plane[y : y + rows_per_strip]) for plane in planes for y in range(0, height, rows_per_strip)]
    return tiff(tags, [zlib.compress(strip) for strip in strips] if deflated else strips, byte_order)


def tiled_tiff(samples: np.ndarray, tile: int = 16) -> bytes:
    height, width, channels = samples.shape
    padded = np.zeros((-(-height // tile) * tile, -(-width // tile) * tile, channels), samples.dtype)
    padded[:height, :width] = samples
    tiles = [
        padded[y : y + tile, x : x + tile].tobytes()
        for y in range(0, len(padded), tile)
        for x in range(0, padded.shape[1], tile)
    ]
    tags = {
        256: ("I", (width,)),
        257: ("I", (height,)),
        258: ("H", (8,) * channels),
        259: ("H", (1,)),
        262: ("H", (2,)),
        277: ("H", (channels,)),
        322: ("I", (tile,)),
        323: ("I", (tile,)),
    }
    return tiff(tags, tiles)


def tiffs() -> Iterator[tuple[str, bytes]]:
    generator = np.random.default_rng(4)
    rgb = picture()
    image = Image.fromarray(rgb)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"tiff_rgb_{compression}", save(image, "TIFF", compression=compression)
    yield "tiff_bilevel_group4", save(image.convert("1"), "TIFF", compression="group4")
    yield "tiff_bilevel_group3", save(image.convert("1"), "TIFF", compression="group3")
    yield "tiff_grey", save(image.convert("L"), "TIFF")
    yield "tiff_palette", save(image.quantize(30), "TIFF", compression="tiff_lzw")
    yield "tiff_rgba", save(Image.fromarray(picture(channels=4), "RGBA"), "TIFF", compression="tiff_lzw")
    yield "tiff_cmyk", save(Image.fromarray(picture(channels=4), "CMYK"), "TIFF", compression="tiff_lzw")
    yield "tiff_float", save(image.convert("F"), "TIFF")
    yield "tiff_int32", save(Image.fromarray((rgb[..., 0].astype(np.int32) - 60) * 3), "TIFF")
    for bits in (1, 2, 4, 8):
        grey = generator.integers(0, 1 << bits, (HEIGHT, WIDTH, 1), dtype=np.uint8)
        yield f"tiff_white_is_zero_{bits}", plain_tiff(grey, 0, bits)
        yield f"tiff_grey_{bits}", plain_tiff(grey, 1, bits)
        colormap = tuple(int(value) for value in generator.integers(0, 65536, 3 << bits))
        yield f"tiff_palette_{bits}", plain_tiff(grey, 3, bits, more={320: ("H", colormap)})
    wide = generator.integers(0, 500, (HEIGHT, WIDTH, 4)).astype(np.uint16)
    full = generator.integers(0, 65536, (HEIGHT, WIDTH, 4)).astype(np.uint16)
    for byte_order, name in (("<", "little"), (">", "big")):
        yield f"tiff_grey_16_{name}", plain_tiff(wide[..., :1], 1, 16, byte_order)
        yield f"tiff_rgb_16_{name}", plain_tiff(full[..., :3], 2, 16, byte_order)
        signed = (wide[..., :1].astype(np.int32) - 200).astype(np.int16)
        yield f"tiff_grey_signed_16_{name}", plain_tiff(signed, 1, 16, byte_order, sample_format=2)
    bytes4 = picture(channels=4)
    yield "tiff_rgb_associated_alpha", plain_tiff(np.minimum(bytes4, bytes4[..., 3:]), 2, 8, extra=(1,))
    yield "tiff_rgb_unassociated_alpha", plain_tiff(bytes4, 2, 8, extra=(2,))
    yield "tiff_rgb_unspecified", plain_tiff(bytes4, 2, 8, extra=(0,))
    yield "tiff_rgba_16_associated", plain_tiff(np.minimum(full, full[..., 3:]), 2, 16, extra=(1,))
    yield "tiff_cmyk_16", plain_tiff(full, 5, 16)
    yield "tiff_grey_alpha", plain_tiff(bytes4[..., :2], 1, 8, extra=(2,))
    yield "tiff_grey_unspecified", plain_tiff(bytes4[..., :2], 1, 8, extra=(0,))
    yield "tiff_rgb_planar", plain_tiff(rgb, 2, 8, planar=True)
    yield "tiff_rgb_16_planar", plain_tiff(full[..., :3], 2, 16, planar=True, deflated=True)
    yield "tiff_rgb_tiled", tiled_tiff(rgb)
    yield "tiff_ycbcr", plain_tiff(picture(20, 12), 6, 8, more={530: ("H", (1, 1))})
    for orientation in (1, 3, 6, 7):
        yield f"tiff_orientation_{orientation}", plain_tiff(rgb, 2, 8, more={274: ("H", (orientation,))})
    yield "tiff_pages", save(image, "TIFF", save_all=True, append_images=[Image.fromarray(picture(seed=9))])


def all_samples() -> dict[str, bytes]:
    samples: dict[str, bytes] = {}
    for source in (jpegs, pngs, webps, gifs, bmps, tiffs):
        for name, data in source():
            samples[name] = data
    return samples
