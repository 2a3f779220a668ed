"""The page around the panels of a profile: figures, plots, table of functions.

The page is one file that asks for nothing: style and script are inside, and its
security policy forbids everything else. Names come from users' programs, so all text is
escaped, and the policy allows no script but ours, by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from raskt.diagnostics._summary import FunctionRow, time_text
from raskt.diagnostics._svg import UNITS, Panel

FUNCTIONS_SHOWN_MAX = 40

WIDTH = 1180


def render_page(
    *,
    title: str,
    span: float,
    width: int | None,
    tools: Sequence[str],
    panels: Sequence[Panel],
    tiles: Sequence[tuple[str, str]],
    functions: Sequence[FunctionRow],
    colors: Mapping[str, str],
    classes: Mapping[str, str],
) -> str:
    """Return the page as HTML."""
    script = _asset("profile.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    )
    data = {"span": span, "tools": list(tools), "panels": [p.tips for p in panels]}
    hints = {
        "wheel_zoom": "wheel to zoom",
        "pan": "drag to move",
        "reset": "double-click for all",
    }
    hint = ", ".join(text for tool, text in hints.items() if tool in tools)
    button = '<button id="reset">Show all</button>' if "reset" in tools else ""
    style = _asset("profile.css") + _color_rules(colors, classes)
    body = "\n".join(
        [
            f'<header><h1>{_text(title)}</h1><span class="hint">{hint}</span>{button}'
            "</header>",
            _tiles(tiles),
            '<section class="card">',
            *(_panel(panel) for panel in panels),
            '<div class="axis"><div class="ticks"></div></div>',
            "</section>",
            _table(functions, classes),
            '<div class="tip" hidden></div>',
        ]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n"
        f"<style>\n{style}body {{ max-width: {width or WIDTH}px; }}\n</style>\n"
        f"</head>\n<body>\n{body}\n"
        f'<script type="application/json" id="data">{_json(data)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def page_height(panels: Iterable[Panel], functions: Sequence[FunctionRow]) -> int:
    """Return about how many pixels high a page is, for the frame in a notebook."""
    rows = min(len(functions), FUNCTIONS_SHOWN_MAX)
    plots = sum(
        panel.height + 46 + 22 * len(panel.notes) + 30 * bool(panel.legend)
        for panel in panels
    )
    return 270 + plots + (90 + 31 * rows if rows else 0)


def _panel(panel: Panel) -> str:
    labels = "".join(
        f'<span style="top:{100 * part:.2f}%">{_text(text)}</span>'
        for part, text in panel.labels
    )
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in panel.notes)
    return (
        f'<div class="panel"><h2>{_text(panel.title)}</h2>{notes}{_legend(panel)}'
        f'<div class="labels">{labels}</div>'
        f'<svg class="plot" height="{panel.height}" preserveAspectRatio="none" '
        f'viewBox="0 0 {UNITS} {panel.height}" role="img" '
        f'aria-label="{_text(panel.title)}">'
        f'<path class="grid"/>{panel.svg}<path class="cross"/></svg></div>'
    )


def _legend(panel: Panel) -> str:
    if not panel.legend:
        return ""
    entries = (
        f'<li><i class="swatch {style}"></i>{_text(name)}</li>'
        for name, style in panel.legend
    )
    return f'<ul class="legend">{"".join(entries)}</ul>'


def _tiles(tiles: Iterable[tuple[str, str]]) -> str:
    cells = (
        f'<div class="tile"><b>{_text(value)}</b><span>{_text(name)}</span></div>'
        for name, value in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _table(functions: Sequence[FunctionRow], classes: Mapping[str, str]) -> str:
    if not functions:
        return ""
    total = sum(row.seconds for row in functions) or 1.0
    highest = max(row.seconds for row in functions) or 1.0
    lines = []
    for row in functions[:FUNCTIONS_SHOWN_MAX]:
        style = classes[row.name]
        # The bars compare the functions, so the first is as long as there is room.
        part, size = row.seconds / total, 80 * row.seconds / highest
        bar = f'<i class="{style}" style="width:{size:.1f}%"></i>{part:.1%}'
        cells = (
            f"{row.calls:,}",
            time_text(row.seconds),
            time_text(row.seconds / row.calls),
            time_text(row.longest),
        )
        lines.append(
            f'<tr data-name="{_text(row.name)}">'
            f'<td><i class="swatch {style}"></i>{_text(row.name)}</td>'
            + "".join(f"<td>{_text(cell)}</td>" for cell in cells)
            + f'<td><div class="share">{bar}</div></td></tr>'
        )
    more = len(functions) - FUNCTIONS_SHOWN_MAX
    note = f'<p class="note">and {more:,} more</p>' if more > 0 else ""
    heads = ("Function", "Calls", "Total", "Mean", "Longest", "Share")
    return (
        '<section class="card scroll"><table><thead><tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr></thead><tbody>{''.join(lines)}</tbody></table>{note}</section>"
    )


def _color_rules(colors: Mapping[str, str], classes: Mapping[str, str]) -> str:
    return "".join(
        f".{classes[name]} {{ fill: {color}; stroke: {color}; background: {color}; }}\n"
        for name, color in colors.items()
    )


def _json(data: Any) -> str:
    # In a script element only "<" could end the text or change how it is read.
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _text(text: str) -> str:
    # Lone surrogates, as in names of undecodable files, cannot be written.
    return escape(text.encode("utf-8", "replace").decode())


def _asset(name: str) -> str:
    return files("raskt.diagnostics").joinpath(name).read_text(encoding="utf-8")
