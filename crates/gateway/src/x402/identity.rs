//! What a payment is known by.

use core::fmt;

use serde_json::{Map, Value};
use wherefore_message::base64;

use super::Terms;

/// What identifies a payment: two that have the same can't both be settled, however differently they are written.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PaymentId(Vec<u8>);

impl PaymentId {
    /// What the payer signed decides; what stands around it doesn't, since anybody could change that.
    ///
    /// - On `eip155`, an EIP-3009 authorization is spent by its nonce, which counts for one token and payer; a
    ///   Permit2 one by its nonce, which counts for the payer alone.
    /// - On `solana`, it is the transaction's message, without the signatures before it.
    /// - What nothing is known of is identified by all that the client sent for the scheme.
    pub(super) fn of(terms: &Terms, signed: &Map<String, Value>) -> Option<Self> {
        let mut id = terms.network().as_bytes().to_vec();
        let namespace = terms.network().split(':').next().unwrap_or_default();
        let object = |name: &str| signed.get(name).map(Value::as_object);
        match (namespace, object("authorization"), object("permit2Authorization")) {
            ("eip155", Some(authorization), None) => {
                id.extend_from_slice(b" eip3009 ");
                id.extend(hex_octets::<20>(terms.asset())?);
                spent(authorization?, &mut id)?;
            }
            ("eip155", None, Some(authorization)) => {
                id.extend_from_slice(b" permit2 ");
                spent(authorization?, &mut id)?;
            }
            // Which of two would be settled nobody can say.
            ("eip155", Some(_), Some(_)) => return None,
            ("solana", None, None) => {
                id.extend_from_slice(b" message ");
                let transaction = signed.get("transaction")?.as_str()?;
                id.extend_from_slice(message(&base64::decode(transaction.as_bytes())?)?);
            }
            _ => {
                id.extend_from_slice(b" payload ");
                write_sorted(&Value::Object(signed.clone()), &mut id);
            }
        }
        Some(Self(id))
    }

    /// The octets that identify it. They are bounded by the length of the field, and hold nothing secret.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PaymentId({})", self.0.escape_ascii())
    }
}

/// Adds the payer and the nonce.
fn spent(authorization: &Map<String, Value>, id: &mut Vec<u8>) -> Option<()> {
    let text = |name: &str| authorization.get(name)?.as_str();
    id.extend(hex_octets::<20>(text("from")?)?);
    id.extend(uint256(text("nonce")?)?);
    Some(())
}

/// So many octets in hexadecimal digits, after `0x`.
pub(super) fn hex_octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = hex_digits(text)?;
    if digits.len() != 2 * N {
        return None;
    }
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(octets)
}

fn hex_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    digits.bytes().all(|octet| octet.is_ascii_hexdigit()).then_some(digits)
}

/// A number of 256 bits, however it is written: in hexadecimal digits after `0x`, or in decimal ones; zeros before it
/// change nothing.
pub(super) fn uint256(text: &str) -> Option<[u8; 32]> {
    let (digits, base) = match hex_digits(text) {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number = [0_u8; 32];
    for digit in digits.chars() {
        let mut carry = digit.to_digit(base)?;
        for octet in number.iter_mut().rev() {
            carry += u32::from(*octet) * base;
            *octet = (carry & 0xff) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// What is signed of a transaction of Solana: what follows its signatures, of which it says first how many there are.
fn message(transaction: &[u8]) -> Option<&[u8]> {
    const SIGNATURE_BYTES: usize = 64;
    // More than 127 signatures don't fit a transaction; then one octet says how many.
    let (count, rest) = transaction.split_first()?;
    if *count == 0 || *count > 0x7f {
        return None;
    }
    rest.get(usize::from(*count) * SIGNATURE_BYTES..).filter(|message| !message.is_empty())
}

/// JSON with the members of objects in the order of their names. How deep it goes was bounded when it was read.
fn write_sorted(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push(b'{');
            for (name, value) in members {
                out.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
                out.push(b':');
                write_sorted(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(elements) => {
            out.push(b'[');
            for element in elements {
                write_sorted(element, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_the_same_however_they_are_written(number: u128, zeros in 0..5_usize) {
            let zeros = "0".repeat(zeros);
            let mut due = [0; 32];
            due[16..].copy_from_slice(&number.to_be_bytes());
            prop_assert_eq!(uint256(&format!("{zeros}{number}")), Some(due));
            prop_assert_eq!(uint256(&format!("0x{zeros}{number:x}")), Some(due));
            prop_assert_eq!(uint256(&format!("0X{zeros}{number:X}")), Some(due));
        }

        #[test]
        fn sorting_is_all_that_happens(names in prop::collection::btree_set("[a-c\"é]{0,3}", 0..5), order: u64) {
            let mut members: Vec<String> = names.iter().map(|name| format!("{}:[1,\"x\",null]", Value::from(name.as_str()))).collect();
            let sorted = format!("{{{}}}", members.iter().map(|m| format!("{}[1,\"x\",null,],", &m[..m.len() - 12])).collect::<String>());
            members.sort_by_key(|member| member.len() as u64 ^ order);
            let value = serde_json::from_str(&format!("{{{}}}", members.join(","))).unwrap();
            let mut out = Vec::new();
            write_sorted(&value, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), sorted);
        }
    }

    #[test]
    fn the_bounds_of_numbers() {
        let most = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(uint256(most), Some([0xff; 32]));
        assert_eq!(uint256(&format!("{}6", &most[..most.len() - 1])), None);
        assert_eq!(uint256(&format!("0x{}", "f".repeat(64))), Some([0xff; 32]));
        for wrong in
            ["", "0x", "-1", "+1", "1e3", "0xg", " 1", "１", &format!("0x1{}", "0".repeat(64))]
        {
            assert_eq!(uint256(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_message_of_a_transaction() {
        let transaction = |count: u8, signatures: usize| {
            [vec![count], vec![7; signatures], b"message".to_vec()].concat()
        };
        assert_eq!(message(&transaction(2, 128)), Some(&b"message"[..]));
        for (count, signatures) in [(0, 0), (0x80, 0), (1, 56), (2, 120)] {
            assert_ne!(message(&transaction(count, signatures)), Some(&b"message"[..]));
        }
        assert_eq!(message(&[]), None);
        assert_eq!(message(&[1; 65]), None);
    }
}
