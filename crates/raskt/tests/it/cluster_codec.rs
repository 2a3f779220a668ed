//! Functions and values on their way to another process and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use raskt::Delayed;
use raskt::cluster::RustCodec;
use raskt::graph::payload::List;
use raskt::graph::{Arg, Call, Graph, Node, Portable, TaskId, Value, lower};
use raskt_cluster::pack::pack;
use raskt_cluster::payload::{Codec, Functions, Packer, PayloadError, Unpacked, unpack};
use raskt_wire::{BlobId, Handle, Submission, Terms, WireValue};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

#[raskt::task]
fn inc(x: i64) -> i64 {
    x + 1
}

#[raskt::task]
fn middle(points: &[Point]) -> Point {
    let n = points.len() as f64;
    Point {
        x: points.iter().map(|p| p.x).sum::<f64>() / n,
        y: points.iter().map(|p| p.y).sum::<f64>() / n,
    }
}

#[raskt::task]
fn count(words: BTreeMap<String, u64>, least: &u64) -> Result<u64, String> {
    Ok(words.values().filter(|n| *n >= least).sum())
}

mod elsewhere {
    #[raskt::task]
    pub(super) fn inc(x: i64) -> i64 {
        x + 100
    }
}

/// What a worker does with the tasks of a block, one after the other.
fn run(block: &Submission) -> Result<Vec<Value>, PayloadError> {
    let known = Functions::default();
    let mut results: Vec<Value> = Vec::new();
    for task in &block.tasks {
        let ids: Vec<BlobId> =
            task.blobs.iter().map(|place| block.blobs[*place as usize].id).collect();
        let find = |id| block.blobs.iter().find(|b| b.id == id).map(|b| b.value.clone());
        let Unpacked { function, args } =
            unpack(task.payload.clone(), &ids, &find, &known, &RustCodec)?;
        // Inputs come over the wire, too.
        let inputs: Vec<Value> =
            task.inputs.iter().map(|i| crossed(&results[*i as usize])).collect();
        let result = function.call(Call::new(Some(&args), &inputs));
        results.push(result.expect("these tasks do not fail"));
    }
    Ok(results)
}

fn crossed(value: &Value) -> Value {
    RustCodec.decode(RustCodec.encode(value).unwrap()).unwrap()
}

fn block(graph: &Graph) -> Submission {
    let wants: Vec<(TaskId, Handle)> =
        graph.outputs().iter().zip(0..).map(|(id, n)| (*id, Handle(n))).collect();
    pack(graph, 1, &wants, &RustCodec, |_: &Node| Terms::default()).unwrap()
}

/// Computes it as another process would, and as this one does.
#[track_caller]
fn check<T: raskt::graph::Payload + PartialEq + std::fmt::Debug>(task: &Delayed<T>) {
    let block = block(&lower(std::slice::from_ref(task.node())));
    let (place, _) = block.wants[0];
    let there = run(&block).unwrap()[place as usize].clone();
    assert_eq!(there.get::<T>(), Some(&task.compute().unwrap()));
}

#[test]
fn tasks_are_found_by_name_and_give_the_same_result() {
    check(&inc::lazy(inc::lazy(1)));
    check(&elsewhere::inc::pure(inc::lazy(1)));
    check(&count::lazy(BTreeMap::from([("a".to_string(), 3), ("b".to_string(), 1)]), 2));
}

#[test]
fn vectors_of_lazy_values_are_arguments() {
    let points: Vec<Delayed<Point>> =
        (0..10).map(|i| Delayed::ready("p", Point { x: f64::from(i), y: 1.0 })).collect();
    check(&middle::lazy(points.as_slice()));
    check(&middle::lazy([middle::lazy(points), Delayed::ready("p", Point { x: 0.0, y: 0.0 })]));
}

#[test]
fn large_values_are_shared_and_arrive_whole() {
    let points = vec![Point { x: 1.0, y: 2.0 }; 1000];
    let shared = Delayed::ready("points", points);
    let tasks = [middle::lazy(&shared), middle::lazy(&shared)];
    let block = block(&lower(&tasks.each_ref().map(|task| task.node().clone())));
    assert_eq!(block.blobs.len(), 1);
    let results = run(&block).unwrap();
    assert!(results.iter().all(|r| r.get() == Some(&Point { x: 1.0, y: 2.0 })));
}

