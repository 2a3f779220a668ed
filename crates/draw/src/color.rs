//! Colours, and how they are read and mixed.

use std::{fmt, str::FromStr};

use crate::DrawError;

/// An opaque colour.
///
/// It is read from anything that CSS takes for a colour, and written as `#rrggbb`:
///
/// ```
/// let color: raskt_draw::Color = "steelblue".parse()?;
/// assert_eq!(color.to_string(), "#4682b4");
/// # Ok::<(), raskt_draw::DrawError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// How much red there is.
    pub red: u8,
    /// How much green there is.
    pub green: u8,
    /// How much blue there is.
    pub blue: u8,
}

impl Color {
    /// White, which is also what is behind the picture.
    pub const WHITE: Self = Self::rgb(0xff, 0xff, 0xff);

    /// The colour with these parts.
    pub const fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The colour that is `share` of `other` and for the rest `self`.
    pub(crate) fn mix(self, other: Self, share: f64) -> Self {
        let mix = |own: u8, others: u8| {
            (f64::from(own) * (1.0 - share) + f64::from(others) * share).round() as u8
        };
        Self::rgb(
            mix(self.red, other.red),
            mix(self.green, other.green),
            mix(self.blue, other.blue),
        )
    }

    /// Whether light text reads better on this colour than dark text.
    pub(crate) fn is_dark(self) -> bool {
        // The weights are how bright the parts look to the eye, in thousandths.
        let brightness =
            299 * u32::from(self.red) + 587 * u32::from(self.green) + 114 * u32::from(self.blue);
        brightness < 128 * 1000
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { red, green, blue } = self;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Color {
    type Err = DrawError;

    fn from_str(text: &str) -> Result<Self, DrawError> {
        let color: svgtypes::Color = text
            .trim()
            .parse()
            .map_err(|source| DrawError::UnknownColor { text: text.to_owned(), source })?;
        // What is see-through is mixed with the background, as it would look.
        let opaque = Self::rgb(color.red, color.green, color.blue);
        Ok(Self::WHITE.mix(opaque, f64::from(color.alpha) / 255.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_numbers() {
        for (text, color) in [
            ("red", Color::rgb(255, 0, 0)),
            ("#0f0", Color::rgb(0, 255, 0)),
            (" #440154 ", Color::rgb(0x44, 0x01, 0x54)),
            ("rgb(1, 2, 3)", Color::rgb(1, 2, 3)),
            ("#ff000080", Color::rgb(255, 127, 127)),
        ] {
            assert_eq!(text.parse::<Color>().unwrap(), color, "{text}");
        }
        for text in ["", "reddish", "#12345", "#é"] {
            let error = text.parse::<Color>().unwrap_err();
            assert!(matches!(error, DrawError::UnknownColor { .. }), "{text}");
        }
    }

    #[test]
    fn knows_dark_from_light() {
        assert!(Color::rgb(0x44, 0x01, 0x54).is_dark());
        assert!(!Color::rgb(0xfd, 0xe7, 0x25).is_dark());
    }
}
