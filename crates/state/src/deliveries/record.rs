//! What stands in the file of a delivery: its letter, which is never changed, and how it stands with it.
//!
//! All numbers are little-endian; what has no fixed length begins with its length (4 octets).

use wherefore_message::later::Setback;
use wherefore_message::{Cause, Status};

use super::delivery::{ClientKey, NewDelivery, UnixMillis};
use super::retry::{End, Finished, Pending};

/// A delivery as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) request: NewDelivery,
    pub(super) content: Kept,
}

/// Where the content of a letter is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Inline(Box<[u8]>),
    /// In the file of the delivery's name, with so many octets.
    File(u64),
}

/// How it stands with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Pending { standing: Pending, bytes: u64 },
    Finished(Finished),
}

impl Letter {
    pub(super) fn write(&self) -> Vec<u8> {
        let NewDelivery { destination, method, target, fields, key } = &self.request;
        let mut out = Vec::new();
        push(destination.as_bytes(), &mut out);
        push(method.as_bytes(), &mut out);
        push(target, &mut out);
        out.extend_from_slice(&(fields.len() as u32).to_le_bytes());
        for (name, value) in fields {
            push(name, &mut out);
            push(value, &mut out);
        }
        match key {
            None => out.push(b'-'),
            Some(ClientKey { principal, key }) => {
                out.push(b'k');
                push(principal, &mut out);
                push(key, &mut out);
            }
        }
        match &self.content {
            Kept::Inline(octets) => {
                out.push(b'i');
                push(octets, &mut out);
            }
            Kept::File(length) => {
                out.push(b'f');
                out.extend_from_slice(&length.to_le_bytes());
            }
        }
        out
    }

    /// None if it is not what [`Letter::write`] writes.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let rest = &mut &*octets;
        let destination = String::from_utf8(take(rest)?.to_vec()).ok()?.into();
        let method = String::from_utf8(take(rest)?.to_vec()).ok()?.into();
        let target = take(rest)?.into();
        let count = u32::from_le_bytes(fixed(rest)?);
        let mut fields = Vec::new();
        for _ in 0..count {
            fields.push((take(rest)?.into(), take(rest)?.into()));
        }
        let key = match fixed(rest)? {
            [b'-'] => None,
            [b'k'] => Some(ClientKey { principal: take(rest)?.into(), key: take(rest)?.into() }),
            _ => return None,
        };
        let content = match fixed(rest)? {
            [b'i'] => Kept::Inline(take(rest)?.into()),
            [b'f'] => Kept::File(u64::from_le_bytes(fixed(rest)?)),
            _ => return None,
        };
        let request = NewDelivery { destination, method, target, fields, key };
        rest.is_empty().then_some(Self { request, content })
    }
}

impl Standing {
    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Pending { standing: Pending { accepted_at, tries, next_at, last }, bytes } => {
                out.push(b'p');
                for number in [accepted_at.0, next_at.0, *bytes] {
                    out.extend_from_slice(&number.to_le_bytes());
                }
                out.extend_from_slice(&tries.to_le_bytes());
                match last {
                    None => out.push(b'-'),
                    Some(why) => push_setback(*why, &mut out),
                }
            }
            Self::Finished(Finished { at, end: End::Delivered(status) }) => {
                out.push(b'd');
                out.extend_from_slice(&at.0.to_le_bytes());
                out.extend_from_slice(&status.code().to_le_bytes());
            }
            Self::Finished(Finished { at, end: End::Failed { why, tries } }) => {
                out.push(b'x');
                out.extend_from_slice(&at.0.to_le_bytes());
                out.extend_from_slice(&tries.to_le_bytes());
                push_setback(*why, &mut out);
            }
        }
        out
    }

    /// None if it is not what [`Standing::write`] writes.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let rest = &mut &*octets;
        let kind: [u8; 1] = fixed(rest)?;
        let mut moment = || Some(UnixMillis(u64::from_le_bytes(fixed(rest)?)));
        let standing = match kind {
            [b'p'] => {
                let (accepted_at, next_at, bytes) = (moment()?, moment()?, moment()?.0);
                let tries = u32::from_le_bytes(fixed(rest)?);
                let last = if **rest == *b"-" {
                    *rest = &[];
                    None
                } else {
                    Some(take_setback(rest)?)
                };
                let standing = Pending { accepted_at, tries, next_at, last };
                Self::Pending { standing, bytes }
            }
            [b'd'] => {
                let at = moment()?;
                let status = Status::new(u16::from_le_bytes(fixed(rest)?))?;
                Self::Finished(Finished { at, end: End::Delivered(status) })
            }
            [b'x'] => {
                let at = moment()?;
                let tries = u32::from_le_bytes(fixed(rest)?);
                let end = End::Failed { why: take_setback(rest)?, tries };
                Self::Finished(Finished { at, end })
            }
            _ => return None,
        };
        rest.is_empty().then_some(standing)
    }
}

