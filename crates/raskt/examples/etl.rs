//! Shows a small pipeline over many CSV files: read, clean, aggregate, write.
#![expect(clippy::print_stdout, reason = "that is what an example is for")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use raskt::prelude::*;

/// City and degrees.
type Row = (String, f64);
/// For each city, how many degrees in how many rows.
type Sums = BTreeMap<String, (f64, u32)>;

#[raskt::task]
fn read(path: &Path) -> io::Result<Vec<Row>> {
    // Rows without a number are dropped: sensors fail.
    let row = |line: &str| line.split_once(',').map(|(c, d)| (c.to_string(), d.parse().ok()));
    let rows = fs::read_to_string(path)?;
    Ok(rows.lines().skip(1).filter_map(row).filter_map(|(c, d)| Some((c, d?))).collect())
}

#[raskt::task]
fn to_celsius(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter().map(|(city, fahrenheit)| (city, (fahrenheit - 32.0) / 1.8)).collect()
}

#[raskt::task]
fn add_up(files: &[Vec<Row>]) -> Sums {
    let mut sums = Sums::new();
    for (city, degrees) in files.iter().flatten() {
        let sum = sums.entry(city.clone()).or_default();
        *sum = (sum.0 + degrees, sum.1 + 1);
    }
    sums
}

#[raskt::task]
fn write(path: PathBuf, sums: Sums) -> io::Result<PathBuf> {
    let line =
        |(city, (sum, n)): (&String, &(f64, u32))| format!("{city},{:.1}\n", sum / f64::from(*n));
    fs::write(&path, sums.iter().map(line).collect::<String>())?;
    Ok(path)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for day in 0..30 {
        let rows = format!("city,degrees\nOslo,{}\nRoma,{}\nRoma,broken\n", 20 + day, 60 + day);
        fs::write(folder.path().join(format!("{day:02}.csv")), rows)?;
    }
    let paths: io::Result<Vec<PathBuf>> =
        fs::read_dir(folder.path())?.map(|entry| Ok(entry?.path())).collect();
    let files: Vec<_> = paths?.into_iter().map(|path| to_celsius::lazy(read::lazy(path))).collect();
    let means = write::lazy(folder.path().join("means.csv"), add_up::lazy(files));
    print!("{}", fs::read_to_string(Compute::default().progress().run(means)?)?);
    Ok(())
}
