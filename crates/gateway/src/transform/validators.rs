//! The tags of a route whose content may be changed: the upstream's, with a mark.
//!
//! The mark is made of all that decides how content is changed, so that it changes with it. A `t` before it stands for
//! content that was changed, a `p` for content that is as the upstream sent it.

use wherefore_message::etag::{TagText, Tags, tags};
use wherefore_message::{FieldName, Method, Request, ResponseHead, Status};

use super::Transform;
use crate::hop::line;

/// Whether the content that a tag stands for was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes {
        /// Whether the same content always becomes the same octets.
        exactly: bool,
    },
    No,
}

/// What tags of this transform are marked with: eight digits that differ where transforms do.
pub(super) fn mark(transform: &Transform) -> Box<str> {
    // FNV-1a: two transforms of one operator need no more than to differ.
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |text: &[u8]| {
        let length = (text.len() as u64).to_le_bytes();
        for octet in length.iter().chain(text) {
            sum = (sum ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for one in transform.replace.iter() {
        add(&one.old);
        add(&one.new);
    }
    add(format!("{:?}{:?}", transform.types, transform.recompress).as_bytes());
    let folded = (sum >> 32) as u32 ^ sum as u32;
    format!("{folded:08x}").into()
}

/// Gives the head the tag that its content has here.
pub(super) fn tag(mark: &str, changed: Changed, request: &Request<'_>, head: &mut ResponseHead) {
    let text = {
        let mut values = head.relayed_values(FieldName::ETag);
        let only = values.next().filter(|_| values.next().is_none());
        only.and_then(TagText::parse).map(|tag| (tag.opaque.to_vec(), tag.weak))
    };
    // What is no tag must not be taken for one of ours later.
    head.remove(FieldName::ETag);
    let Some((opaque, weak)) = text else { return };
    let (kind, weak) = match changed {
        Changed::Yes { exactly } => (b't', weak || !exactly),
        // The client has it already: it is the one that it named.
        Changed::No if head.status == Status::NOT_MODIFIED => match named(mark, request, &opaque) {
            Some((kind, named_weak)) => (kind, weak || named_weak),
            None => (b'p', weak),
        },
        Changed::No => (b'p', weak),
    };
    let mut value = Vec::new();
    write(&opaque, weak, Some((kind, mark)), &mut value);
    head.relay_known(FieldName::ETag, b"ETag", &value);
}

/// Appends the lines of a request that hold tags, with the upstream's own in them.
///
/// A tag that is not of this transform stands for other content. For a client that reads it is passed over, so that
/// it gets what is right now. For one that writes it stays: nothing that it has here is meant, and whether the
/// upstream has it is the upstream's to say.
pub(super) fn translate(mark: &str, request: &Request<'_>, out: &mut Vec<u8>) {
    for name in [FieldName::IfMatch, FieldName::IfNoneMatch] {
        if !request.fields.has(name) {
            continue;
        }
        let value = match tags(request.fields.all(name)) {
            Tags::Any => b"*".to_vec(),
            Tags::List(list) => {
                let reads = matches!(request.method, Method::Get | Method::Head);
                let mut value = Vec::new();
                for tag in list {
                    let own = unmarked(mark, tag.opaque);
                    if own.is_none() && reads && name == FieldName::IfNoneMatch {
                        continue;
                    }
                    if !value.is_empty() {
                        value.extend_from_slice(b", ");
                    }
                    let opaque = own.map_or(tag.opaque, |(_, opaque)| opaque);
                    write(opaque, tag.weak, None, &mut value);
                }
                value
            }
        };
        // Without a tag that could be met the demand of If-Match still stands, and can't be.
        if !value.is_empty() || name == FieldName::IfMatch {
            let value = if value.is_empty() { b"\"\"".to_vec() } else { value };
            line(name.as_str().as_bytes(), &value, out);
        }
    }
}

/// How the client named the content that the upstream has this tag for.
fn named(mark: &str, request: &Request<'_>, opaque: &[u8]) -> Option<(u8, bool)> {
    let Tags::List(mut list) = tags(request.fields.all(FieldName::IfNoneMatch)) else {
        return None;
    };
    list.find_map(|tag| {
        let (kind, own) = unmarked(mark, tag.opaque)?;
        (own == opaque).then_some((kind, tag.weak))
    })
}

/// The upstream's opaque part, and which sort of content it is for; none if the mark is not this one.
fn unmarked<'t>(mark: &str, opaque: &'t [u8]) -> Option<(u8, &'t [u8])> {
    match opaque.strip_suffix(mark.as_bytes())? {
        [own @ .., b'-', kind @ (b't' | b'p')] => Some((*kind, own)),
        _ => None,
    }
}

fn write(opaque: &[u8], weak: bool, marked: Option<(u8, &str)>, out: &mut Vec<u8>) {
    out.extend_from_slice(if weak { b"W/\"" } else { b"\"" });
    out.extend_from_slice(opaque);
    if let Some((kind, mark)) = marked {
        out.extend_from_slice(&[b'-', kind]);
        out.extend_from_slice(mark.as_bytes());
    }
    out.push(b'"');
}
