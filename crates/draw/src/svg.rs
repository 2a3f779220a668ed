//! SVG documents.

use std::fmt::{self, Display, Write};

use crate::{
    Color, Layout, Node, Picture, PlacedEdge, PlacedNode, Point, Shape,
    text::{FONT_FAMILY, FONT_SIZE, LINE_HEIGHT, printable},
};

/// Fonts that are about as wide as the one that labels are measured in.
const FALLBACK_FONTS: &str = "Open Sans,Segoe UI,Helvetica,Arial,sans-serif";

const EDGE_COLOR: Color = Color::rgb(0x6b, 0x72, 0x80);
const DARK_TEXT: Color = Color::rgb(0x1f, 0x29, 0x37);

/// Writes the document.
pub(crate) fn document(picture: &Picture, layout: &Layout) -> String {
    Document { picture, layout }.to_string()
}

struct Document<'a> {
    picture: &'a Picture,
    layout: &'a Layout,
}

impl Display for Document<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = (Number(self.layout.width), Number(self.layout.height));
        writeln!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="max-width:100%;height:auto">"#
        )?;
        let background = Color::WHITE;
        writeln!(out, r#"<rect width="{width}" height="{height}" fill="{background}"/>"#)?;

        writeln!(out, r#"<g fill="none" stroke="{EDGE_COLOR}" stroke-width="1.2">"#)?;
        for edge in &self.layout.edges {
            write_line(out, edge)?;
        }
        writeln!(out, "</g>")?;
        writeln!(out, r#"<g fill="{EDGE_COLOR}">"#)?;
        for edge in &self.layout.edges {
            let [tip, left, right] = edge.arrow.map(Place);
            writeln!(out, r#"<path d="M{tip}L{left}L{right}Z"/>"#)?;
        }
        writeln!(out, "</g>")?;

        writeln!(
            out,
            r#"<g font-family="{FONT_FAMILY},{FALLBACK_FONTS}" font-size="{FONT_SIZE}" text-anchor="middle" xml:space="preserve">"#
        )?;
        for (node, placed) in self.picture.nodes.iter().zip(&self.layout.nodes) {
            write_node(out, node, placed)?;
        }
        writeln!(out, "</g>\n</svg>")
    }
}

fn write_line(out: &mut fmt::Formatter<'_>, edge: &PlacedEdge) -> fmt::Result {
    let mut points = edge.curve.iter().copied().map(Place);
    let Some(start) = points.next() else { return Ok(()) };
    write!(out, r#"<path d="M{start}C"#)?;
    for (index, point) in points.enumerate() {
        let separator = if index == 0 { "" } else { " " };
        write!(out, "{separator}{point}")?;
    }
    writeln!(out, r#""/>"#)
}

fn write_node(out: &mut fmt::Formatter<'_>, node: &Node, placed: &PlacedNode) -> fmt::Result {
    let (fill, stroke) = colors(node);
    write!(out, "<g>")?;
    let tooltip = if node.tooltip.is_empty() { &node.label } else { &node.tooltip };
    if !tooltip.is_empty() {
        write!(out, "<title>{}</title>", Escaped(tooltip))?;
    }
    let PlacedNode { center, width, height, .. } = placed;
    let center = Place(*center);
    match node.shape {
        Shape::Box => {
            let corner = Place(Point { x: center.0.x - width / 2.0, y: center.0.y - height / 2.0 });
            let (width, height) = (Number(*width), Number(*height));
            let (x, y) = (corner.x(), corner.y());
            write!(out, r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5""#)?;
        }
        Shape::Circle | Shape::Ellipse => {
            let (cx, cy, rx, ry) =
                (center.x(), center.y(), Number(width / 2.0), Number(height / 2.0));
            write!(out, r#"<ellipse cx="{cx}" cy="{cy}" rx="{rx}" ry="{ry}""#)?;
        }
    }
    write!(out, r#" fill="{fill}" stroke="{stroke}""#)?;
    let pen_width = pen_width(node);
    if pen_width != 1.0 {
        write!(out, r#" stroke-width="{}""#, Number(pen_width))?;
    }
    write!(out, "/>")?;
    write_label(out, placed, if fill.is_dark() { Color::WHITE } else { DARK_TEXT })?;
    writeln!(out, "</g>")
}

fn write_label(out: &mut fmt::Formatter<'_>, placed: &PlacedNode, color: Color) -> fmt::Result {
    // Capitals rise about 0.71 of the font's size above the line they stand on.
    let first =
        placed.center.y - (placed.lines.len() as f64 - 1.0) * LINE_HEIGHT / 2.0 + FONT_SIZE * 0.36;
    for (index, line) in placed.lines.iter().enumerate() {
        if line.text.trim().is_empty() {
            continue;
        }
        let (x, y) = (Number(placed.center.x), Number(first + index as f64 * LINE_HEIGHT));
        // With the length given, the text fits its node in any font.
        let (width, text) = (Number(line.width), Escaped(&line.text));
        write!(
            out,
            r#"<text x="{x}" y="{y}" textLength="{width}" lengthAdjust="spacingAndGlyphs" fill="{color}">{text}</text>"#
        )?;
    }
    Ok(())
}

/// The colours inside and of the outline.
fn colors(node: &Node) -> (Color, Color) {
    match (node.fill, node.shape) {
        (Some(fill), _) => (fill, fill.mix(Color::rgb(0, 0, 0), 0.45)),
        (None, Shape::Box) => (Color::rgb(0xf3, 0xf4, 0xf6), Color::rgb(0x6b, 0x72, 0x80)),
        (None, _) => (Color::rgb(0xdb, 0xea, 0xfe), Color::rgb(0x3b, 0x6f, 0xb6)),
    }
}

fn pen_width(node: &Node) -> f64 {
    if node.pen_width.is_finite() { f64::from(node.pen_width).clamp(0.0, 20.0) } else { 1.0 }
}

/// A number with as many digits as can be seen.
struct Number(f64);

impl Display for Number {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding 0.0 turns -0.0 into 0.0.
        write!(out, "{}", (self.0 * 10.0).round() / 10.0 + 0.0)
    }
}

/// A point, as paths have it.
struct Place(Point);

impl Place {
    fn x(&self) -> Number {
        Number(self.0.x)
    }

    fn y(&self) -> Number {
        Number(self.0.y)
    }
}

impl Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{},{}", self.x(), self.y())
    }
}

/// A text that stands between tags.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars().map(printable) {
            match character {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                character => out.write_char(character)?,
            }
        }
        Ok(())
    }
}
