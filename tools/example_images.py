#!/usr/bin/env python3
"""Draws examples/data/images: small pictures in classes, for the quick start and for trying out neighbours.

python3 tools/example_images.py [FOLDER]

Everything is drawn with Pillow from a seed; no picture is taken from anywhere.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

PER_CLASS = 12
SEED = 20
EXTENSIONS = ("jpg", "jpg", "png", "webp")
# Drawn larger and made smaller, so that edges are smooth.
SCALE = 2

Color = tuple[int, int, int]


def mix(a: Color, b: Color, t: float) -> Color:
    return tuple(round(x + (y - x) * t) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


def vary(rng: random.Random, color: Color, by: int = 18) -> Color:
    return tuple(max(0, min(255, c + rng.randint(-by, by))) for c in color)  # type: ignore[return-value]


def gradient(size: tuple[int, int], top: Color, bottom: Color) -> Image.Image:
    height = size[1]
    column = Image.new("RGB", (1, height))
    for y in range(height):
        column.putpixel((0, y), mix(top, bottom, y / max(1, height - 1)))
    return column.resize(size)


def sea(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    horizon = round(height * rng.uniform(0.45, 0.65))
    sky = rng.choice([(250, 140, 60), (120, 180, 240), (240, 110, 90)])
    image = gradient(size, vary(rng, mix(sky, (40, 60, 130), 0.4)), mix(sky, (255, 235, 190), 0.6))
    draw = ImageDraw.Draw(image)
    x, r = round(width * rng.uniform(0.25, 0.75)), round(height * rng.uniform(0.08, 0.14))
    y = horizon - round(r * rng.uniform(0.2, 2.0))
    for ring in range(6, 0, -1):
        glow = mix(sky, (255, 250, 210), 1 - ring / 8)
        draw.ellipse((x - r - ring * 5, y - r - ring * 5, x + r + ring * 5, y + r + ring * 5), fill=glow)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 250, 205))
    water = gradient((width, height - horizon), mix(sky, (30, 90, 140), 0.5), (10, 40, 80))
    image.paste(water, (0, horizon))
    for _ in range(170):
        wy = rng.randint(horizon, height - 1)
        depth = (wy - horizon) / max(1, height - horizon)
        length = round(6 + 40 * depth)
        wx = round(rng.gauss(x, 20 + 60 * depth)) if rng.random() < 0.5 else rng.randint(0, width)
        draw.line((wx - length, wy, wx + length, wy), fill=mix((255, 240, 200), (40, 90, 140), rng.random()), width=2)
    return image


def house(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = gradient(size, vary(rng, (110, 170, 235)), (215, 235, 250))
    draw = ImageDraw.Draw(image)
    ground = round(height * 0.78)
    draw.rectangle((0, ground, width, height), fill=vary(rng, (95, 150, 70)))
    w, h = round(width * rng.uniform(0.42, 0.58)), round(height * rng.uniform(0.3, 0.4))
    left, top = round((width - w) * rng.uniform(0.3, 0.7)), ground - h
    wall = vary(rng, rng.choice([(230, 215, 180), (190, 90, 70), (235, 235, 230), (170, 190, 205)]))
    draw.rectangle((left, top, left + w, ground + 6), fill=wall)
    for row in range(top, ground, 12):
        draw.line((left, row, left + w, row), fill=mix(wall, (0, 0, 0), 0.12))
    roof = vary(rng, rng.choice([(150, 55, 45), (80, 75, 80), (120, 80, 50)]))
    peak = top - round(h * rng.uniform(0.55, 0.8))
    draw.polygon([(left - 16, top), (left + w // 2, peak), (left + w + 16, top)], fill=roof)
    chimney = left + round(w * 0.72)
    draw.rectangle((chimney, peak + 10, chimney + 18, top - 12), fill=mix(roof, (60, 30, 30), 0.4))
    door = left + round(w * rng.uniform(0.42, 0.5))
    draw.rectangle((door, ground - round(h * 0.55), door + round(w * 0.14), ground + 6), fill=(95, 60, 40))
    for wx in (left + round(w * 0.12), left + round(w * 0.7)):
        wy, side = top + round(h * 0.22), round(w * 0.17)
        draw.rectangle((wx, wy, wx + side, wy + side), fill=(150, 195, 225), outline=(250, 250, 250), width=4)
        draw.line((wx + side // 2, wy, wx + side // 2, wy + side), fill=(250, 250, 250), width=3)
        draw.line((wx, wy + side // 2, wx + side, wy + side // 2), fill=(250, 250, 250), width=3)
    return image


def tree(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = gradient(size, vary(rng, (130, 185, 240)), (225, 240, 250))
    draw = ImageDraw.Draw(image)
    ground = round(height * 0.8)
    draw.rectangle((0, ground, width, height), fill=vary(rng, (100, 155, 65)))
    leaf = vary(rng, rng.choice([(50, 120, 45), (70, 140, 50), (190, 110, 40)]))

    def branch(x: float, y: float, angle: float, length: float, thick: float) -> None:
        end_x, end_y = x + length * math.cos(angle), y - length * math.sin(angle)
        draw.line((x, y, end_x, end_y), fill=(90, 62, 42), width=max(1, round(thick)))
        if length < 14:
            for _ in range(5):
                lx, ly, r = rng.gauss(end_x, 9), rng.gauss(end_y, 9), rng.uniform(5, 11)
                draw.ellipse((lx - r, ly - r, lx + r, ly + r), fill=vary(rng, leaf, 28))
            return
        for turn in (rng.uniform(0.25, 0.65), -rng.uniform(0.25, 0.65)):
            branch(end_x, end_y, angle + turn, length * rng.uniform(0.66, 0.8), thick * 0.68)

    branch(width * rng.uniform(0.42, 0.58), ground + 10, math.pi / 2, height * 0.24, height * 0.05)
    return image


def car(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = gradient(size, vary(rng, (170, 200, 225)), (230, 230, 225))
    draw = ImageDraw.Draw(image)
    road = round(height * 0.66)
    draw.rectangle((0, road, width, height), fill=vary(rng, (95, 95, 100), 10))
    for x in range(rng.randint(-40, 0), width, 90):
        draw.rectangle((x, road + round(height * 0.22), x + 45, road + round(height * 0.245)), fill=(235, 230, 210))
    body = vary(rng, rng.choice([(200, 35, 35), (35, 80, 180), (235, 190, 40), (60, 130, 80), (210, 210, 215)]))
    w, h = round(width * rng.uniform(0.66, 0.76)), round(height * 0.17)
    left = round((width - w) * rng.uniform(0.3, 0.7))
    base = road + round(height * 0.1)
    draw.rounded_rectangle((left, base - h, left + w, base), radius=h // 3, fill=body)
    cabin = [(0.18, 0.0), (0.32, 0.95), (0.66, 0.95), (0.82, 0.0)]
    draw.polygon([(left + w * x, base - h * 0.95 - h * y) for x, y in cabin], fill=body)
    glass = [(0.24, 0.05), (0.345, 0.82), (0.485, 0.82), (0.485, 0.05)]
    draw.polygon([(left + w * x, base - h * 0.95 - h * y) for x, y in glass], fill=(60, 80, 95))
    glass = [(0.515, 0.05), (0.515, 0.82), (0.64, 0.82), (0.755, 0.05)]
    draw.polygon([(left + w * x, base - h * 0.95 - h * y) for x, y in glass], fill=(60, 80, 95))
    draw.line((left + w * 0.5, base - h * 0.9, left + w * 0.5, base - 6), fill=mix(body, (0, 0, 0), 0.35), width=2)
    draw.ellipse((left + w - 20, base - h * 0.75, left + w - 2, base - h * 0.4), fill=(255, 245, 200))
    for wheel in (0.2, 0.8):
        cx, r = left + w * wheel, h * 0.46
        draw.ellipse((cx - r, base - r, cx + r, base + r), fill=(25, 25, 28))
        draw.ellipse((cx - r * 0.55, base - r * 0.55, cx + r * 0.55, base + r * 0.55), fill=(190, 190, 195))
        for spoke in range(5):
            a = spoke * 2 * math.pi / 5
            draw.line(
                (cx, base, cx + r * 0.5 * math.cos(a), base + r * 0.5 * math.sin(a)), fill=(110, 110, 115), width=3
            )
    return image


def face(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = gradient(size, vary(rng, rng.choice([(120, 160, 190), (200, 190, 160), (150, 180, 150)])), (235, 235, 230))
    draw = ImageDraw.Draw(image)
    skin = vary(rng, rng.choice([(245, 210, 180), (215, 165, 125), (150, 100, 70), (95, 65, 48)]), 8)
    hair = vary(rng, rng.choice([(40, 30, 25), (110, 70, 35), (210, 170, 90), (130, 130, 135)]), 8)
    x, y = width / 2, height * 0.5
    rx, ry = height * rng.uniform(0.24, 0.27), height * rng.uniform(0.31, 0.35)
    draw.rounded_rectangle(
        (x - rx * 1.7, y + ry * 1.1, x + rx * 1.7, height * 1.3), radius=60, fill=vary(rng, (70, 90, 140), 40)
    )
    draw.rectangle((x - rx * 0.35, y + ry * 0.7, x + rx * 0.35, y + ry * 1.3), fill=mix(skin, (0, 0, 0), 0.1))
    draw.ellipse((x - rx * 1.14, y - ry * 1.2, x + rx * 1.14, y + ry * 0.5), fill=hair)
    draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=skin)
    draw.pieslice((x - rx * 1.05, y - ry * 1.15, x + rx * 1.05, y + ry * 0.35), 190, 350, fill=hair)
    for side in (-1, 1):
        ex, ey = x + side * rx * 0.4, y - ry * 0.08
        draw.ellipse((ex - 15, ey - 9, ex + 15, ey + 9), fill=(250, 250, 250))
        draw.ellipse((ex - 7, ey - 7, ex + 7, ey + 7), fill=(60, 80, 60))
        draw.ellipse((ex - 3, ey - 3, ex + 3, ey + 3), fill=(10, 10, 10))
        draw.arc((ex - 20, ey - 26, ex + 20, ey + 6), 205, 335, fill=hair, width=5)
        draw.ellipse(
            (x + side * rx * 1.0 - 9, y - 16, x + side * rx * 1.0 + 9, y + 20), fill=mix(skin, (120, 40, 30), 0.15)
        )
    draw.line((x, y - 4, x - 8, y + ry * 0.26, x + 7, y + ry * 0.27), fill=mix(skin, (60, 20, 10), 0.35), width=4)
    smile = rng.uniform(15, 45)
    draw.arc((x - rx * 0.4, y + ry * 0.25, x + rx * 0.4, y + ry * 0.6), smile, 180 - smile, fill=(170, 60, 60), width=7)
    return image


def flower(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = gradient(size, vary(rng, (70, 120, 60)), vary(rng, (35, 75, 35)))
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        gx, gy = rng.randint(0, width), rng.randint(0, height)
        draw.line(
            (gx, gy, gx + rng.randint(-14, 14), gy - rng.randint(20, 60)), fill=vary(rng, (80, 140, 60), 30), width=4
        )
    image = image.filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(image)
    x, y, r = width * rng.uniform(0.42, 0.58), height * rng.uniform(0.4, 0.5), height * rng.uniform(0.26, 0.32)
    draw.line((x, y, x + rng.randint(-20, 20), height), fill=(60, 120, 50), width=10)
    petal = vary(rng, rng.choice([(250, 250, 245), (240, 200, 40), (220, 60, 90), (160, 90, 190)]))
    count, start = rng.choice([8, 12, 16, 21]), rng.random()
    for ring in (1.0, 0.82):
        for i in range(count):
            a = start + (i + (0.5 if ring < 1 else 0)) * 2 * math.pi / count
            length, wide = r * ring, r * 2.4 / count
            points = []
            for t in range(13):
                s = t / 12
                bulge = wide * math.sin(math.pi * s**0.8)
                points.append(
                    (
                        x + length * s * math.cos(a) - bulge * math.sin(a),
                        y + length * s * math.sin(a) + bulge * math.cos(a),
                    )
                )
            for t in range(12, -1, -1):
                s = t / 12
                bulge = -wide * math.sin(math.pi * s**0.8)
                points.append(
                    (
                        x + length * s * math.cos(a) - bulge * math.sin(a),
                        y + length * s * math.sin(a) + bulge * math.cos(a),
                    )
                )
            draw.polygon(points, fill=vary(rng, petal, 10), outline=mix(petal, (60, 30, 40), 0.3))
    core = r * 0.28
    draw.ellipse((x - core, y - core, x + core, y + core), fill=(190, 130, 30))
    for _ in range(90):
        a, d = rng.random() * 2 * math.pi, core * math.sqrt(rng.random())
        px, py = x + d * math.cos(a), y + d * math.sin(a)
        draw.ellipse((px - 2, py - 2, px + 2, py + 2), fill=vary(rng, (120, 75, 20), 25))
    return image


def checkerboard(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    cells = rng.choice([6, 8, 10])
    cell = max(width, height) // cells + 1
    dark, light = vary(rng, rng.choice([(20, 20, 20), (110, 60, 30), (30, 60, 110)])), vary(rng, (240, 230, 210))
    big = Image.new("RGB", (2 * max(size), 2 * max(size)), light)
    draw = ImageDraw.Draw(big)
    for row in range(big.height // cell + 1):
        for column in range(big.width // cell + 1):
            if (row + column) % 2:
                draw.rectangle((column * cell, row * cell, (column + 1) * cell - 1, (row + 1) * cell - 1), fill=dark)
    big = big.rotate(rng.choice([0, 0, rng.uniform(-30, 30)]), Image.Resampling.BICUBIC)
    left, top = (big.width - width) // 2, (big.height - height) // 2
    return big.crop((left, top, left + width, top + height))


def page(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    width, height = size
    paper = vary(rng, (248, 246, 238), 6)
    image = Image.new("RGB", size, paper)
    draw = ImageDraw.Draw(image)
    margin, y = round(width * 0.09), round(height * 0.08)
    draw.rectangle((margin, y, margin + round(width * rng.uniform(0.35, 0.7)), y + 16), fill=(35, 35, 40))
    y += 36
    while y < height * 0.93:
        x, last = margin, rng.random() < 0.18
        end = width - margin if not last else round(width * rng.uniform(0.3, 0.7))
        while x < end:
            word = rng.randint(12, 46)
            for letter in range(x, min(x + word, end), 7):
                tall = rng.choice([6, 6, 6, 10])
                draw.rectangle((letter, y + 10 - tall, letter + 4, y + 10), fill=vary(rng, (55, 55, 60), 12))
            x += word + 8
        y += 30 if last else 18
    return image


CLASSES: dict[str, Callable[[random.Random, tuple[int, int]], Image.Image]] = {
    "car": car,
    "checkerboard": checkerboard,
    "face": face,
    "flower": flower,
    "house": house,
    "page": page,
    "sea": sea,
    "tree": tree,
}


def save(image: Image.Image, path: Path) -> None:
    if path.suffix == ".jpg":
        image.save(path, quality=80, optimize=True)
    elif path.suffix == ".webp":
        image.save(path, quality=75, method=6)
    else:
        image.quantize(64).save(path, optimize=True)


def main() -> None:
    root = Path(__file__).resolve().parents[1] / "examples" / "data" / "images"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else root
    for name, draw in CLASSES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(PER_CLASS):
            rng = random.Random(f"{SEED}/{name}/{i}")
            width, height = rng.choice([(320, 240), (240, 240), (256, 192), (192, 256), (300, 200), (160, 200)])
            image = draw(rng, (SCALE * width, SCALE * height)).resize((width, height), Image.Resampling.LANCZOS)
            save(image, folder / name / f"{i:03}.{EXTENSIONS[i % len(EXTENSIONS)]}")


if __name__ == "__main__":
    main()
