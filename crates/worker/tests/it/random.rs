//! Any events in any order: nothing breaks, and nothing is left over when all is freed.

use proptest::prelude::*;
use raskt_wire::{Input, Order, Span, ToWorker};
use raskt_worker::{Action, Config, Event, Got, Outcome};

use crate::harness::*;

/// One thing that happens, by small numbers.
#[derive(Clone, Debug)]
enum Step {
    Compute(u32, u32, Vec<(u32, Vec<u32>)>, Terms),
    Free(Vec<u32>),
    DropReplicas(Vec<u32>),
    Acquire(u32, Vec<u32>),
    Holders(u32, Vec<u32>),
    Retract(u32, u32),
    Peer(u32, bool),
    PeerLeft(u32),
    Retiring(bool),
    Executed(u32, u32, u8),
    Seceded(u32, u32),
    Rejoined(u32, u32),
    Fetched(u32, Vec<(u32, u8)>),
    Unreachable(u32),
    Put(u32),
    Spilled(u32),
    SpillFailed(u32, bool),
    Loaded(u32),
    LoadFailed(u32),
    Memory(u64),
    /// Answers one of the open questions of the worker truly: runs, fetches, moves.
    Answer(usize, u8),
    Tick(u64),
}

#[derive(Clone, Debug)]
struct Terms {
    gpus: u32,
    actor: bool,
}

const TASKS: u32 = 8;

fn task() -> std::ops::Range<u32> {
    0..TASKS
}

fn peers() -> impl Strategy<Value = Vec<u32>> {
    // The worker itself is one of them: it is number 7.
    prop::collection::vec(5..9u32, 0..3)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let inputs = prop::collection::vec((task(), peers()), 0..4);
    let terms = (0..3u32, any::<bool>()).prop_map(|(gpus, actor)| Terms { gpus, actor });
    let tasks = || prop::collection::vec(task(), 0..5);
    let attempt = || 0..4u32;
    let step = prop_oneof![
        8 => (task(), attempt(), inputs, terms).prop_map(|(t, a, i, r)| Step::Compute(t, a, i, r)),
        3 => tasks().prop_map(Step::Free),
        2 => tasks().prop_map(Step::DropReplicas),
        2 => (task(), peers()).prop_map(|(t, p)| Step::Acquire(t, p)),
        2 => (task(), peers()).prop_map(|(t, p)| Step::Holders(t, p)),
        2 => (task(), attempt()).prop_map(|(t, a)| Step::Retract(t, a)),
        1 => (5..9u32, any::<bool>()).prop_map(|(p, near)| Step::Peer(p, near)),
        1 => (5..9u32).prop_map(Step::PeerLeft),
        1 => prop::bool::weighted(0.3).prop_map(Step::Retiring),
        2 => (task(), attempt(), 0..3u8).prop_map(|(t, a, o)| Step::Executed(t, a, o)),
        2 => (task(), attempt()).prop_map(|(t, a)| Step::Seceded(t, a)),
        2 => (task(), attempt()).prop_map(|(t, a)| Step::Rejoined(t, a)),
        1 => (5..9u32, prop::collection::vec((task(), 0..4u8), 0..4))
            .prop_map(|(p, items)| Step::Fetched(p, items)),
        1 => (5..9u32).prop_map(Step::Unreachable),
        2 => task().prop_map(Step::Put),
        1 => task().prop_map(Step::Spilled),
        1 => (task(), any::<bool>()).prop_map(|(t, full)| Step::SpillFailed(t, full)),
        1 => task().prop_map(Step::Loaded),
        1 => task().prop_map(Step::LoadFailed),
        1 => (0..1200u64).prop_map(Step::Memory),
        15 => (any::<usize>(), any::<u8>()).prop_map(|(at, how)| Step::Answer(at, how)),
        2 => (0..2_000_000u64).prop_map(Step::Tick),
    ];
    prop::collection::vec(step, 0..120)
}

fn got(how: u8) -> Got {
    match how % 4 {
        0 => Got::Missing,
        1 => Got::Busy,
        2 => Got::Failed("no".into()),
        _ => Got::Ok(100),
    }
}

