//! Quantities as people write them: `2GiB`, `5 minutes`, `GPU=2`.

use std::sync::Arc;
use std::time::Duration;

/// A number, and the word after it.
fn split(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let is_number =
        |(at, c): (usize, char)| c.is_ascii_digit() || c == '.' || is_exponent(text, at);
    let end = text.char_indices().find(|c| !is_number(*c)).map_or(text.len(), |(at, _)| at);
    let number: f64 = text[..end].parse().ok()?;
    (number.is_finite()).then_some((number, text[end..].trim()))
}

/// Is this the `e` of a number like `2e9`, or the sign after it?
fn is_exponent(text: &str, at: usize) -> bool {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    let sign = |at: usize| matches!(text.as_bytes().get(at), Some(b'+' | b'-'));
    let e = |at: usize| matches!(text.as_bytes().get(at), Some(b'e' | b'E'));
    let begins = |at: usize| at > 0 && digit(at - 1) && e(at);
    (begins(at) && (digit(at + 1) || sign(at + 1) && digit(at + 2)))
        || (at > 1 && sign(at) && begins(at - 1) && digit(at + 1))
}

/// A number of bytes: with a unit or without.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [&str; 6] = ["", "k", "m", "g", "t", "p"];
    let wrong = || format!("{text:?} is no number of bytes: write for example 2GiB or 500MB");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let unit = unit.to_lowercase();
    let (letter, base) = match unit.strip_suffix('b').unwrap_or(&unit) {
        letter if letter.ends_with('i') => (letter.trim_end_matches('i'), 1024_f64),
        letter => (letter, 1000.0),
    };
    let power = UNITS.iter().position(|unit| *unit == letter).ok_or_else(wrong)?;
    Ok((number * base.powi(power as i32)) as u64)
}

/// A duration: seconds if there is no unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no duration: write for example 30s, 5 minutes or 1h");
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let seconds = match unit.to_lowercase().as_str() {
        "us" | "microseconds" | "microsecond" => 1e-6,
        "ms" | "milliseconds" | "millisecond" => 1e-3,
        "" | "s" | "sec" | "second" | "seconds" => 1.0,
        "m" | "min" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Amounts by name: `GPU=2 MEM=10e9`, with spaces or commas between them.
pub(super) fn resources(text: &str) -> Result<Vec<(Arc<str>, f64)>, String> {
    let wrong = |item: &str| format!("{item:?} is no resource: write for example GPU=2");
    let items = text.split([' ', ',']).filter(|item| !item.is_empty());
    let amount = |item: &str| {
        let (name, amount) = item.split_once('=').ok_or_else(|| wrong(item))?;
        let amount: f64 = amount.parse().map_err(|_| wrong(item))?;
        if name.is_empty() || !amount.is_finite() || amount < 0.0 {
            return Err(wrong(item));
        }
        Ok((name.into(), amount))
    };
    items.map(amount).collect()
}

/// Bytes for people, with units of 1024.
pub(super) fn readable_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kiB", "MiB", "GiB", "TiB"];
    let mut number = bytes as f64;
    let mut unit = 0;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ => format!("{number:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units_of_1000_and_1024() {
        for (text, wanted) in [
            ("123", 123),
            ("1e6", 1_000_000),
            ("1.5E+3", 1500),
            ("100 MB", 100_000_000),
            ("5.4 kB", 5400),
            ("1kiB", 1024),
            ("2GiB", 2 << 30),
            ("2g", 2_000_000_000),
            ("1 b", 1),
        ] {
            assert_eq!(bytes(text), Ok(wanted), "{text}");
        }
        for text in ["", "MB", "5 foos", "-1", "1ee5", "1iB2", "inf"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_seconds_if_nothing_else_is_said() {
        for (text, seconds) in
            [("2", 2.0), ("30s", 30.0), ("5 minutes", 300.0), ("1h", 3600.0), ("250ms", 0.25)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        assert!(duration("soon").is_err() && duration("1 fortnight").is_err());
    }

    #[test]
    fn resources_have_names_and_amounts() {
        let found = resources("GPU=2 MEM=10e9").unwrap();
        assert_eq!(found, [("GPU".into(), 2.0), ("MEM".into(), 10e9)]);
        assert_eq!(resources("A=1,B=0.5").map(|all| all.len()), Ok(2));
        assert!(resources("GPU").is_err() && resources("=1").is_err() && resources("A=x").is_err());
    }

    #[test]
    fn bytes_are_readable() {
        assert_eq!(readable_bytes(12), "12 B");
        assert_eq!(readable_bytes(1536), "1.5 kiB");
        assert_eq!(readable_bytes(3 << 40), "3.0 TiB");
    }
}
