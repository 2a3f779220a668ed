//! The budgets of CONTRIBUTING.md, kept by a test: sizes of files, functions and lines, and
//! words that no committed file may have.

use std::fs;
use std::path::Path;

const MAX_FILE_LINES: usize = 600;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_COLUMNS: usize = 100;

/// Functions that were too long when the rule came: path, name, lines. They may only shrink.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

/// Folders that hold what was made, not what was written.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", "out", "__pycache__"];

/// A text file of the project.
struct File {
    /// From the root, with slashes.
    name: String,
    text: String,
}

impl File {
    fn is(&self, extension: &str) -> bool {
        Path::new(&self.name).extension().is_some_and(|found| found == extension)
    }

    fn is_code(&self) -> bool {
        ["rs", "py", "pyi"].iter().any(|extension| self.is(extension))
    }

    /// Is it this file, which names what it looks for?
    fn is_this(&self) -> bool {
        self.name == "crates/testkit/tests/tidy.rs"
    }

    fn is_test(&self) -> bool {
        self.name.starts_with("tests/")
            || self.name.contains("/tests/")
            || self.name.ends_with("/tests.rs")
    }

    /// Numbered from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the crate is in crates/testkit")
}

/// Every text file of the checkout.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut todo = vec![root().to_path_buf()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(&folder).expect("folders can be listed") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_hidden = name.starts_with('.') && name != ".ci" && name != ".gitignore";
            if is_hidden || SKIPPED.contains(&name.as_str()) || name == "Cargo.lock" {
                continue;
            }
            if path.is_dir() {
                todo.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let name = path.strip_prefix(root()).expect("it is below the root");
                let name = name.to_string_lossy().replace('\\', "/");
                files.push(File { name, text });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(files.iter().any(File::is_this), "the checkout is where it was compiled");
    files
}

fn check(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn files_have_one_concern() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_code()) {
        let lines = file.text.lines().count();
        // Tests are lists of cases, read one at a time.
        let limit = if file.name.starts_with("tests/") { 800 } else { MAX_FILE_LINES };
        if lines > limit {
            problems.push(format!(
                "{}: {lines} lines, at most {limit}: split it by concern",
                file.name
            ));
        }
    }
    check(&problems);
}

#[test]
fn lines_fit_the_screen() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is("rs")) {
        for (number, line) in file.lines() {
            let columns = line.chars().count();
            // rustfmt leaves long texts alone, and so does whoever searches for them.
            if columns > MAX_COLUMNS && !line.contains('"') {
                problems.push(format!(
                    "{}:{number}: {columns} columns, at most {MAX_COLUMNS}: run cargo fmt, break \
                     what it leaves",
                    file.name
                ));
            }
        }
    }
    check(&problems);
}

#[test]
fn functions_do_one_thing() {
    let mut problems = Vec::new();
    let mut known: Vec<_> = LONG_FUNCTIONS.to_vec();
    for file in files().iter().filter(|file| file.is_code() && !file.is("pyi")) {
        let functions = if file.is("rs") { rust_functions(file) } else { python_functions(file) };
        for (number, name, lines) in functions {
            let row = known.iter().position(|row| (row.0, row.1) == (&file.name, &name));
            let usual = if file.name.starts_with("tests/") { 100 } else { MAX_FUNCTION_LINES };
            let limit = row.map_or(usual, |at| known.remove(at).2);
            if lines > limit {
                problems.push(format!(
                    "{}:{number}: {name} has {lines} lines, at most {limit}: give its parts names",
                    file.name
                ));
            } else if row.is_some() && lines < limit {
                problems.push(format!(
                    "{}:{number}: {name} has {lines} lines now: {} in LONG_FUNCTIONS",
                    file.name,
                    if lines > MAX_FUNCTION_LINES { "say so" } else { "remove its row" },
                ));
            }
        }
    }
    for (file, name, _) in known {
        problems.push(format!("{file}: {name} is gone: remove its row in LONG_FUNCTIONS"));
    }
    check(&problems);
}

/// First line, name and length of every function of a Rust file, which rustfmt has laid out: a
/// function ends with a brace under its first letter.
fn rust_functions(file: &File) -> Vec<(usize, String, usize)> {
    let mut open: Vec<(usize, usize, String)> = Vec::new();
    let mut functions = Vec::new();
    for (number, line) in file.lines() {
        let (indent, code) = (indent(line), line.trim());
        if let Some(name) = rust_function(code) {
            if code.ends_with('}') || code.ends_with(';') {
                continue;
            }
            open.push((indent, number, name));
        } else if let Some((_, start, name)) = open.pop_if(|(level, ..)| {
            *level == indent && (code == "}" || code == "});" || code.ends_with(';'))
        }) {
            functions.push((start, name, number - start + 1));
        }
    }
    functions
}

