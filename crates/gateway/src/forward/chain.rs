//! Who asked whom, told to the upstream: `Forwarded` (RFC 7239) and the older fields.
//!
//! What a trusted proxy wrote goes on, with the proxy itself added; of a stranger only its own address is told. A
//! chain that the proxy does not write begins with the client as the proxy told of it, so that whoever reads both
//! finds the same client in both.

use core::net::IpAddr;

use wherefore_decide::Scheme;
use wherefore_message::forwarded::Element;
use wherefore_message::network::write_address;
use wherefore_message::token::trim;
use wherefore_message::{FieldName, FieldSet};

use super::{Forwarded, From, PeerTrust, Policy, Replaced, asked, asked_by_field};
use crate::hop::{is_value, line, own_line};

/// The longest host with which the lines are kept, in octets.
const HOST_BYTES_KEPT_MAX: usize = 256;

/// The lines that were written last for a stranger, kept since its next request is told of by the same ones.
#[derive(Debug, Default)]
pub struct Chain {
    kept: Option<Said>,
    host: Vec<u8>,
    written: Vec<u8>,
}

/// All that the lines say of a stranger, but for the host that it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    forwarded: Forwarded,
    replaced: FieldSet,
    peer: IpAddr,
    schemes: (Scheme, Scheme),
}

impl Chain {
    /// Nothing was written yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { kept: None, host: Vec::new(), written: Vec::new() }
    }

    /// Appends the lines that the policy asks for.
    pub(super) fn write(
        &mut self,
        policy: &Policy,
        replaced: &Replaced<'_>,
        from: &From<'_>,
        out: &mut Vec<u8>,
    ) {
        let host = match (from.peer_trust, asked_by_field(from.request)) {
            (PeerTrust::Stranger, Some(host)) if host.len() <= HOST_BYTES_KEPT_MAX => host,
            _ => return write(policy, replaced, from, out),
        };
        let said = Said {
            forwarded: policy.forwarded,
            replaced: replaced.known.and(WRITTEN),
            peer: from.peer,
            schemes: (from.client.scheme, from.scheme),
        };
        if self.kept == Some(said) && self.host == host {
            return out.extend_from_slice(&self.written);
        }
        let start = out.len();
        write(policy, replaced, from, out);
        if !is_value(host) {
            return;
        }
        self.kept = Some(said);
        self.host.clear();
        self.host.extend_from_slice(host);
        self.written.clear();
        self.written.extend_from_slice(out.get(start..).unwrap_or_default());
    }
}

/// What may be written here.
const WRITTEN: FieldSet = FieldSet::of(&[
    FieldName::Forwarded,
    FieldName::XForwardedFor,
    FieldName::XForwardedHost,
    FieldName::XForwardedProto,
]);

fn write(policy: &Policy, replaced: &Replaced<'_>, from: &From<'_>, out: &mut Vec<u8>) {
    let stands = |known: FieldName| !replaced.known.has(known);
    let host = asked(from.request);
    let host = Some(&*host).filter(|host| is_value(host) && !host.is_empty());
    if matches!(policy.forwarded, Forwarded::Forwarded | Forwarded::Both)
        && stands(FieldName::Forwarded)
    {
        forwarded(from, host, out);
    }
    if matches!(policy.forwarded, Forwarded::XForwarded | Forwarded::Both) {
        if stands(FieldName::XForwardedFor) {
            forwarded_for(from, out);
        }
        if stands(FieldName::XForwardedHost) {
            forwarded_host(from, host, out);
        }
        if stands(FieldName::XForwardedProto) {
            own_line(b"X-Forwarded-Proto", from.client.scheme.name().as_bytes(), out);
        }
    }
}

fn forwarded(from: &From<'_>, host: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Forwarded: ");
    let told = from.peer_trust.has_forwarded() && lines(from, FieldName::Forwarded, out);
    if !told && let Some(client) = behind(from) {
        let proto = from.client.scheme.name();
        Element { by_whom: client, host: None, proto }.write(out);
        out.extend_from_slice(b", ");
    }
    Element { by_whom: Some(from.peer), host, proto: from.scheme.name() }.write(out);
    out.extend_from_slice(b"\r\n");
}

fn forwarded_for(from: &From<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"X-Forwarded-For: ");
    let told = from.peer_trust.has_x_forwarded() && lines(from, FieldName::XForwardedFor, out);
    if !told && let Some(client) = behind(from) {
        match client {
            Some(address) => write_address(address, out),
            None => out.extend_from_slice(b"unknown"),
        }
        out.extend_from_slice(b", ");
    }
    write_address(from.peer, out);
    out.extend_from_slice(b"\r\n");
}

/// The host that the first proxy was asked for, where one that is trusted tells of it.
fn forwarded_host(from: &From<'_>, host: Option<&[u8]>, out: &mut Vec<u8>) {
    let told = from.request.fields.only(FieldName::XForwardedHost);
    if let Some(host) = told.filter(|_| from.peer_trust.has_x_forwarded()) {
        return line(b"X-Forwarded-Host", host, out);
    }
    if let Some(host) = host {
        own_line(b"X-Forwarded-Host", host, out);
    }
}

/// Appends what stands in all lines of this name, each followed by a comma. Says whether there was any.
fn lines(from: &From<'_>, name: FieldName, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    for value in from.request.fields.all(name).map(trim) {
        if !value.is_empty() && is_value(value) {
            out.extend_from_slice(value);
            out.extend_from_slice(b", ");
        }
    }
    out.len() > start
}

/// Who asked the peer, if the peer is a proxy that is believed: an address, or none that is to be known.
fn behind(from: &From<'_>) -> Option<Option<IpAddr>> {
    let is_other = from.client.address != Some(from.peer.to_canonical());
    (from.peer_trust != PeerTrust::Stranger && is_other).then_some(from.client.address)
}
