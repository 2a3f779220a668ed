//! Tests of messages in their binary form.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod codec;
mod gallery;
mod messages;