fn rust_function(code: &str) -> Option<String> {
    let before_name = ["pub", "pub(crate)", "pub(super)", "const", "unsafe", "async", "extern"];
    let mut words = code.split_whitespace();
    let mut word = words.next()?;
    while before_name.contains(&word) || word.starts_with('"') {
        word = words.next()?;
    }
    (word == "fn").then(|| name_in(words.next().unwrap_or_default()))
}

/// The same for a Python file. A docstring does not count: it is not code that somebody has
/// to hold in mind.
fn python_functions(file: &File) -> Vec<(usize, String, usize)> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start().trim_start_matches("async ");
        let Some(signature) = code.strip_prefix("def ") else { continue };
        let Some(header) = lines[start..].iter().position(|line| line.trim_end().ends_with(':'))
        else {
            continue;
        };
        let body = start + header + 1;
        let ends = |line: &&str| !line.trim().is_empty() && indent(line) <= indent(lines[start]);
        let end = lines[body..].iter().position(ends).map_or(lines.len(), |length| body + length);
        let blank = lines[body..end].iter().rev().take_while(|line| line.trim().is_empty()).count();
        let length = end - start - blank - docstring(&lines[body..end]);
        functions.push((start + 1, name_in(signature), length));
    }
    functions
}

/// The number of lines of the docstring that a body begins with.
fn docstring(body: &[&str]) -> usize {
    let first = body.first().map_or("", |line| line.trim().trim_start_matches('r'));
    let Some(rest) = first.strip_prefix("\"\"\"") else { return 0 };
    if rest.contains("\"\"\"") {
        return 1;
    }
    let last = body[1..].iter().position(|line| line.contains("\"\"\""));
    last.map_or(0, |last| last + 2)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn name_in(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn what_is_left_to_do_is_an_issue() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| !file.is_this()) {
        for (number, line) in file.lines() {
            for word in ["TODO", "FIXME", "XXX"] {
                let is_open = |(at, _): (usize, &str)| !line[at + word.len()..].starts_with("(#");
                if line.match_indices(word).any(is_open) {
                    problems.push(format!(
                        "{}:{number}: {word} without an issue: do it, or write {word}(#12)",
                        file.name
                    ));
                }
            }
        }
    }
    check(&problems);
}

/// A line of a Python test that may sleep says why: `# payload: ...` on it or above it. Such
/// sleeps are what a task does, not how a test waits.
#[test]
fn tests_wait_on_conditions() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is_test() && file.is_code() && !file.is_this()) {
        let mut before = "";
        for (number, line) in file.lines() {
            let code = line.split("# ").next().unwrap_or_default();
            let excuse = [line, before].iter().any(|line| line.contains("# payload: "));
            if code.contains("sleep(") && !(file.is("py") && excuse) {
                problems.push(format!(
                    "{}:{number}: wait on a condition (an event, a barrier, a result), not on \
                     the clock",
                    file.name
                ));
            }
            before = line;
        }
    }
    check(&problems);
}

#[test]
fn files_name_no_machine() {
    let paths = ["/work/", "/tmp/w", "/root"];
    let hosts = ["crates.io", "pypi.org", "npmjs", "debian.org"];
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| !file.is_this()) {
        for (number, line) in file.lines() {
            if let Some(path) = paths.iter().find(|path| line.contains(**path)) {
                problems.push(format!(
                    "{}:{number}: {path} is a place on one machine: use a path relative to the \
                     checkout, or a temporary folder",
                    file.name
                ));
            }
            if let Some(host) = hosts.iter().find(|host| line.contains(**host)) {
                problems.push(format!(
                    "{}:{number}: {host}: where packages come from is for cargo, pip and npm to \
                     know",
                    file.name
                ));
            }
        }
    }
    check(&problems);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut problems = Vec::new();
    for file in files().iter().filter(|file| file.is("md")) {
        let folder = root().join(&file.name);
        let folder = folder.parent().expect("files are in a folder");
        for (number, line) in file.lines() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or_default();
                if !target.contains("://") && !target.is_empty() && !folder.join(target).exists() {
                    problems.push(format!("{}:{number}: {target} is not there", file.name));
                }
            }
        }
    }
    check(&problems);
}

#[test]
fn decisions_are_part_of_the_architecture() {
    let files = files();
    let read = |name: &str| files.iter().find(|file| file.name == name).map(|file| &*file.text);
    let architecture = read("ARCHITECTURE.md").expect("ARCHITECTURE.md is there");
    for file in files.iter().filter(|file| file.name.starts_with("docs/decisions/")) {
        assert!(
            architecture.contains(&format!("({})", file.name)),
            "ARCHITECTURE.md must link to {}",
            file.name
        );
    }
}
