//! PNG images: the SVG document in pixels.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Pixmap, Transform},
    usvg::{self, fontdb},
};

use crate::{
    DrawError,
    text::{FONT, FONT_FAMILY},
};

/// Viewers and libraries refuse much larger images.
const SIDE_MAX: f32 = 16_384.0;

/// As many pixels as take 256 MB while they are drawn.
const PIXELS_MAX: f32 = 64e6;

/// Only the font of this crate, so that images do not depend on the machine.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_source(fontdb::Source::Binary(Arc::new(FONT)));
    fonts.set_sans_serif_family(FONT_FAMILY);
    Arc::new(fonts)
});

/// Renders an SVG document with `scale` pixels to its unit, or fewer if it is too large.
pub(crate) fn image(document: &str, scale: f32) -> Result<Vec<u8>, DrawError> {
    let options = usvg::Options {
        font_family: FONT_FAMILY.to_owned(),
        fontdb: Arc::clone(&FONTS),
        ..usvg::Options::default()
    };
    let tree =
        usvg::Tree::from_str(document, &options).map_err(|source| DrawError::Render { source })?;
    let size = tree.size();
    let scale = fit(scale, size.width(), size.height());
    let width = pixels(size.width() * scale);
    let height = pixels(size.height() * scale);
    let encode_error = |reason| DrawError::Encode { width, height, reason };

    let mut pixmap = Pixmap::new(width, height)
        .ok_or_else(|| encode_error("there is no memory for it".to_owned()))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| encode_error(error.to_string()))
}

/// The largest scale up to `scale` that keeps within the limits.
fn fit(scale: f32, width: f32, height: f32) -> f32 {
    let side_fit = SIDE_MAX / width.max(height);
    let pixels_fit = (PIXELS_MAX / (width * height)).sqrt();
    scale.min(side_fit).min(pixels_fit)
}

fn pixels(length: f32) -> u32 {
    length.ceil().clamp(1.0, SIDE_MAX) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_is_kept_unless_the_image_would_be_too_large() {
        assert_eq!(fit(2.0, 300.0, 200.0), 2.0);
        assert_eq!(fit(2.0, 163_840.0, 200.0), 0.1);
        assert_eq!(fit(2.0, 16_000.0, 16_000.0), 0.5);
        assert_eq!(fit(1e30, 16.0, 16.0), 500.0);
        assert_eq!(pixels(0.01), 1);
    }
}
