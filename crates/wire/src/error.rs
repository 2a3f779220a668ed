//! Why bytes are not a message: [`WireError`].

/// Bytes are not what they should be. Whoever sent them is not to be trusted further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message ends in the middle.
    #[error("the message is shorter than it says")]
    Truncated,
    /// More follows than belongs to the message.
    #[error("the message is followed by {bytes} bytes and {frames} frames that are not part of it")]
    LeftOver {
        /// Bytes of text.
        bytes: usize,
        /// Frames.
        frames: usize,
    },
    /// A number does not fit its type.
    #[error("a number in the message is too large")]
    TooLarge,
    /// Text is not UTF-8.
    #[error("text in the message is not UTF-8")]
    NotText,
    /// A variant that this version does not know.
    #[error("the message holds {type_name} number {tag}, which this version does not know")]
    UnknownVariant {
        /// Of what.
        type_name: &'static str,
        /// Its number.
        tag: u8,
    },
    /// A length is above the limit.
    #[error("a message of {length} bytes is longer than the limit of {limit}")]
    AboveLimit {
        /// What it says.
        length: u64,
        /// What may be.
        limit: u64,
    },
    /// The bytes changed on their way.
    #[error("the checksum of a message is wrong: it was damaged on its way")]
    Checksum,
    /// The first bytes are not those of this protocol.
    #[error("this is not a raskt message; the other side speaks another protocol")]
    NotOurs,
}
