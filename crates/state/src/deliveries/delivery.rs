//! What is to be delivered, and by what name it is known.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The name of a delivery: 128 bits that nobody can guess, since whoever knows it may ask how far it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(u128);

/// A moment of the calendar, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

/// A field line that is kept: its name and its value.
pub type KeptLine = (Box<[u8]>, Box<[u8]>);

/// What a request says that is accepted for later, but for its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Where it goes: a destination's name in the configuration.
    pub destination: Box<str>,
    /// The method.
    pub method: Box<str>,
    /// The path and the query, as they are sent.
    pub target: Box<[u8]>,
    /// The fields that are kept.
    pub fields: Vec<KeptLine>,
    /// The client's own name for the request.
    pub key: Option<ClientKey>,
}

/// An `Idempotency-Key` of a client: the same request under the same key is the same delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// Whose key it is: two clients may choose the same.
    pub principal: Box<[u8]>,
    /// The field's value.
    pub key: Box<[u8]>,
}

/// What is to be delivered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// What was asked.
    pub request: NewDelivery,
    /// The content.
    pub content: Content,
    /// How often it was tried before.
    pub tries: u32,
    /// When it was accepted.
    pub accepted_at: UnixMillis,
}

/// The content of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A small one.
    Inline(Box<[u8]>),
    /// A large one, in a file of its own, which is not changed while the delivery is pending.
    File {
        /// The file.
        path: PathBuf,
        /// How many octets it has.
        length: u64,
    },
}

impl DeliveryId {
    /// A name made of octets from a random source that can't be guessed.
    #[must_use]
    pub const fn new(octets: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(octets))
    }

    pub(super) const fn from_number(number: u128) -> Self {
        Self(number)
    }

    pub(super) const fn number(self) -> u128 {
        self.0
    }

    /// Reads what [`fmt::Display`] writes: 32 hexadecimal digits in lower case, and nothing else.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits: &[u8; 32] = text.try_into().ok()?;
        let number = digits.iter().try_fold(0, |number: u128, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(number << 4 | u128::from(value))
        });
        number.map(Self)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeliveryId({self})")
    }
}

impl UnixMillis {
    /// This moment and `span` more.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The time since `earlier`; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// In seconds since 1970: the first that is not before it.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

impl NewDelivery {
    /// How many octets are kept of it.
    pub(super) fn bytes(&self) -> usize {
        let fields = self.fields.iter().map(|(name, value)| name.len() + value.len());
        let key = self.key.as_ref().map_or(0, |key| key.principal.len() + key.key.len());
        let head = self.destination.len() + self.method.len() + self.target.len();
        fields.fold(head + key, usize::saturating_add)
    }
}

impl Content {
    /// How many octets it has.
    #[must_use]
    pub const fn length(&self) -> u64 {
        match self {
            Self::Inline(octets) => octets.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

impl Delivery {
    /// One whose letter is still to be read.
    pub(super) fn unread(id: DeliveryId, tries: u32, accepted_at: UnixMillis) -> Self {
        let request = NewDelivery {
            destination: "".into(),
            method: "".into(),
            target: Box::default(),
            fields: Vec::new(),
            key: None,
        };
        Self { id, request, content: Content::Inline(Box::default()), tries, accepted_at }
    }

    /// The value of the `Idempotency-Key` that it is sent with: the client's own, else its name as a string, so that an
    /// upstream that knows the field does once what it is told twice.
    #[must_use]
    pub fn idempotency_key(&self) -> Box<[u8]> {
        match &self.request.key {
            Some(key) => key.key.clone(),
            None => format!("\"{}\"", self.id).into_bytes().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_way() {
        let id =
            DeliveryId::new(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xff");
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(DeliveryId::parse(id.to_string().as_bytes()), Some(id));
        for other in [
            "",
            "000102030405060708090a0b0c0d0efF",
            "00102030405060708090a0b0c0d0eff",
            "0000102030405060708090a0b0c0d0eff",
            "+00102030405060708090a0b0c0d0eff",
        ] {
            assert_eq!(DeliveryId::parse(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn moments() {
        let at = UnixMillis(1_500);
        assert_eq!((at.seconds(), UnixMillis(2_000).seconds(), UnixMillis(0).seconds()), (2, 2, 0));
        assert_eq!(at.after(Duration::MAX), UnixMillis(u64::MAX));
        assert_eq!(at.since(UnixMillis(2_000)), Duration::ZERO);
    }
}
