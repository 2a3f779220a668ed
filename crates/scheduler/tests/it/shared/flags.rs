use raskt_wire::{Answer, SharedQuestion as Q};

use crate::cluster::Cluster;

fn wait(timeout_us: Option<u64>) -> Q {
    Q::FlagWait { name: "f".into(), timeout_us }
}

#[test]
fn who_waits_is_answered_when_the_flag_is_set() {
    let (mut cluster, client, _) = Cluster::of(0);
    let waiting = cluster.ask_shared(client, wait(None));
    assert_eq!(cluster.shared(client, Q::FlagGet("f".into())), Ok(Answer::Bool(false)));
    cluster.shared(client, Q::FlagSet("f".into(), true)).expect("that is always done");
    assert_eq!(cluster.reply(client, waiting), Some(Ok(Answer::Bool(true))));
    assert_eq!(cluster.shared(client, wait(None)), Ok(Answer::Bool(true)), "at once");
    cluster.shared(client, Q::FlagSet("f".into(), false)).expect("that is always done");
    let waiting = cluster.ask_shared(client, wait(Some(10)));
    cluster.pass(10);
    assert_eq!(cluster.reply(client, waiting), Some(Ok(Answer::Bool(false))));
}
