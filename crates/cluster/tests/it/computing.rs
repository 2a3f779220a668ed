//! Tasks, data and questions, over every transport.

use std::sync::Arc;

use bytes::Bytes;
use raskt_cluster::Transport;
use raskt_cluster::client::{Outcome, Placement, Status};
use raskt_wire::{Answer, Cause, Question};

use crate::host::{cluster, compute, result, submit, wire};

const BOTH: [Transport; 2] = [Transport::Memory, Transport::Tcp];

#[test]
fn a_task_is_computed() {
    for transport in BOTH {
        let (cluster, _) = cluster(1, 1, transport);
        let client = cluster.client().unwrap();
        assert_eq!(compute(&client, "a", "say hello"), "hello");
        cluster.close();
    }
}

#[test]
fn results_go_from_worker_to_worker_and_to_the_client() {
    for transport in BOTH {
        let (cluster, _) = cluster(2, 1, transport);
        let client = cluster.client().unwrap();
        let tasks = [
            ("a", "zeros 1000000", &[][..]),
            ("b", "zeros 2000000", &[]),
            ("c", "join", &[0, 1]),
            ("d", "length", &[2]),
        ];
        let entries = submit(&client, &tasks, &["c", "d"]);
        assert_eq!(result(&client, &entries[1]), "3000000");
        assert_eq!(result(&client, &entries[0]).len(), 3_000_000);
        cluster.close();
    }
}

#[test]
fn many_tasks_are_computed() {
    for transport in BOTH {
        let (cluster, _) = cluster(2, 2, transport);
        let client = cluster.client().unwrap();
        let keys: Vec<String> = (0..2000).map(|i| format!("t{i}")).collect();
        let tasks: Vec<_> = keys.iter().map(|key| (&**key, "say x", &[][..])).collect();
        let wants: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let entries = submit(&client, &tasks, &wants);
        assert!(client.wait_all(&entries, None));
        assert!(entries.iter().all(|entry| entry.status() == Status::Finished));
        cluster.close();
    }
}

#[test]
fn errors_panics_and_what_depends_on_them_fail() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let client = cluster.client().unwrap();
    let tasks = [("a", "fail no", &[][..]), ("b", "length", &[0]), ("c", "panic oh", &[])];
    let entries = submit(&client, &tasks, &["a", "b", "c"]);
    assert!(client.wait_all(&entries, None));
    for (entry, key, expected) in
        [(&entries[0], "a", "no"), (&entries[1], "a", "no"), (&entries[2], "c", "panic: oh")]
    {
        let Some(Outcome::Failed(error)) = entry.outcome() else { panic!("{:?}", entry.outcome()) };
        assert_eq!(&*error.key, key);
        let Cause::Raised { text, .. } = &error.cause else { panic!("{error:?}") };
        assert_eq!(&**text, expected);
    }
    assert_eq!(compute(&client, "d", "say fine"), "fine");
    cluster.close();
}

#[test]
fn a_result_without_a_form_as_bytes_says_so() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let client = cluster.client().unwrap();
    let entries = submit(&client, &[("a", "say secret", &[])], &["a"]);
    assert!(client.wait_all(&entries, None));
    let fetched = client.fetch_blocking(vec!["a".into()], None).unwrap();
    let error = fetched.unwrap_err().to_string();
    assert!(error.contains("'a' cannot be sent") && error.contains("secret"), "{error}");
    cluster.close();
}

#[test]
fn a_task_that_leaves_its_thread_lets_others_run_and_comes_back() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let client = cluster.client().unwrap();
    let entries = submit(&client, &[("a", "secede go", &[])], &["a"]);
    // The only thread is free for the task that the first one waits for.
    compute(&client, "b", "open go");
    assert_eq!(result(&client, &entries[0]), "back");
    assert_eq!(compute(&client, "c", "say after"), "after");
    cluster.close();
}

#[test]
fn data_is_scattered_and_used() {
    for transport in BOTH {
        let (cluster, _) = cluster(2, 1, transport);
        let client = cluster.client().unwrap();
        let value = Bytes::from(vec![7; 100_000]);
        let item = Placement { key: "x".into(), nbytes: 100_000, value: wire(value.clone()) };
        let entries = client.scatter(vec![item], Vec::new(), true).unwrap();
        assert!(client.wait_all(&entries, None));
        assert_eq!(result(&client, &entries[0]), value);
        let (entry, _) = client.entries([&Arc::from("n")]).remove(0);
        let mut block = crate::host::submission(&[("n", "length", &[0])], &[(entry.clone(), true)]);
        block.outside = vec!["x".into()];
        client.submit(block);
        assert_eq!(result(&client, &entry), "100000");
        cluster.close();
    }
}

#[test]
fn clients_ask_the_programs_of_workers() {
    let (cluster, _) = cluster(2, 1, Transport::Tcp);
    let client = cluster.client().unwrap();
    let ask = |op: &str| {
        let question = Question::Ask {
            workers: Vec::new(),
            op: op.into(),
            payload: Bytes::from_static(b"hi"),
        };
        let reply = client.request(question);
        reply.wait(None);
        match reply.get() {
            Some(Ok(Answer::Asked(answers))) => answers,
            other => panic!("{other:?}"),
        }
    };
    let answers = ask("echo");
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|(_, answer)| answer.as_deref() == Ok(&b"hi"[..])));
    assert!(ask("nothing").iter().all(|(_, answer)| answer.is_err()));
    cluster.close();
}

#[test]
fn results_beyond_the_memory_limit_are_spilled_and_come_back() {
    let host = Arc::new(crate::host::Words::default());
    let folder = tempfile::tempdir().unwrap();
    let mut options = raskt_cluster::LocalOptions { threads_per_worker: 1, ..Default::default() };
    options.worker.local_directory = folder.path().to_path_buf();
    options.worker.config.memory_limit = 10_000_000;
    // The process of the tests is larger than that.
    (options.worker.config.spill, options.worker.config.pause) = (None, None);
    let cluster = raskt_cluster::LocalCluster::start(options, move || host.clone()).unwrap();
    let client = cluster.client().unwrap();
    let keys: Vec<String> = (0..20).map(|i| format!("t{i}")).collect();
    let tasks: Vec<_> = keys.iter().map(|key| (&**key, "zeros 1000000", &[][..])).collect();
    let wants: Vec<&str> = keys.iter().map(|key| &**key).collect();
    let entries = submit(&client, &tasks, &wants);
    assert!(client.wait_all(&entries, None));
    // Moving goes on in the background.
    let link = cluster.workers()[0].link();
    while link.inspect(|view| view.managed_bytes()) > 6_000_000 {
        std::thread::yield_now();
    }
    for entry in &entries {
        assert_eq!(result(&client, entry).len(), 1_000_000);
    }
    drop(entries);
    cluster.close();
}

#[test]
fn much_data_both_ways_at_once_blocks_nobody() {
    let (cluster, _) = cluster(1, 1, Transport::Tcp);
    let client = cluster.client().unwrap();
    let payload = Bytes::from(vec![1; 100_000_000]);
    let ask = || {
        client.request(Question::Ask {
            workers: Vec::new(),
            op: "echo".into(),
            payload: payload.clone(),
        })
    };
    let replies = [ask(), ask(), ask()];
    for reply in replies {
        reply.wait(None);
        let Some(Ok(Answer::Asked(answers))) = reply.get() else { panic!() };
        assert_eq!(answers[0].1.as_ref().unwrap().len(), payload.len());
    }
    cluster.close();
}
