//! Finding a cycle in graphs that users write by hand.

/// A topological order of `n` items, or a cycle among them.
///
/// `dependencies(i)` are the items that must come before `i`. The order is depth-first in
/// the order of the items. Takes time and memory linear in items and dependencies, and no
/// stack.
///
/// # Errors
/// The items of a cycle, each followed by one that it depends on; the last depends on the
/// first.
///
/// ```
/// # use raskt_graph::cycle::topological_order;
/// assert_eq!(topological_order(3, |i| [vec![1], vec![2], vec![]][i].clone()), Ok(vec![2, 1, 0]));
/// assert_eq!(topological_order(2, |i| [vec![1], vec![0]][i].clone()), Err(vec![0, 1]));
/// ```
pub fn topological_order<I>(
    n: usize,
    mut dependencies: impl FnMut(usize) -> I,
) -> Result<Vec<usize>, Vec<usize>>
where
    I: IntoIterator<Item = usize>,
{
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; n];
    let mut order = Vec::with_capacity(n);
    let mut path: Vec<(usize, I::IntoIter)> = Vec::new();
    for start in 0..n {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        path.push((start, dependencies(start).into_iter()));
        while let Some((item, rest)) = path.last_mut() {
            let item = *item;
            match rest.next() {
                Some(next) if marks[next] == Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, dependencies(next).into_iter()));
                }
                Some(next) if marks[next] == Mark::Open => {
                    let items = path.iter().map(|(item, _)| *item);
                    return Err(items.skip_while(|item| *item != next).collect());
                }
                Some(_) => {}
                None => {
                    marks[item] = Mark::Done;
                    order.push(item);
                    path.pop();
                }
            }
        }
    }
    Ok(order)
}
