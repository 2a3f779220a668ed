//! The names of tasks: [`Key`], its [`Prefix`] and its [`Token`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;

use crate::hash::Map;

/// The name of a task: `inc-<32 hex digits>`, any text, or one of these with an index.
///
/// 24 bytes; copying one never copies text. Two keys are equal if they read the same (but a key
/// with an index is never equal to one without).
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    Token { unique: bool, prefix: Prefix, token: Token },
    Text(Arc<str>),
    Indexed(Arc<Indexed>),
}

#[derive(PartialEq, Eq, Hash)]
struct Indexed {
    name: Key,
    index: Box<[i64]>,
}

const _: () = assert!(size_of::<Key>() == 24);

impl Key {
    /// A key that nothing else has: `prefix-<32 hex digits>`.
    pub fn unique(prefix: Prefix) -> Key {
        Key(Repr::Token { unique: true, prefix, token: Token::unique() })
    }

    /// The key of a pure result: equal prefix and token, equal value.
    pub fn content(prefix: Prefix, token: Token) -> Key {
        Key(Repr::Token { unique: false, prefix, token })
    }

    /// A key that reads as `text`.
    pub fn text(text: &str) -> Key {
        if let Some((prefix, token)) = split_token(text)
            && let Some(prefix) = Prefix::find(prefix)
        {
            return Key::content(prefix, token);
        }
        Key(Repr::Text(text.into()))
    }

    /// The key of one part of a collection: `(name, 0, 3)`.
    pub fn indexed(name: Key, index: impl Into<Box<[i64]>>) -> Key {
        Key(Repr::Indexed(Arc::new(Indexed { name, index: index.into() })))
    }

    /// Was it made by [`Key::unique`]? Then no other node has it, and nobody needs to look.
    pub fn is_unique(&self) -> bool {
        matches!(self.0, Repr::Token { unique: true, .. })
    }

    /// The name and the index of an indexed key.
    pub fn as_indexed(&self) -> Option<(&Key, &[i64])> {
        match &self.0 {
            Repr::Indexed(indexed) => Some((&indexed.name, &indexed.index)),
            _ => None,
        }
    }

    /// What tasks of one kind share: the part before the token.
    pub fn group(&self) -> Arc<str> {
        match &self.0 {
            Repr::Token { prefix, .. } => prefix.name(),
            Repr::Text(text) => text.clone(),
            Repr::Indexed(indexed) => indexed.name.group(),
        }
    }
}

/// The parts of a text that reads as `prefix-<32 hex digits>`.
fn split_token(text: &str) -> Option<(&str, Token)> {
    let dash = text.len().checked_sub(33)?;
    if text.as_bytes()[dash] != b'-' {
        return None;
    }
    Some((&text[..dash], Token::parse(&text[dash + 1..])?))
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        match (&self.0, &other.0) {
            (
                Repr::Token { prefix, token, .. },
                Repr::Token { prefix: other_prefix, token: other_token, .. },
            ) => token == other_token && prefix == other_prefix,
            (Repr::Text(text), Repr::Text(other)) => text == other,
            (Repr::Indexed(indexed), Repr::Indexed(other)) => indexed == other,
            // The text was made before the first key with its prefix.
            (Repr::Token { .. }, Repr::Text(text)) | (Repr::Text(text), Repr::Token { .. }) => {
                Key::text(text).is_token() && Key::text(text) == *self.token_side(other)
            }
            _ => false,
        }
    }
}

impl Key {
    fn is_token(&self) -> bool {
        matches!(self.0, Repr::Token { .. })
    }

