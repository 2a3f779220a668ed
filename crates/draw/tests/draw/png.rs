use proptest::{prelude::*, test_runner::Config};
use raskt_draw::{Color, DrawError, Node, Picture, Shape};
use resvg::tiny_skia::Pixmap;

use crate::graphs::{binary_tree, pictures, plain};

fn draw(picture: &Picture, scale: f32) -> Pixmap {
    let png = picture.to_png(scale).expect("the picture can be drawn");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    Pixmap::decode_png(&png).expect("the image can be read")
}

fn count(pixmap: &Pixmap, is_meant: impl Fn((u8, u8, u8)) -> bool) -> usize {
    let parts = pixmap.pixels().iter().map(|pixel| (pixel.red(), pixel.green(), pixel.blue()));
    parts.filter(|&parts| is_meant(parts)).count()
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn images_have_the_size_of_the_layout(picture in pictures(), scale in 0.3..1.5_f32) {
        let layout = picture.layout().unwrap();
        let image = draw(&picture, scale);
        let scale = f64::from(scale);
        prop_assert!((f64::from(image.width()) - layout.width * scale).abs() < 2.0);
        prop_assert!((f64::from(image.height()) - layout.height * scale).abs() < 2.0);
        prop_assert!(count(&image, |parts| parts != (255, 255, 255)) > 50);
    }
}

#[test]
fn a_node_is_filled_with_its_colour() {
    let fill = Color::rgb(10, 200, 30);
    let node = Node { fill: Some(fill), ..Node::new("", Shape::Box) };
    let image = draw(&Picture { nodes: vec![node], ..Picture::default() }, 1.0);
    assert!(count(&image, |parts| parts == (10, 200, 30)) > 1_000);
    assert_eq!(image.pixel(0, 0).unwrap().red(), 255, "the background is light");
}

#[test]
fn labels_are_drawn_without_any_font_installed() {
    let is_dark = |(red, green, blue): (u8, u8, u8)| red < 90 && green < 90 && blue < 90;
    let [empty, labelled] = ["", "label"].map(|label| {
        let nodes = vec![Node::new(label, Shape::Box)];
        count(&draw(&Picture { nodes, ..Picture::default() }, 4.0), is_dark)
    });
    assert_eq!(empty, 0);
    assert!(labelled > 300, "{labelled}");
}

#[test]
fn a_picture_that_is_too_wide_is_drawn_smaller() {
    let image = draw(&plain(1_000, &[]), 1.0);
    assert_eq!(image.width(), 16_384);
}

#[test]
fn a_scale_must_be_a_positive_number() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let error = binary_tree(2).to_png(scale).unwrap_err();
        assert!(matches!(error, DrawError::Scale { .. }), "{scale}");
    }
    draw(&binary_tree(2), 1e-6);
}
