//! Graphviz text.

use std::fmt::{self, Display, Write};

use crate::{Direction, Node, Picture, Shape};

/// Writes the document.
pub(crate) fn document(picture: &Picture) -> String {
    Document(picture).to_string()
}

struct Document<'a>(&'a Picture);

impl Display for Document<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Picture { nodes, edges, direction }) = self;
        let rankdir = match direction {
            Direction::BottomToTop => "BT",
            Direction::TopToBottom => "TB",
            Direction::LeftToRight => "LR",
            Direction::RightToLeft => "RL",
        };
        writeln!(out, "digraph {{")?;
        writeln!(out, "    graph [rankdir={rankdir}];")?;
        writeln!(out, "    node [fontname=Helvetica];")?;
        for (index, node) in nodes.iter().enumerate() {
            writeln!(out, "    {index} [{}];", Attributes(node))?;
        }
        for (from, to) in edges {
            writeln!(out, "    {from} -> {to};")?;
        }
        writeln!(out, "}}")
    }
}

struct Attributes<'a>(&'a Node);

impl Display for Attributes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node { label, shape, fill, tooltip, pen_width } = self.0;
        write!(out, "label={}", Quoted(label))?;
        match shape {
            Shape::Box => write!(out, ", shape=box")?,
            Shape::Circle => write!(out, ", shape=circle")?,
            Shape::Ellipse => write!(out, ", shape=ellipse")?,
        }
        let rounded = *shape == Shape::Box;
        match (fill, rounded) {
            (Some(fill), true) => write!(out, r#", style="rounded,filled", fillcolor="{fill}""#)?,
            (Some(fill), false) => write!(out, r#", style=filled, fillcolor="{fill}""#)?,
            (None, true) => write!(out, ", style=rounded")?,
            (None, false) => {}
        }
        if fill.is_some_and(|fill| fill.is_dark()) {
            write!(out, ", fontcolor=white")?;
        }
        if !tooltip.is_empty() {
            write!(out, ", tooltip={}", Quoted(tooltip))?;
        }
        if *pen_width != 1.0 && pen_width.is_finite() {
            write!(out, ", penwidth={pen_width}")?;
        }
        Ok(())
    }
}

/// A text in quotes that Graphviz shows as it is.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' => out.write_str("\\\"")?,
                '\\' => out.write_str("\\\\")?,
                '\n' => out.write_str("\\n")?,
                '\r' => {}
                // Otherwise `&lt;` would be shown as `<`.
                '&' => out.write_str("&amp;")?,
                '\0' => out.write_char('\u{fffd}')?,
                character => out.write_char(character)?,
            }
        }
        out.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;

    #[test]
    fn describes_every_part() {
        let picture = Picture {
            nodes: vec![
                Node::new("x", Shape::Box),
                Node { fill: Some(Color::rgb(0x44, 0x01, 0x54)), ..Node::new("f", Shape::Circle) },
                Node {
                    tooltip: "all\nof it".to_owned(),
                    pen_width: 2.5,
                    fill: Some(Color::WHITE),
                    ..Node::new("y", Shape::Box)
                },
            ],
            edges: vec![(0, 1), (1, 2)],
            direction: Direction::LeftToRight,
        };
        let expected = r##"digraph {
    graph [rankdir=LR];
    node [fontname=Helvetica];
    0 [label="x", shape=box, style=rounded];
    1 [label="f", shape=circle, style=filled, fillcolor="#440154", fontcolor=white];
    2 [label="y", shape=box, style="rounded,filled", fillcolor="#ffffff", tooltip="all\nof it", penwidth=2.5];
    0 -> 1;
    1 -> 2;
}
"##;
        assert_eq!(document(&picture), expected);
    }

    #[test]
    fn quotes_what_has_a_meaning_to_graphviz() {
        for (text, quoted) in [
            ("plain", r#""plain""#),
            (r#"('a', "b")"#, r#""('a', \"b\")""#),
            (r"C:\new", r#""C:\\new""#),
            ("end\\", r#""end\\""#),
            ("two\r\nlines", r#""two\nlines""#),
            ("<b>&lt;", r#""<b>&amp;lt;""#),
            ("nul\0", "\"nul\u{fffd}\""),
        ] {
            assert_eq!(Quoted(text).to_string(), quoted);
        }
    }
}