    fn token_side<'a>(&'a self, other: &'a Key) -> &'a Key {
        if self.is_token() { self } else { other }
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Token { token, .. } => token.hash(state),
            Repr::Text(text) => match split_token(text) {
                Some((_, token)) => token.hash(state),
                None => text.hash(state),
            },
            Repr::Indexed(indexed) => indexed.hash(state),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Token { prefix, token, .. } => write!(f, "{}-{token}", prefix.name()),
            Repr::Text(text) => f.write_str(text),
            // An index of nothing marks a name that is not text but, say, a number.
            Repr::Indexed(indexed) if indexed.index.is_empty() => indexed.name.fmt(f),
            Repr::Indexed(indexed) => {
                write!(f, "('{}'", indexed.name)?;
                indexed.index.iter().try_for_each(|i| write!(f, ", {i}"))?;
                f.write_str(")")
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// The readable part of a key, interned: 4 bytes, compared as a number.
///
/// Interned names are kept for the life of the process, so make one for a function's or a
/// collection's name, never for text that differs from task to task.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Prefix(u32);

#[derive(Default)]
struct Interner {
    ids: Map<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

static INTERNER: LazyLock<RwLock<Interner>> = LazyLock::new(RwLock::default);

impl Prefix {
    /// The prefix that reads as `name`.
    ///
    /// # Panics
    /// After four billion different names.
    pub fn new(name: &str) -> Prefix {
        if let Some(prefix) = Prefix::find(name) {
            return prefix;
        }
        let mut interner = INTERNER.write();
        let next = u32::try_from(interner.names.len()).expect("fewer than 2^32 prefixes");
        let name: Arc<str> = name.into();
        let id = *interner.ids.entry(name.clone()).or_insert(next);
        if id == next {
            interner.names.push(name);
        }
        Prefix(id)
    }

    fn find(name: &str) -> Option<Prefix> {
        INTERNER.read().ids.get(name).copied().map(Prefix)
    }

    /// How it reads.
    pub fn name(self) -> Arc<str> {
        INTERNER.read().names[self.0 as usize].clone()
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({})", self.name())
    }
}

/// 128 bits that stand for the inputs of a task; read as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token([u8; 16]);

/// Differs from process to process, so that unique tokens do.
static NONCE: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(fresh_nonce()));
static SERIAL: AtomicU64 = AtomicU64::new(0);

fn fresh_nonce() -> u64 {
    use std::hash::BuildHasher;
    // The only randomness of the system that the standard library gives.
    std::collections::hash_map::RandomState::new().hash_one(std::process::id())
}

/// Call it in a child process after a fork: it must not repeat its parent's unique keys.
pub fn renew_nonce() {
    NONCE.store(fresh_nonce() ^ u64::from(std::process::id()), Ordering::Relaxed);
}

impl Token {
    fn unique() -> Token {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        // Both halves are bijections of the serial number, so none repeats.
        let low = mix(serial ^ NONCE.load(Ordering::Relaxed));
        Token::from_u128(u128::from(mix(low.wrapping_add(serial))) << 64 | u128::from(low))
    }

    /// The token with these bits.
    pub fn from_u128(bits: u128) -> Token {
        Token(bits.to_be_bytes())
    }

    /// Reads 32 hexadecimal digits in lower case.
    pub fn parse(hex: &str) -> Option<Token> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() != 32 || !hex.bytes().all(lower) {
            return None;
        }
        u128::from_str_radix(hex, 16).ok().map(Token::from_u128)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection that scatters its bits.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_token_forms_of_one_key_are_equal() {
        let before = Key::text("test-late-00112233445566778899aabbccddeeff");
        let prefix = Prefix::new("test-late");
        let token = Token::parse("00112233445566778899aabbccddeeff").unwrap();
        let key = Key::content(prefix, token);
        assert_eq!(key, Key::text(&key.to_string()));
        assert_eq!(before, key);
        assert_eq!(key, before);
        let set: crate::hash::Set<Key> = [before, key].into_iter().collect();
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn unique_keys_are_unique() {
        let prefix = Prefix::new("inc");
        let keys: crate::hash::Set<String> =
            (0..10_000).map(|_| Key::unique(prefix).to_string()).collect();
        assert_eq!(keys.len(), 10_000);
    }

    #[test]
    fn reads_as_written() {
        assert_eq!(Key::text("x").to_string(), "x");
        assert_eq!(Key::indexed(Key::text("x"), [0, -2]).to_string(), "('x', 0, -2)");
        assert_ne!(Key::indexed(Key::text("x"), [0]), Key::indexed(Key::text("x"), [1]));
        assert_eq!(&*Key::unique(Prefix::new("add")).group(), "add");
    }
}
