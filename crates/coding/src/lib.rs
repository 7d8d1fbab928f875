//! Content codings (RFC 9110 §8.4.1) as streaming transforms: octets in, octets out, in bounded memory.
//! It does not know who codes what for whom.
//!
//! ```
//! use wherefore_coding::{Decoder, Encoder, Level};
//! use wherefore_message::Coding;
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let mut coded = Vec::new();
//! let mut encoder = Encoder::new(Level::usual(Coding::Gzip))?;
//! encoder.encode(b"some", &mut coded)?;
//! encoder.encode(b" text", &mut coded)?;
//! encoder.finish(&mut coded)?;
//!
//! let mut decoder = Decoder::new(Coding::Gzip, 1024)?;
//! let mut plain = Vec::new();
//! assert!(!decoder.decode(&coded, &mut plain)?.has_more);
//! decoder.finish()?;
//! assert_eq!(plain, b"some text");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod brotli;
mod decoder;
mod encoder;
mod gzip;
mod level;
mod tag;
mod zstd;

pub use decoder::{DecodeError, Decoder, Progress, decoder_bytes_max};
pub use encoder::{CoderFailed, Encoder};
pub use level::encoder_bytes_max;
pub use tag::{VERSION, tag_of};
pub use wherefore_message::coding::Level;
