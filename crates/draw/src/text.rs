//! Labels: the font, how wide a text is in it, and what is shown of a long one.

use std::sync::LazyLock;

use skrifa::{
    FontRef, MetadataProvider,
    charmap::Charmap,
    instance::{LocationRef, Size},
    metrics::GlyphMetrics,
};

/// The font of the labels, so that pictures need none on the machine.
pub(crate) static FONT: &[u8] = notosans::REGULAR_TTF;

/// The name of [`FONT`], as it is written in the font itself.
pub(crate) const FONT_FAMILY: &str = "Noto Sans";

/// The height of the letters, with what is above and below them.
pub(crate) const FONT_SIZE: f64 = 13.0;

/// The distance from one line to the next.
pub(crate) const LINE_HEIGHT: f64 = 17.0;

/// How much of a line is shown.
const LINE_CHARS_MAX: usize = 40;

/// How much of the end of a long line is shown: the end is often what tells two keys apart.
const LINE_CHARS_TAIL: usize = 13;

/// How many lines are shown.
const LINES_MAX: usize = 12;

/// A line of a label, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The text, without characters that cannot be shown.
    pub text: String,
    /// How wide the text is.
    pub width: f64,
}

/// The lines of `label` as they are shown: in full, or shortened with an ellipsis.
pub(crate) fn lines(label: &str) -> Vec<Line> {
    let label = label.trim_end_matches(['\n', '\r']);
    if label.is_empty() {
        return Vec::new();
    }
    let mut lines: Vec<Line> = label
        .lines()
        .take(LINES_MAX)
        .map(|line| {
            let text = shorten(line);
            Line { width: width(&text), text }
        })
        .collect();
    if label.lines().nth(LINES_MAX).is_some() {
        lines[LINES_MAX - 1] = Line { text: "…".to_owned(), width: width("…") };
    }
    lines
}

/// Replaces what XML does not allow, so that it is seen that something was there.
pub(crate) fn printable(character: char) -> char {
    match character {
        '\n' => '\n',
        character if character.is_whitespace() => ' ',
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character => character,
    }
}

fn shorten(line: &str) -> String {
    let count = line.chars().count();
    let shown = line.chars().map(printable);
    if count <= LINE_CHARS_MAX {
        return shown.collect();
    }
    let head = LINE_CHARS_MAX - LINE_CHARS_TAIL - 1;
    let start = shown.clone().take(head);
    start.chain(['…']).chain(shown.skip(count - LINE_CHARS_TAIL)).collect()
}

struct Ruler {
    charmap: Charmap<'static>,
    glyphs: GlyphMetrics<'static>,
}

static RULER: LazyLock<Option<Ruler>> = LazyLock::new(|| {
    let font = FontRef::new(FONT).ok()?;
    let size = Size::new(FONT_SIZE as f32);
    Some(Ruler {
        charmap: font.charmap(),
        glyphs: font.glyph_metrics(size, LocationRef::default()),
    })
});

fn width(text: &str) -> f64 {
    text.chars().map(|character| f64::from(advance(character))).sum()
}

fn advance(character: char) -> f32 {
    let ruler = RULER.as_ref();
    ruler
        .and_then(|ruler| ruler.glyphs.advance_width(ruler.charmap.map(character)?))
        // A viewer takes another font for what ours has not, mostly signs as wide as high.
        .unwrap_or(FONT_SIZE as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(label: &str) -> Vec<String> {
        lines(label).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn long_lines_keep_both_ends() {
        let exact = "x".repeat(LINE_CHARS_MAX);
        assert_eq!(texts(&exact), std::slice::from_ref(&exact));
        let long = format!("('rechunk-merge-{}', 3, 11)", "0123456789".repeat(5));
        let shown = texts(&long).remove(0);
        assert_eq!(shown.chars().count(), LINE_CHARS_MAX);
        assert!(shown.starts_with("('rechunk-merge-"), "{shown}");
        assert!(shown.ends_with("', 3, 11)"), "{shown}");
        assert!(shown.contains('…'), "{shown}");
    }

    #[test]
    fn many_lines_are_cut() {
        assert_eq!(texts("a\nb\r\nc\n"), ["a", "b", "c"]);
        let many = texts(&"line\n".repeat(50));
        assert_eq!(many.len(), LINES_MAX);
        assert_eq!(many[LINES_MAX - 1], "…");
        assert!(texts("").is_empty() && texts("\n").is_empty());
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(texts("a\tb\u{0}c\u{1b}"), ["a b\u{fffd}c\u{fffd}"]);
    }

    #[test]
    fn widths_are_those_of_the_font() {
        // In the font an em is 2048 units, of which an "i" takes 528 and an "m" 1915.
        assert!((width("i") - FONT_SIZE * 528.0 / 2048.0).abs() < 0.01, "{}", width("i"));
        assert!((width("m") - FONT_SIZE * 1915.0 / 2048.0).abs() < 0.01, "{}", width("m"));
        assert!((width("漢") - FONT_SIZE).abs() < 0.01);
        assert!((width("imi") - 2.0 * width("i") - width("m")).abs() < 1e-9);
    }
}
