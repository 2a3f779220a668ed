//! How good schedules are: the benchmarks of the RSDS paper on a model of a cluster, run by
//! the production scheduler and by simple policies, with the production worker throughout.
//!
//! Everything is deterministic, and nothing takes real time but the decisions, which are not
//! counted.
//!
//! Start reading at [`machine`]; the benchmarks are in [`graphs`].

mod books;

pub mod dask;
pub mod fixed;
pub mod graphs;
pub mod machine;
pub mod ours;

use dask::Dask;
use fixed::Fixed;
use graphs::Graph;
use machine::{Cluster, Run, run};
use ours::Ours;

/// What each policy made of a graph.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The production scheduler.
    pub ours: Run,
    /// Any worker.
    pub random: Run,
    /// By levels, with all durations known.
    pub levels: Run,
    /// Dask's policy.
    pub dask: Run,
    /// What no schedule can be below.
    pub bound_us: u64,
}

impl Comparison {
    /// The shortest makespan of the other policies.
    pub fn best_us(&self) -> u64 {
        let Comparison { random, levels, dask, .. } = self;
        random.makespan_us.min(levels.makespan_us).min(dask.makespan_us)
    }

    /// How much longer ours takes than the best of the others; below 1: it is the best.
    pub fn ratio(&self) -> f64 {
        self.ours.makespan_us as f64 / self.best_us().max(1) as f64
    }
}

/// Lets all policies run a graph.
///
/// # Errors
/// One never gets to the end.
pub fn compare(cluster: Cluster, graph: &Graph) -> Result<Comparison, String> {
    let named = |name: &'static str| move |text: String| format!("{name}: {text}");
    Ok(Comparison {
        ours: run(cluster, graph, &mut Ours::new(cluster, graph)).map_err(named("ours"))?,
        random: run(cluster, graph, &mut Fixed::random(cluster, graph)).map_err(named("random"))?,
        levels: run(cluster, graph, &mut Fixed::levels(cluster, graph)).map_err(named("levels"))?,
        dask: run(cluster, graph, &mut Dask::new(cluster, graph)).map_err(named("dask"))?,
        bound_us: graph.lower_bound_us(cluster.workers * cluster.threads),
    })
}