fn outcome(how: u8) -> Outcome {
    match how % 3 {
        0 => failed(),
        1 => Outcome::Rescheduled,
        _ => done(100),
    }
}

/// What the worker waits for.
#[derive(Clone, Debug, PartialEq)]
enum Open {
    Run(u32, u32),
    Fetch(u32, Vec<u32>),
    Spill(u32),
    Load(u32),
}

struct Play {
    bench: Bench,
    open: Vec<Open>,
}

impl Play {
    fn event(&mut self, event: Event) {
        let actions = self.bench.event(event);
        self.note(actions);
    }

    fn note(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Run(order) => self.open.push(Open::Run(order.uid.index, order.attempt)),
                Action::Fetch { peer, uids } => {
                    let again = |open: &Open| matches!(open, Open::Fetch(id, _) if *id == peer.0);
                    assert!(!self.open.iter().any(again), "two requests to one peer");
                    let uids = uids.iter().map(|uid| uid.index).collect();
                    self.open.push(Open::Fetch(peer.0, uids));
                }
                Action::Spill(uid) => self.open.push(Open::Spill(uid.index)),
                Action::Load(uid) => self.open.push(Open::Load(uid.index)),
                Action::Drop(uid) => {
                    let moves = [Open::Spill(uid.index), Open::Load(uid.index)];
                    self.open.retain(|open| !moves.contains(open));
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, at: usize, how: u8) {
        if self.open.is_empty() {
            return;
        }
        let open = self.open.remove(at % self.open.len());
        self.event(match open {
            Open::Run(index, attempt) => {
                let (uid, span) = (t(index), Span::default());
                Event::Executed { uid, attempt, outcome: outcome(how), span }
            }
            Open::Fetch(peer, _) if how == 0 => Event::Unreachable { peer: w(peer) },
            Open::Fetch(peer, uids) => {
                let item = |(at, uid): (usize, &u32)| (t(*uid), got(how.wrapping_add(at as u8)));
                let items = uids.iter().enumerate().map(item).collect();
                Event::Fetched { peer: w(peer), items, received_bytes: 1, took_us: 1 }
            }
            Open::Spill(index) if how.is_multiple_of(4) => {
                Event::SpillFailed { uid: t(index), full: how.is_multiple_of(8) }
            }
            Open::Spill(index) => Event::Spilled { uid: t(index), disk_bytes: 50 },
            Open::Load(index) if how.is_multiple_of(4) => {
                Event::LoadFailed { uid: t(index), text: "".into() }
            }
            Open::Load(index) => Event::Loaded { uid: t(index) },
        });
    }

    fn step(&mut self, step: Step) {
        if let Some(message) = message(&step) {
            return self.event(Event::FromScheduler(message));
        }
        let span = Span::default();
        match step {
            // Of another try than the one that runs: the true answers are in `answer`.
            Step::Executed(index, attempt, how) => {
                if !self.open.contains(&Open::Run(index, attempt)) {
                    let (uid, outcome) = (t(index), outcome(how));
                    self.event(Event::Executed { uid, attempt, outcome, span });
                }
            }
            Step::Seceded(index, attempt) => {
                self.event(Event::Seceded { uid: t(index), attempt });
            }
            Step::Rejoined(index, attempt) => {
                self.event(Event::Rejoined { uid: t(index), attempt });
            }
            Step::Fetched(peer, items) => {
                let is_open = |open: &Open| matches!(open, Open::Fetch(id, _) if *id == peer);
                if !self.open.iter().any(is_open) {
                    let items = items.iter().map(|(index, how)| (t(*index), got(*how))).collect();
                    let (received_bytes, took_us) = (0, 0);
                    self.event(Event::Fetched { peer: w(peer), items, received_bytes, took_us });
                }
            }
            Step::Unreachable(peer) => {
                self.open.retain(|open| !matches!(open, Open::Fetch(id, _) if *id == peer));
                self.event(Event::Unreachable { peer: w(peer) });
            }
            Step::Put(index) => self.event(Event::Put { items: vec![(t(index), 100)] }),
            Step::Spilled(index) => {
                self.moved(Open::Spill(index), |uid| Event::Spilled { uid, disk_bytes: 50 });
            }
            Step::SpillFailed(index, full) => {
                self.moved(Open::Spill(index), |uid| Event::SpillFailed { uid, full });
            }
            Step::Loaded(index) => self.moved(Open::Load(index), |uid| Event::Loaded { uid }),
            Step::LoadFailed(index) => {
                let text: std::sync::Arc<str> = "".into();
                let failed = |uid| Event::LoadFailed { uid, text: text.clone() };
                self.moved(Open::Load(index), failed);
            }
            Step::Memory(process_bytes) => self.event(Event::Memory { process_bytes }),
            Step::Answer(at, how) => self.answer(at, how),
            Step::Tick(later) => self.tick(later),
            other => unreachable!("{other:?} is a message"),
        }
    }

    fn tick(&mut self, later: u64) {
        self.bench.now += later;
        let mut out = Vec::new();
        self.bench.worker.tick(raskt_worker::Micros(self.bench.now), &mut out);
        self.bench.worker.sanity_check();
        self.note(out);
    }

    /// News of a move, asked for or not.
    fn moved(&mut self, open: Open, event: impl Fn(raskt_wire::TaskUid) -> Event) {
        let (Open::Spill(index) | Open::Load(index)) = open else { return };
        self.open.retain(|known| *known != open);
        self.event(event(t(index)));
    }
}

/// What the scheduler says, if the step is that.
fn message(step: &Step) -> Option<ToWorker> {
    let uids = |all: &[u32]| all.iter().copied().map(t).collect();
    let one = |index: u32, holders: &[u32]| vec![input(index, holders)];
    Some(match step {
        Step::Compute(index, attempt, inputs, terms) => {
            let orders = vec![ordered(*index, *attempt, inputs, terms)];
            ToWorker::Compute { orders, blobs: Vec::new() }
        }
        Step::Free(all) => ToWorker::Free(uids(all)),
        Step::DropReplicas(all) => ToWorker::DropReplicas(uids(all)),
        Step::Acquire(index, from) => ToWorker::Acquire(one(*index, from)),
        Step::Holders(index, from) => ToWorker::Holders(one(*index, from)),
        Step::Retract(index, attempt) => ToWorker::Retract { uid: t(*index), attempt: *attempt },
        Step::Peer(id, near) => {
            let host = if *near { "" } else { "far" };
            ToWorker::Peer { id: w(*id), address: "".into(), host: host.into() }
        }
        Step::PeerLeft(id) => ToWorker::PeerLeft(w(*id)),
        Step::Retiring(retiring) => ToWorker::Retiring(*retiring),
        _ => return None,
    })
}

fn ordered(index: u32, attempt: u32, inputs: &[(u32, Vec<u32>)], terms: &Terms) -> Order {
    let inputs: Vec<Input> = inputs.iter().map(|(index, holders)| input(*index, holders)).collect();
    let mut order = order(index, attempt, inputs);
    if terms.gpus > 0 {
        order.resources = vec![("GPU".into(), f64::from(terms.gpus))];
    }
    order.actor = terms.actor;
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn nothing_breaks_and_nothing_is_left(steps in steps(), nthreads in 1..4u32) {
        let bench = Bench::new(Config {
            nthreads,
            resources: vec![("GPU".into(), 2.0)],
            memory_limit: 1000,
            message_bytes: 3000,
            connections: 2,
            ..Config::default()
        });
        let mut play = Play { bench, open: Vec::new() };
        for step in steps {
            play.step(step);
        }
        play.event(Event::Memory { process_bytes: 0 });
        play.event(Event::FromScheduler(ToWorker::Free((0..TASKS).map(t).collect())));
        while !play.open.is_empty() {
            play.answer(0, 3);
        }
        let view = play.bench.worker.view();
        prop_assert_eq!(view.tasks(), []);
        prop_assert_eq!(view.running(), []);
        prop_assert_eq!((view.managed_bytes(), view.spilled_bytes()), (0, 0));
        prop_assert_eq!((view.connections(), view.in_flight(), view.executing()), (0, 0, 0));
        prop_assert_eq!((view.ready(), view.waiting()), (0, 0));
    }
}
