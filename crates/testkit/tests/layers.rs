//! The layer rules of ARCHITECTURE.md: who may import whom, and what nobody may import.
//!
//! They are read from `cargo metadata`. A new crate gets a row in [`MAY_IMPORT`]; a new arrow
//! between two crates is a decision that changes this table and ARCHITECTURE.md together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every crate, and which of ours it may depend on.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("raskt-graph", &[]),
    ("raskt-draw", &[]),
    ("raskt-macros", &[]),
    ("raskt-exec", &["raskt-graph"]),
    ("raskt-wire", &["raskt-graph", "raskt-macros"]),
    ("raskt-scheduler", &["raskt-graph", "raskt-wire"]),
    ("raskt-worker", &["raskt-graph", "raskt-wire"]),
    (
        "raskt-cluster",
        &["raskt-exec", "raskt-graph", "raskt-scheduler", "raskt-wire", "raskt-worker"],
    ),
    (
        "raskt",
        &["raskt-cluster", "raskt-draw", "raskt-exec", "raskt-graph", "raskt-macros", "raskt-wire"],
    ),
    (
        "raskt-py",
        &[
            "raskt-cluster",
            "raskt-draw",
            "raskt-exec",
            "raskt-graph",
            "raskt-scheduler",
            "raskt-wire",
            "raskt-worker",
        ],
    ),
    ("raskt-testkit", &["raskt-graph", "raskt-scheduler", "raskt-wire", "raskt-worker"]),
];

/// Others' crates that only some of ours may reach, in any number of steps; whoever imports
/// one of these gets it through them.
const ONLY_UNDER: &[(&str, &[&str])] = &[
    ("pyo3", &["raskt-py"]),
    ("pyo3-ffi", &["raskt-py"]),
    ("tokio", &["raskt-cluster", "raskt-dashboard", "raskt-frame", "raskt-py"]),
];

const MAX_FEATURES: usize = 3;

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate is in crates/testkit")
}

/// What cargo knows of the workspace, dependencies resolved as on this machine.
struct Metadata {
    packages: Vec<Value>,
    /// Names of our crates.
    ours: BTreeSet<String>,
    /// For each package id, its name and the ids of what it is built with. Dependencies of
    /// tests are left out.
    built_with: BTreeMap<String, (String, Vec<String>)>,
}

impl Metadata {
    fn read() -> Metadata {
        let host = run(Command::new("rustc").arg("-vV"));
        let host = host.lines().find_map(|line| line.strip_prefix("host: "));
        let text = run(Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform"])
            .arg(host.expect("rustc names its host"))
            .current_dir(root()));
        let mut all: Value = serde_json::from_str(&text).expect("cargo writes JSON");
        let members = all["workspace_members"].take();
        let is_ours = |id: &Value| items(&members).contains(id);
        let names: BTreeMap<String, String> = items(&all["packages"])
            .iter()
            .map(|p| (text_of(&p["id"]), text_of(&p["name"])))
            .collect();
        let built_with = items(&all["resolve"]["nodes"]).iter().map(|node| {
            let deps = items(&node["deps"]).iter().filter(|dep| !is_for_tests_only(dep));
            let id = text_of(&node["id"]);
            let name = names[&id].clone();
            (id, (name, deps.map(|dep| text_of(&dep["pkg"])).collect()))
        });
        let built_with = built_with.collect();
        let packages: Vec<Value> =
            items(&all["packages"]).iter().filter(|p| is_ours(&p["id"])).cloned().collect();
        let ours = packages.iter().map(|p| text_of(&p["name"])).collect();
        Metadata { packages, ours, built_with }
    }