#[test]
fn lists_of_values_cross_with_what_is_in_them() {
    let inner = Value::from_data(List(vec![Value::new(1_i64), Value::new("x".repeat(10_000))]));
    let list = Value::from_data(List(vec![inner, Value::new(2.0)]));
    let List(items) = crossed(&list).downcast_ref::<List>().map(|l| List(l.0.clone())).unwrap();
    let List(first) = items[0].downcast_ref::<List>().map(|l| List(l.0.clone())).unwrap();
    assert_eq!(first[0].get::<i64>(), Some(&1));
    assert_eq!(first[1].get::<String>().map(String::len), Some(10_000));
    assert_eq!(items[1].get::<f64>(), Some(&2.0));
}

fn inc_as_sent() -> Portable {
    inc::lazy(0).node().function().encode().unwrap()
}

#[track_caller]
fn refusal(portable: &Portable) -> String {
    let error = RustCodec.function(portable).expect_err("it is not known");
    std::error::Error::source(&error).expect("it says why").to_string()
}

#[test]
fn a_name_says_where_the_function_is() {
    let name = inc_as_sent().name;
    assert_eq!(&*name, format!("rust:{}::inc", module_path!()));
}

#[test]
fn a_function_that_reads_differently_is_refused() {
    let sent = inc_as_sent();
    let changed = Portable { parameters: vec![0; 16], ..sent.clone() };
    let why = refusal(&changed);
    assert!(why.contains("cluster_codec::inc") && why.contains("other code"), "{why}");
    let absent = Portable { name: "rust:program::absent".into(), ..sent };
    let why = refusal(&absent);
    assert!(why.starts_with("there is no task program::absent"), "{why}");
}

#[test]
fn functions_that_read_the_same_are_told_apart_by_where_they_are() {
    fn one() -> Delayed<i64> {
        const BY: i64 = 1;
        #[raskt::task]
        fn add(x: i64) -> i64 {
            x + BY
        }
        add::lazy(1)
    }
    fn other() -> Delayed<i64> {
        const BY: i64 = 2;
        #[raskt::task]
        fn add(x: i64) -> i64 {
            x + BY
        }
        add::lazy(1)
    }
    assert_eq!((one().compute().unwrap(), other().compute().unwrap()), (2, 3));
    check(&one());
    check(&other());
    // The place in the file is of no importance where there is one such function only.
    assert!(!inc_as_sent().name.contains('@'));
}

macro_rules! adder {
    ($name:ident, $by:literal) => {
        fn $name() -> Delayed<i64> {
            const BY: i64 = $by;
            #[raskt::task]
            fn plus(x: i64) -> i64 {
                x + BY
            }
            plus::lazy(1)
        }
    };
}

#[test]
fn functions_that_cannot_be_told_apart_are_refused() {
    mod made {
        use raskt::Delayed;
        macro_rules! both {
            ($(($name:ident, $by:literal))*) => { $(adder!($name, $by);)* };
        }
        both! { (one, 1) (other, 2) }
        pub(super) fn two() -> [Delayed<i64>; 2] {
            [one(), other()]
        }
    }
    let [one, other] = made::two();
    assert_eq!((one.compute().unwrap(), other.compute().unwrap()), (2, 3));
    let why = refusal(&one.node().function().encode().unwrap());
    assert!(why.contains("several tasks") && why.contains("different names"), "{why}");
}

#[test]
fn a_type_that_no_task_uses_is_refused() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Unused;
    let sent = RustCodec.encode(&Value::new(Unused)).unwrap();
    let error = RustCodec.decode(sent).expect_err("it is not known");
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("no task of this program takes or gives a") && why.contains("Unused"));
}

#[test]
fn damaged_bytes_are_an_error() {
    let whole = RustCodec.encode(&Value::new("some text".to_string())).unwrap();
    let cut = WireValue { header: whole.header.slice(..4), ..whole };
    assert!(RustCodec.decode(cut).is_err());
    let list = WireValue { codec: "list".into(), header: vec![200].into(), buffers: Vec::new() };
    assert!(RustCodec.decode(list).is_err());
}

#[test]
fn what_other_graphs_have_is_not_taken_for_a_task() {
    let mut packer = Packer::new(&RustCodec);
    let closure: Arc<dyn raskt::graph::Function> =
        Arc::new(raskt::graph::function::FromFn::new("closure", |_| Ok(Value::new(0_i64))));
    assert!(packer.call(&closure, Some(&[Arg::Value(Value::new(1_i64))]), 0).is_err());
}