/// A cause is kept by its stable name.
fn push_setback(why: Setback, out: &mut Vec<u8>) {
    match why {
        Setback::Cause(cause) => {
            out.push(b'c');
            push(cause.id().as_bytes(), out);
        }
        Setback::Answered(status) => {
            out.push(b'a');
            out.extend_from_slice(&status.code().to_le_bytes());
        }
        Setback::NoDestination => out.push(b'n'),
        Setback::ContentLost => out.push(b'l'),
    }
}

fn take_setback(rest: &mut &[u8]) -> Option<Setback> {
    Some(match fixed(rest)? {
        [b'c'] => {
            let id = take(rest)?;
            Setback::Cause(*Cause::ALL.iter().find(|cause| cause.id().as_bytes() == id)?)
        }
        [b'a'] => Setback::Answered(Status::new(u16::from_le_bytes(fixed(rest)?))?),
        [b'n'] => Setback::NoDestination,
        [b'l'] => Setback::ContentLost,
        _ => return None,
    })
}

fn push(octets: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(octets.len() as u32).to_le_bytes());
    out.extend_from_slice(octets);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(fixed(rest)?) as usize;
    let (octets, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(octets)
}

fn fixed<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (octets, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*octets)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn octets(most: usize) -> impl Strategy<Value = Box<[u8]>> {
        vec(any::<u8>(), 0..most).prop_map(Vec::into_boxed_slice)
    }

    fn letters() -> impl Strategy<Value = Letter> {
        let content =
            prop_oneof![octets(40).prop_map(Kept::Inline), any::<u64>().prop_map(Kept::File),];
        let key = proptest::option::of(
            (octets(9), octets(9)).prop_map(|(principal, key)| ClientKey { principal, key }),
        );
        let head = (".{0,9}", "[A-Z]{1,7}", octets(20), vec((octets(9), octets(9)), 0..4));
        (head, key, content).prop_map(|((destination, method, target, fields), key, content)| {
            let (destination, method) = (destination.into(), method.into());
            Letter { request: NewDelivery { destination, method, target, fields, key }, content }
        })
    }

    fn statuses() -> impl Strategy<Value = Status> {
        (100u16..600).prop_filter_map("a status", Status::new)
    }

    fn setbacks() -> impl Strategy<Value = Setback> {
        prop_oneof![
            proptest::sample::select(Cause::ALL).prop_map(Setback::Cause),
            statuses().prop_map(Setback::Answered),
            Just(Setback::NoDestination),
            Just(Setback::ContentLost),
        ]
    }

    fn standings() -> impl Strategy<Value = Standing> {
        let pending = (any::<[u64; 3]>(), any::<u32>(), proptest::option::of(setbacks()));
        let pending = pending.prop_map(|([accepted, next, bytes], tries, last)| {
            let (accepted_at, next_at) = (UnixMillis(accepted), UnixMillis(next));
            Standing::Pending { standing: Pending { accepted_at, tries, next_at, last }, bytes }
        });
        let end = prop_oneof![
            statuses().prop_map(End::Delivered),
            (setbacks(), any::<u32>()).prop_map(|(why, tries)| End::Failed { why, tries }),
        ];
        let finished = (any::<u64>(), end)
            .prop_map(|(at, end)| Standing::Finished(Finished { at: UnixMillis(at), end }));
        prop_oneof![pending, finished]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_less(letter in letters(), standing in standings()) {
            let written = letter.write();
            prop_assert_eq!(Letter::read(&written), Some(letter));
            for length in 0..written.len() {
                prop_assert_eq!(Letter::read(&written[..length]), None);
            }
            prop_assert_eq!(Letter::read(&[&written[..], b"-"].concat()), None);
            let written = standing.write();
            prop_assert_eq!(Standing::read(&written), Some(standing));
            for length in 0..written.len() {
                prop_assert_eq!(Standing::read(&written[..length]), None);
            }
            prop_assert_eq!(Standing::read(&[&written[..], b"-"].concat()), None);
        }

        #[test]
        fn anything_else_is_no_panic(octets in vec(any::<u8>(), 0..80)) {
            let _ = (Letter::read(&octets), Standing::read(&octets));
        }
    }
}
