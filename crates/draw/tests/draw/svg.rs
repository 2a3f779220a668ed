use proptest::prelude::*;
use raskt_draw::{Color, Node, Picture, Shape};
use resvg::usvg::roxmltree::{Document, Node as Element};

use crate::graphs::pictures;

proptest! {
    #[test]
    fn documents_are_valid_and_complete(picture in pictures()) {
        let svg = picture.to_svg().unwrap();
        let document = Document::parse(&svg).unwrap();
        let count = |name: &str| {
            document.descendants().filter(|element| element.has_tag_name(name)).count()
        };
        // The background is a box as well.
        prop_assert_eq!(count("rect") + count("ellipse"), picture.nodes.len() + 1);
        prop_assert_eq!(count("path"), 2 * picture.edges.len());
        for element in document.descendants() {
            prop_assert!(!element.has_tag_name("script"));
            prop_assert!(element.attributes().all(|attribute| attribute.name() != "href"));
        }
        prop_assert_eq!(picture.to_svg().unwrap(), svg);
    }
}

/// Draws a single node, and hands its part of the document to `check`.
fn parse_node(node: Node, check: impl Fn(Element<'_, '_>)) {
    let picture = Picture { nodes: vec![node], ..Picture::default() };
    let svg = picture.to_svg().expect("the picture can be drawn");
    let document = Document::parse(&svg).expect("the document is valid");
    check(document.descendants().rfind(|element| element.has_tag_name("g")).expect("it is there"));
}

fn texts(group: Element<'_, '_>, name: &str) -> Vec<String> {
    let elements = group.children().filter(|element| element.has_tag_name(name));
    elements.map(|element| element.text().unwrap_or_default().to_owned()).collect()
}

#[test]
fn labels_are_read_as_they_were_written() {
    let label = "<b>&amp; \"quoted\"</b>\nsecond  line";
    parse_node(Node::new(label, Shape::Box), |group| {
        assert_eq!(texts(group, "title"), [label]);
        assert_eq!(texts(group, "text"), ["<b>&amp; \"quoted\"</b>", "second  line"]);
    });
}

#[test]
fn long_labels_are_whole_in_the_tooltip() {
    let label = format!("('from-pandas-{}', 0)", "0f".repeat(20));
    parse_node(Node::new(label.clone(), Shape::Circle), |group| {
        assert_eq!(texts(group, "title"), std::slice::from_ref(&label));
        assert!(texts(group, "text")[0].contains('…'));
    });
    let node = Node { tooltip: "more".to_owned(), ..Node::new("x", Shape::Box) };
    parse_node(node, |group| assert_eq!(texts(group, "title"), ["more"]));
}

#[test]
fn colours_and_pens_are_those_asked_for() {
    let fill = Some(Color::rgb(0x44, 0x01, 0x54));
    let node = Node { fill, pen_width: 2.5, ..Node::new("x", Shape::Circle) };
    parse_node(node, |group| {
        let outline = group.children().find(|element| element.has_tag_name("ellipse")).unwrap();
        assert_eq!(outline.attribute("fill"), Some("#440154"));
        assert_eq!(outline.attribute("stroke-width"), Some("2.5"));
        assert_eq!(outline.attribute("rx"), outline.attribute("ry"), "a circle");
        let text = group.children().find(|element| element.has_tag_name("text")).unwrap();
        assert_eq!(text.attribute("fill"), Some("#ffffff"), "light on dark");
    });
}