    /// The ways from the crate to the package called `wanted` that avoid those in `allowed`.
    fn path(&self, start: &str, wanted: &str, allowed: &[&str]) -> Option<Vec<String>> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut todo = vec![vec![start]];
        while let Some(path) = todo.pop() {
            let (name, deps) = &self.built_with[*path.last()?];
            if name == wanted {
                return Some(path.iter().map(|id| self.built_with[*id].0.clone()).collect());
            }
            if allowed.contains(&name.as_str()) {
                continue;
            }
            for dep in deps.iter().filter(|dep| seen.insert(dep)) {
                todo.push([&path[..], &[dep]].concat());
            }
        }
        None
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the tools that built this test are there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("they write text")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn is_for_tests_only(dep: &Value) -> bool {
    items(&dep["dep_kinds"]).iter().all(|kind| kind["kind"] == "dev")
}

fn check(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn crates_import_only_what_is_below_them() {
    let metadata = Metadata::read();
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        let name = text_of(&package["name"]);
        let Some(allowed) = table.get(name.as_str()) else {
            problems.push(format!("{name} has no row in MAY_IMPORT: say what it may import"));
            continue;
        };
        for dep in items(&package["dependencies"]) {
            let (target, kind) = (text_of(&dep["name"]), text_of(&dep["kind"]));
            let is_test_helper = kind == "dev" && target == "raskt-testkit";
            if metadata.ours.contains(&target)
                && !allowed.contains(&target.as_str())
                && !is_test_helper
            {
                problems.push(format!(
                    "{name} must not import {target}: move what it needs to a crate below both, \
                     or pass it in behind a trait"
                ));
            }
        }
    }
    for (name, _) in MAY_IMPORT {
        if !metadata.ours.contains(*name) {
            problems.push(format!("{name} is gone: remove its row from MAY_IMPORT"));
        }
    }
    check(&problems);
}

#[test]
fn interpreters_and_event_loops_stay_where_they_belong() {
    let metadata = Metadata::read();
    let mut problems = Vec::new();
    for (id, (name, _)) in &metadata.built_with {
        for (wanted, allowed) in ONLY_UNDER {
            if metadata.ours.contains(name)
                && let Some(path) = metadata.path(id, wanted, allowed)
            {
                problems.push(format!(
                    "{wanted} is for {} only, but {name} gets it: {}",
                    allowed.join(", "),
                    path.join(" -> "),
                ));
            }
        }
    }
    check(&problems);
}

#[test]
fn features_are_few() {
    let metadata = Metadata::read();
    let features = metadata.packages.iter().flat_map(|package| {
        let names = package["features"].as_object().into_iter().flat_map(|f| f.keys());
        names.map(|feature| format!("{}/{feature}", text_of(&package["name"])))
    });
    let features: Vec<String> = features.collect();
    assert!(
        features.len() <= MAX_FEATURES,
        "{features:?}: at most {MAX_FEATURES} cargo features, each doubles what must be tested; \
         choose at run time instead"
    );
}

#[test]
fn folders_are_named_like_their_crates() {
    let metadata = Metadata::read();
    for package in &metadata.packages {
        let manifest = PathBuf::from(text_of(&package["manifest_path"]));
        let folder = manifest.parent().and_then(Path::file_name).expect("crates have a folder");
        let name = text_of(&package["name"]);
        let expected = name.strip_prefix("raskt-").unwrap_or(&name);
        assert_eq!(folder, expected, "rename the folder of {name} to crates/{expected}");
    }
}

#[test]
fn every_crate_says_what_it_does_not_know() {
    let mut problems = Vec::new();
    for folder in fs::read_dir(root().join("crates")).expect("crates are in crates/") {
        let file = folder.expect("it can be listed").path().join("src/lib.rs");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let header: Vec<&str> =
            text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
        let header = header.join(" ");
        let says = ["knows nothing", "know nothing", "does not know"];
        if !says.iter().any(|phrase| header.contains(phrase)) {
            problems.push(format!(
                "{}: the header (//!) must say what the crate is for and what it knows nothing \
                 about",
                file.display()
            ));
        }
    }
    check(&problems);
}

#[test]
fn modules_are_files_with_a_name() {
    let mut todo = vec![root().join("crates")];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).expect("folders can be listed") {
            let path = entry.expect("it can be listed").path();
            assert!(
                !path.ends_with("mod.rs"),
                "{}: name the file after its folder, one level up",
                path.display()
            );
            if path.is_dir() {
                todo.push(path);
            }
        }
    }
}
