"""Colours of functions: the same name has the same colour in every picture."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence

# Two rings of 16 evenly spaced hues (OKLCH), readable on light and on dark.
HUES = """
    c94f7c ce5052 cb5a1a b26f08 9c7c0b 82870d 529420 08985e
    149483 0d919a 138db1 0085da 5c77df 856ad6 a35ec1 ba54a2
    fe879a fd8e75 fc933c e6a312 c7b314 9dc13f 65cb70 16cfa0
    09cbc5 19c6e3 43befd 81b2fd a3a7ff c598fe e48ae7 f983c2
"""

# Well-known palettes by name; `RAMPS` are interpolated, `SETS` are used as they are.
RAMPS = {
    "Viridis": "440154 3b528b 21918c 5ec962 fde725",
    "Plasma": "0d0887 7e03a8 cc4778 f89540 f0f921",
    "Inferno": "000004 57106e bc3754 f98e09 fcffa4",
    "Magma": "000004 51127c b73779 fc8961 fcfdbf",
    "Cividis": "00204c 404c6b 7b7b78 bcae6e ffe945",
    "Turbo": "30123b 4668e0 2ab9ed 2ff09a a1fc3d ecd139 fb8022 d23005 7a0402",
    "Blues": "08306b 2171b5 6baed6 c6dbef",
    "Greens": "00441b 238b45 74c476 c7e9c0",
    "Reds": "67000d cb181d fb6a4a fcbba1",
    "Oranges": "7f2704 d94801 fd8d3c fdd0a2",
    "Purples": "3f007d 6a51a3 9e9ac8 dadaeb",
    "Spectral": "3288bd 66c2a5 e6f598 fee08b f46d43 d53e4f",
    "RdYlBu": "4575b4 abd9e9 ffffbf fdae61 d73027",
    "BrBG": "01665e 80cdc1 f5f5f5 dfc27d 8c510a",
}
SETS = {
    "Hues": HUES,
    "Category10": """
        1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 7f7f7f bcbd22 17becf
    """,
}

RAMP_STEPS = 24

# What a colour may look like; anything else could break out of the style sheet.
COLOR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})|[a-zA-Z]+")


def resolve_palette(palette: str | Sequence[str]) -> list[str]:
    """Return the colours of a palette given by name, or check those given."""
    if not isinstance(palette, str):
        colors = list(palette)
        wrong = [c for c in colors if not (isinstance(c, str) and COLOR.fullmatch(c))]
        if wrong or not colors:
            raise ValueError(
                "a palette is a name or colours such as '#1f77b4' or 'teal', "
                f"not {wrong[0] if wrong else palette!r}"
            )
        return colors
    if palette in SETS:
        return [f"#{color}" for color in SETS[palette].split()]
    if palette in RAMPS:
        return _ramp(RAMPS[palette].split())
    raise ValueError(
        f"unknown palette {palette!r}: use colours, or one of "
        + ", ".join(sorted(SETS | RAMPS))
    )


def assign_colors(names: Iterable[str], colors: Sequence[str]) -> dict[str, str]:
    """Give each name a colour that depends on the name.

    Names that want the same colour would look like one: the later in the alphabet then
    takes another that is free.
    """
    count = len(colors)
    # A step without a common factor comes by all colours, neighbours well apart.
    step = 11 if count % 11 else 7
    taken: dict[int, str] = {}
    chosen = {}
    for name in sorted(set(names)):
        home = zlib.crc32(name.encode("utf-8", "surrogatepass")) % count
        slots = ((home + step * i) % count for i in range(count))
        slot = next((slot for slot in slots if slot not in taken), home)
        taken[slot] = name
        chosen[name] = colors[slot]
    return chosen


def _ramp(stops: Sequence[str]) -> list[str]:
    points = [[int(stop[i : i + 2], 16) for i in (0, 2, 4)] for stop in stops]
    colors = []
    for step in range(RAMP_STEPS):
        position = step * (len(points) - 1) / (RAMP_STEPS - 1)
        low = min(int(position), len(points) - 2)
        part = position - low
        mixed = (
            round(a + (b - a) * part)
            for a, b in zip(points[low], points[low + 1], strict=True)
        )
        colors.append("#" + "".join(f"{value:02x}" for value in mixed))
    return colors
