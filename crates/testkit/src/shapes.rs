//! Random graphs of known shapes: [`Plan`], and [`plans`] for property tests.

use proptest::prelude::*;

use crate::builder::GraphBuilder;

/// A kind of graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Many tasks without inputs, one that takes them all.
    Wide,
    /// Each takes the one before, now and then twice.
    Chain,
    /// Results are put together two to four at a time.
    Tree,
    /// Layers, whose tasks take some of the layer before.
    Layered,
    /// One, several that take it, one that takes them, and so on.
    Diamond,
    /// Each takes up to three of all before it; there are constants and second names.
    Random,
}

/// All shapes.
pub const SHAPES: [Shape; 6] =
    [Shape::Wide, Shape::Chain, Shape::Tree, Shape::Layered, Shape::Diamond, Shape::Random];

/// A random graph: the same plan gives the same graph.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Of which kind.
    pub shape: Shape,
    /// Of how many tasks and constants.
    pub tasks: usize,
    /// What makes it differ from others.
    pub seed: u64,
}

/// Plans of up to so many tasks.
pub fn plans(max_tasks: usize) -> impl Strategy<Value = Plan> {
    let shape = prop::sample::select(&SHAPES[..]);
    (shape, 0..=max_tasks, any::<u64>()).prop_map(|(shape, tasks, seed)| Plan {
        shape,
        tasks,
        seed,
    })
}

impl Plan {
    /// The graph.
    pub fn graph(self) -> GraphBuilder {
        let mut rng = Rng(self.seed);
        let mut graph = GraphBuilder::default();
        match self.shape {
            Shape::Wide => wide(&mut graph, &mut rng, self.tasks),
            Shape::Chain => chain(&mut graph, &mut rng, self.tasks),
            Shape::Tree => tree(&mut graph, &mut rng, self.tasks),
            Shape::Layered => layered(&mut graph, &mut rng, self.tasks),
            Shape::Diamond => diamond(&mut graph, &mut rng, self.tasks),
            Shape::Random => random(&mut graph, &mut rng, self.tasks),
        }
        graph
    }

    /// The positions whose results are wanted: the last, and some others, now and then twice.
    pub fn outputs(self) -> Vec<usize> {
        let Some(last) = self.tasks.checked_sub(1) else { return Vec::new() };
        let mut rng = Rng(!self.seed);
        let mut outputs = vec![last];
        for _ in 0..rng.below(4) {
            let at = rng.below(outputs.len() + 1);
            outputs.insert(at, rng.below(self.tasks));
        }
        outputs
    }
}

fn wide(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    while graph.len() + 1 < tasks {
        source(graph, rng);
    }
    if graph.len() < tasks {
        graph.task(&(0..graph.len()).collect::<Vec<_>>());
    }
}

fn chain(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    if tasks > 0 {
        source(graph, rng);
    }
    while graph.len() < tasks {
        let last = graph.len() - 1;
        if rng.below(8) == 0 {
            graph.task(&[last, last])
        } else {
            graph.task(&[last])
        };
    }
}

fn tree(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    let mut roots = std::collections::VecDeque::new();
    while graph.len() < tasks {
        let left = tasks - graph.len();
        if roots.len() < 2 || (roots.len() < left && rng.below(3) > 0) {
            roots.push_back(source(graph, rng));
        } else {
            let count = (2 + rng.below(3)).min(roots.len());
            let inputs: Vec<usize> = roots.drain(..count).collect();
            roots.push_back(graph.task(&inputs));
        }
    }
}

fn layered(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    let width = 1 + rng.below(8);
    while graph.len() < tasks.min(width) {
        source(graph, rng);
    }
    while graph.len() < tasks {
        let layer = graph.len() / width * width;
        let inputs: Vec<usize> =
            (0..=rng.below(3)).map(|_| layer - width + rng.below(width)).collect();
        graph.task(&inputs);
    }
}

fn diamond(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    if tasks > 0 {
        source(graph, rng);
    }
    while graph.len() < tasks {
        let top = graph.len() - 1;
        let sides = (1 + rng.below(4)).min(tasks - graph.len());
        let inputs: Vec<usize> = (0..sides).map(|_| graph.task(&[top])).collect();
        if graph.len() < tasks {
            graph.task(&inputs);
        }
    }
}

fn random(graph: &mut GraphBuilder, rng: &mut Rng, tasks: usize) {
    while graph.len() < tasks {
        let before = graph.len();
        if before == 0 || rng.below(6) == 0 {
            source(graph, rng);
        } else if rng.below(8) == 0 {
            graph.alias(rng.below(before));
        } else {
            let inputs: Vec<usize> = (0..rng.below(4)).map(|_| rng.below(before)).collect();
            graph.task(&inputs);
        }
    }
}

/// A constant, or a task without inputs.
fn source(graph: &mut GraphBuilder, rng: &mut Rng) -> usize {
    if rng.below(4) == 0 { graph.constant(rng.next() as i64) } else { graph.root() }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Form, evaluate, number};

    proptest! {
        #[test]
        fn a_plan_gives_as_many_tasks_as_it_says(plan in plans(60)) {
            prop_assert_eq!(plan.graph().len(), plan.tasks);
            prop_assert_eq!(plan.outputs().is_empty(), plan.tasks == 0);
        }

        #[test]
        fn both_ways_to_evaluate_agree(plan in plans(60)) {
            let graph = plan.graph();
            let found = evaluate(&graph.nodes(Form::Number)).unwrap();
            let found: Vec<i64> = found.iter().map(number).collect();
            prop_assert_eq!(found, graph.numbers());
        }
    }
}
