//! By what requests are alike that go to the same upstream.

use core::net::IpAddr;

use wherefore_message::network::client_key;
use wherefore_message::path::Path;
use wherefore_message::{FieldName, Request};

use crate::settings::{HashBy, Strategy};
use crate::upstreams::Upstreams;

/// The request's key, where its upstream is chosen by one and it has what that is made of. `address` is the client's.
#[must_use]
pub fn key(
    upstreams: &Upstreams,
    request: &Request<'_>,
    address: IpAddr,
    path: Path<'_>,
) -> Option<u64> {
    let Strategy::Hash(by) = &upstreams.settings().strategy else { return None };
    let key = |octets: &[u8]| upstreams.key(octets);
    match by {
        HashBy::Client => Some(key(client_key(address).to_string().as_bytes())),
        HashBy::Path => Some(key(path.bytes())),
        HashBy::Field(name) => {
            let mut lines = request.fields.iter();
            let found = lines.find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()));
            found.map(|(_, value)| key(value))
        }
        HashBy::Cookie(name) => cookie(request, name.as_bytes()).map(key),
    }
}

/// The value of a cookie (RFC 6265 §4.2.1).
fn cookie<'a>(request: &Request<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let pairs = request.fields.all(FieldName::Cookie).flat_map(|value| value.split(|o| *o == b';'));
    pairs.map(<[u8]>::trim_ascii).find_map(|pair| {
        let at = pair.iter().position(|octet| *octet == b'=')?;
        let (own, value) = pair.split_at(at);
        (own == name).then(|| value.get(1..).unwrap_or_default())
    })
}
