//! The command `raskt`.

use std::path::Path;
use std::process::{Command, Output};

fn raskt(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_raskt")).args(args).output();
    output.expect("the command can be started")
}

fn demo(folder: &Path, threads: &str) -> Output {
    let folder = folder.to_str().expect("temporary folders have plain names");
    raskt(&["demo", "--files", "10", "--folder", folder, "--threads", threads])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tells_its_version() {
    let output = raskt(&["--version"]);
    assert_eq!(text(&output.stdout), format!("raskt {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_demo_counts_words() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), "2");
    assert!(output.status.success(), "{output:?}");
    let report = text(&output.stdout);
    assert!(report.contains("10 text files are in "), "{report}");
    assert!(report.contains("with the same result"), "{report}");
    // No bar where there is no terminal.
    assert_eq!(text(&output.stderr), "");
    let picture = std::fs::read_to_string(folder.path().join("graph.svg")).unwrap();
    assert!(picture.starts_with("<svg"), "{picture}");
}

#[test]
fn the_demo_takes_the_files_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let words = "the words ".repeat(1_000_000);
    std::fs::write(folder.path().join("text-00009.txt"), words).unwrap();
    let report = text(&demo(folder.path(), "1").stdout);
    let top: Vec<&str> = report.lines().filter(|line| line.contains("1000000")).collect();
    assert_eq!(top, ["   1000000  the", "   1000000  words"], "{report}");
}

#[test]
fn the_demo_says_what_is_wrong_and_what_to_do() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = demo(&file.path().join("folder"), "1");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()));
    let error = text(&output.stderr);
    assert!(error.starts_with("error: ") && error.contains("hint: name another folder"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text-00003.txt"), b"\xff\xff").unwrap();
    let output = demo(folder.path(), "1");
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.contains("text-00003.txt") && error.contains("hint: "), "{error}");
}
