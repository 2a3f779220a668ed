//! Tokens of Rust values: equal values give equal tokens, in every process.

use serde::Serialize;
use xxhash_rust::xxh3::Xxh3Default;

use crate::key::Token;

/// The token of a value: XXH3-128 over its canonical bytes (postcard), which depend on
/// nothing but the value, and over `salt`, the name of what is done with it.
///
/// (Hash maps and sets of the standard library are written in an order of their own: equal
/// ones may have different tokens. Take those that are sorted.)
///
/// ```
/// # use raskt_graph::tokenize::token;
/// assert_eq!(token("inc", &1).ok(), token("inc", &1).ok());
/// assert_ne!(token("inc", &1).ok(), token("dec", &1).ok());
/// ```
///
/// # Errors
/// If serde cannot write the value.
pub fn token<T: Serialize + ?Sized>(salt: &str, value: &T) -> Result<Token, postcard::Error> {
    let mut hasher = Xxh3Default::new();
    hasher.update(&(salt.len() as u64).to_le_bytes());
    hasher.update(salt.as_bytes());
    hasher.update(&postcard::to_stdvec(value)?);
    Ok(Token::from_u128(hasher.digest128()))
}

/// The token of bytes.
pub fn token_of_bytes(bytes: &[u8]) -> Token {
    Token::from_u128(xxhash_rust::xxh3::xxh3_128(bytes))
}
