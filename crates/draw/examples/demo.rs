//! Draws example pictures into a folder, to look at them:
//! `cargo run -p raskt-draw --example demo -- FOLDER`.

use std::{env, error::Error, fs, path::PathBuf, time::Instant};

use raskt_draw::{Color, Direction, Node, Picture, Shape};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/demo".to_owned()));
    fs::create_dir_all(&folder)?;
    for (name, picture) in [
        ("word-count", word_count()),
        ("tree", tree(32)),
        ("cumulative", cumulative(8)),
        ("shuffle", shuffle(6)),
        ("labels", labels()),
        ("components", components()),
        ("rechunk", rechunk(12, Direction::LeftToRight)),
    ] {
        let start = Instant::now();
        let layout = picture.layout()?;
        let took = start.elapsed();
        fs::write(folder.join(name).with_extension("png"), picture.to_png(1.5)?)?;
        fs::write(folder.join(name).with_extension("svg"), picture.to_svg()?)?;
        fs::write(folder.join(name).with_extension("dot"), picture.to_dot()?)?;
        #[expect(clippy::print_stdout, reason = "that is what an example is for")]
        {
            println!("{name}: {:.0} x {:.0}, laid out in {took:?}", layout.width, layout.height);
        }
    }
    Ok(())
}

/// Adds a node, and edges to it from `inputs`.
fn add(picture: &mut Picture, label: &str, shape: Shape, inputs: &[u32]) -> u32 {
    let index = picture.nodes.len() as u32;
    picture.nodes.push(Node::new(label, shape));
    picture.edges.extend(inputs.iter().map(|&input| (input, index)));
    index
}

/// Counting words in a few files: data in boxes, functions in circles.
fn word_count() -> Picture {
    let mut picture = Picture::default();
    let mut counts = Vec::new();
    for file in ["a.txt", "b.txt", "c.txt", "d.txt"] {
        let path = add(&mut picture, file, Shape::Box, &[]);
        let read = add(&mut picture, "read_text", Shape::Circle, &[path]);
        let split = add(&mut picture, "split", Shape::Circle, &[read]);
        let count = add(&mut picture, "count", Shape::Circle, &[split]);
        counts.push(add(&mut picture, "Counter", Shape::Box, &[count]));
    }
    let merged = add(&mut picture, "merge", Shape::Circle, &counts);
    let top = add(&mut picture, "most_common", Shape::Circle, &[merged]);
    add(&mut picture, "[('the', 812), …]", Shape::Box, &[top]);
    picture
}

/// A reduction two by two, coloured by layer.
fn tree(leaf_count: usize) -> Picture {
    let mut picture = Picture::default();
    let mut row: Vec<u32> =
        (0..leaf_count).map(|leaf| add(&mut picture, &leaf.to_string(), Shape::Box, &[])).collect();
    let colors = [0x44_01_54, 0x3b_52_8b, 0x21_91_8c, 0x5e_c9_62, 0xfd_e7_25].map(|number: u32| {
        let [_, red, green, blue] = number.to_be_bytes();
        Color::rgb(red, green, blue)
    });
    for color in colors {
        row = row.chunks(2).map(|pair| add(&mut picture, "add", Shape::Circle, pair)).collect();
        for &node in &row {
            picture.nodes[node as usize].fill = Some(color);
        }
    }
    picture
}

/// A cumulative sum: a chain in which every link takes another input.
fn cumulative(count: usize) -> Picture {
    let mut picture = Picture::default();
    let zero = add(&mut picture, "zeros", Shape::Circle, &[]);
    let mut total = add(&mut picture, "0", Shape::Box, &[zero]);
    for step in 1..count {
        let load = add(&mut picture, "load", Shape::Circle, &[]);
        let chunk = add(&mut picture, &format!("({step}, 0)"), Shape::Box, &[load]);
        let sum = add(&mut picture, "sum", Shape::Circle, &[chunk]);
        let shifted = add(&mut picture, "cumsum", Shape::Circle, &[chunk, zero]);
        add(&mut picture, "store", Shape::Circle, &[shifted, total]);
        total = add(&mut picture, "add", Shape::Circle, &[total, sum]);
    }
    picture
}

/// Everything to everything.
fn shuffle(count: usize) -> Picture {
    let mut picture = Picture::default();
    let reads: Vec<u32> = (0..count)
        .map(|index| add(&mut picture, &format!("read\n{index}"), Shape::Box, &[]))
        .collect();
    let splits: Vec<u32> =
        reads.iter().map(|&read| add(&mut picture, "split", Shape::Circle, &[read])).collect();
    for index in 0..count {
        let concat = add(&mut picture, "concat", Shape::Circle, &splits);
        add(&mut picture, &format!("out\n{index}"), Shape::Box, &[concat]);
    }
    picture
}

/// Labels of all kinds.
fn labels() -> Picture {
    let mut picture = Picture::default();
    let inputs = [
        "x",
        "",
        "('rechunk-merge-8d21f0a86b1e4d2b9c0f3b6f5d7c2a10', 3, 11)",
        "three\nlines of\ntext",
        "<&> \"quoted\" é Ж α ∑ 漢字",
    ]
    .map(|label| add(&mut picture, label, Shape::Box, &[]));
    let functions = ["f", "getitem", "a function with a long name", "two\nlines", "sum_of_squares"]
        .map(|label| add(&mut picture, label, Shape::Circle, &inputs[..2]));
    let last = add(&mut picture, "an ellipse of\ntwo lines", Shape::Ellipse, &functions);
    picture.nodes[last as usize].pen_width = 3.0;
    for input in &inputs[2..] {
        picture.edges.push((*input, last));
    }
    picture
}

/// Graphs that have nothing to do with each other.
fn components() -> Picture {
    let mut picture = Picture::default();
    for count in [3, 1, 2] {
        let inputs: Vec<u32> = (0..count)
            .map(|index| add(&mut picture, &format!("x-{index}"), Shape::Box, &[]))
            .collect();
        add(&mut picture, "f", Shape::Circle, &inputs);
    }
    add(&mut picture, "alone", Shape::Box, &[]);
    picture
}

/// Neighbours with neighbours, from left to right.
fn rechunk(count: u32, direction: Direction) -> Picture {
    let mut picture = Picture { direction, ..Picture::default() };
    let chunks: Vec<u32> =
        (0..count).map(|index| add(&mut picture, &format!("({index})"), Shape::Box, &[])).collect();
    let overlaps: Vec<u32> = (0..chunks.len())
        .map(|index| {
            let range = index.saturating_sub(1)..(index + 2).min(chunks.len());
            add(&mut picture, "concatenate", Shape::Circle, &chunks[range])
        })
        .collect();
    for overlap in overlaps {
        let mapped = add(&mut picture, "blur", Shape::Circle, &[overlap]);
        add(&mut picture, "trimmed", Shape::Box, &[mapped]);
    }
    picture
}
