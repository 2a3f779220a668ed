//! Tests that need a process of their own: [`alone`].

use std::process::Command;

/// Set in the process that a test has for itself.
const MARK: &str = "RASKT_TEST_ALONE";

/// Runs `body` in a process of its own, which runs the test `name` and nothing else. `setup`
/// are commands of the shell that come first, `ulimit -v 1000000` for example.
///
/// # Panics
/// If the test fails there, or there is no test of that name.
pub fn alone(name: &str, setup: &str, body: impl FnOnce()) {
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let test = std::env::current_exe().expect("a test is a program");
    let run = Command::new("sh")
        .args(["-c", &format!("{setup}\nexec \"$0\" \"$@\"")])
        .arg(test)
        .args(["--exact", name])
        .env(MARK, "1")
        .output()
        .expect("there is a shell");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{}\n{said}", run.status);
}
