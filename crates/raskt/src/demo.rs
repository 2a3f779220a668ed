//! `raskt demo`: counts the words of many files, in parallel and one after the other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Instant;

use raskt::graph::RunError;
use raskt::graph::hash::Map;
use raskt::{Compute, Delayed};

/// Count the words of many files, in parallel and one after the other
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// The number of files
    #[arg(long, value_name = "N", default_value_t = 200)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    files: u32,
    /// The folder to make the files in, and the picture; files that are there already are taken
    /// as they are [default: a temporary folder; the picture goes to the current one]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The number of threads [default: one for each core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("{0}\nhint: name another folder with --folder, or remove what is in the way")]
    File(#[from] FileError),
    #[error("{0}")]
    Run(RunError),
    #[error("the picture cannot be drawn: {0}\nhint: try fewer --files")]
    Draw(#[from] raskt::draw::DrawError),
    #[error("the result cannot be written: {0}")]
    Output(#[from] io::Error),
    #[error("the parallel result differs from the serial one\nhint: did a file change meanwhile?")]
    Differs,
}

/// A file or folder cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub(crate) struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
        move |source| FileError { path: path.to_path_buf(), source }
    }
}

impl From<RunError> for DemoError {
    fn from(error: RunError) -> DemoError {
        match error {
            RunError::Task { key, function, source } => match source.downcast::<FileError>() {
                Ok(error) => DemoError::File(*error),
                Err(source) => DemoError::Run(RunError::Task { key, function, source }),
            },
            error => DemoError::Run(error),
        }
    }
}

impl Demo {
    /// Counts, and writes what came of it to `out`.
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<(), DemoError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.threads.map_or_else(cores, NonZero::get);
        let temporary;
        let (folder, picture) = match &self.folder {
            Some(folder) => (folder.as_path(), folder.join("graph.svg")),
            None => {
                temporary = tempfile::tempdir().map_err(FileError::at(&std::env::temp_dir()))?;
                (temporary.path(), PathBuf::from("raskt-demo.svg"))
            }
        };
        fs::create_dir_all(folder).map_err(FileError::at(folder))?;

        let text = |i| text_file::lazy(folder.join(format!("text-{i:05}.txt")), i);
        let texts: Vec<Delayed<PathBuf>> = (0..self.files).map(text).collect();
        let paths = Compute::threads(threads).progress().run(texts)?;
        writeln!(out, "{} text files are in {}", paths.len(), folder.display())?;

        let total = count_all(&paths);
        let top = most_common::lazy(&total, 10_usize);
        let began = Instant::now();
        let (counts, top) = Compute::threads(threads).progress().run((&total, &top))?;
        let parallel = began.elapsed().as_secs_f64();

        let began = Instant::now();
        let serial = count_serially(&paths)?;
        let one_by_one = began.elapsed().as_secs_f64();
        if counts != serial {
            return Err(DemoError::Differs);
        }
        let words: u64 = counts.values().sum();
        writeln!(out, "{words} words, {} different ones", counts.len())?;
        writeln!(out, "{parallel:8.3} s on {threads} threads")?;
        writeln!(out, "{one_by_one:8.3} s one file after the other, with the same result\n")?;
        for (word, count) in top {
            writeln!(out, "{count:>10}  {word}")?;
        }
        fs::write(&picture, total.to_svg()?).map_err(FileError::at(&picture))?;
        writeln!(out, "\nA picture of the graph is in {}", picture.display())?;
        Ok(())
    }
}

type Counts = BTreeMap<String, u64>;

/// The words of all files: each is a task, and their results are merged in a tree.
fn count_all(paths: &[PathBuf]) -> Delayed<Counts> {
    const BRANCHES: usize = 8;
    let count = |path: &PathBuf| count_words::lazy(path.clone());
    let mut parts: Vec<Delayed<Counts>> = paths.iter().map(count).collect();
    loop {
        parts = parts.chunks(BRANCHES).map(merge::lazy).collect();
        if let [all] = parts.as_slice() {
            return all.clone();
        }
    }
}

/// The same, one after the other.
fn count_serially(paths: &[PathBuf]) -> Result<Counts, FileError> {
    let parts: Result<Vec<Counts>, FileError> =
        paths.iter().map(|path| count_words(path)).collect();
    Ok(merge(&parts?))
}

#[raskt::task]
fn count_words(path: &Path) -> Result<Counts, FileError> {
    let text = fs::read_to_string(path).map_err(FileError::at(path))?;
    let mut counts: Map<&str, u64> = Map::default();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    Ok(counts.into_iter().map(|(word, count)| (word.to_string(), count)).collect())
}

#[raskt::task]
fn merge(parts: &[Counts]) -> Counts {
    let mut merged = Counts::new();
    for (word, count) in parts.iter().flatten() {
        match merged.get_mut(word) {
            Some(sum) => *sum += count,
            None => drop(merged.insert(word.clone(), *count)),
        }
    }
    merged
}

#[raskt::task]
fn most_common(counts: &Counts, n: usize) -> Vec<(String, u64)> {
    let mut common: Vec<(String, u64)> = counts.clone().into_iter().collect();
    // Stable: equally common words stay in the order of the alphabet.
    common.sort_by_key(|(_, count)| Reverse(*count));
    common.truncate(n);
    common
}

/// Makes a file unless it is there: always the same for the same number.
#[raskt::task]
fn text_file(path: PathBuf, number: u32) -> Result<PathBuf, FileError> {
    if !path.exists() {
        write_whole(&path, &text(number)).map_err(FileError::at(&path))?;
    }
    Ok(path)
}

/// Writes a file so that nobody ever takes half of it for the whole.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// About 256 KiB of made-up words. As in real texts, a few are common and many are rare.
fn text(number: u32) -> String {
    const LENGTH: usize = 256 * 1024;
    const WORDS_IN_LINE: usize = 12;
    let mut random = SplitMix(u64::from(number));
    let mut text = String::with_capacity(LENGTH + 64);
    while text.len() < LENGTH {
        for _ in 0..WORDS_IN_LINE {
            let magnitude = random.next() % 13;
            push_word(&mut text, (1 << magnitude) + random.next() % (1 << magnitude));
            text.push(' ');
        }
        text.push('\n');
    }
    text
}

/// Adds the word with this number, from 1: the smaller, the shorter.
fn push_word(text: &mut String, number: u64) {
    const CONSONANTS: &[u8] = b"bdfgklmnprstv";
    const VOWELS: &[u8] = b"aeiou";
    let mut rest = number as usize;
    while rest > 0 {
        rest -= 1;
        let syllable = rest % (CONSONANTS.len() * VOWELS.len());
        text.push(char::from(CONSONANTS[syllable / VOWELS.len()]));
        text.push(char::from(VOWELS[syllable % VOWELS.len()]));
        rest /= CONSONANTS.len() * VOWELS.len();
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_different_numbers_differ() {
        let word = |number| {
            let mut word = String::new();
            push_word(&mut word, number);
            word
        };
        assert_eq!((word(1), word(65), word(66)), ("ba".into(), "vu".into(), "baba".into()));
        let words: std::collections::BTreeSet<String> = (1..8192).map(word).collect();
        assert_eq!(words.len(), 8191);
    }

    #[test]
    fn the_same_number_gives_the_same_text() {
        assert_eq!(text(3), text(3));
        assert_ne!(text(3), text(4));
        assert!(text(3).starts_with("tufi bi bibo "), "it is another text than it was");
    }
}
