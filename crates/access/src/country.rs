//! In which country an address is, as a database in the MaxMind DB format has it. The operator brings the
//! file.

use std::fmt;
use std::net::IpAddr;

use maxminddb::{MaxMindDbError, PathElement, Reader};

/// A database of countries.
pub struct Countries {
    reader: Reader<Vec<u8>>,
}

/// A country: two capital letters (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountryFault {
    /// The file is no such database; what its reader says of it.
    NoDatabase(String),
    /// It is damaged where this address stands; what its reader says of it.
    Damaged(String),
    /// What it has as this address's country is not two letters.
    NoCountry,
}

impl fmt::Display for CountryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDatabase(why) => write!(f, "this is no MaxMind DB: {why}"),
            Self::Damaged(why) => write!(f, "the database is damaged: {why}"),
            Self::NoCountry => f.write_str("what the database has as a country is not two letters"),
        }
    }
}

impl std::error::Error for CountryFault {}

impl Countries {
    /// The database in a file's octets.
    ///
    /// # Errors
    ///
    /// If that is none.
    pub fn read(octets: Vec<u8>) -> Result<Self, CountryFault> {
        let fault = |error: MaxMindDbError| CountryFault::NoDatabase(error.to_string());
        Ok(Self { reader: Reader::from_source(octets).map_err(fault)? })
    }

    /// What the file calls itself, for people.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When the file was made, in seconds since the start of 1970: addresses move.
    #[must_use]
    pub fn made_seconds(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    /// The country in which the address is; none if the database does not say.
    ///
    /// # Errors
    ///
    /// If the database is damaged there.
    pub fn of(&self, address: IpAddr) -> Result<Option<Country>, CountryFault> {
        let address = address.to_canonical();
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let damaged = |error: MaxMindDbError| CountryFault::Damaged(error.to_string());
        let found = self.reader.lookup(address).map_err(damaged)?;
        // Where the address is, not where its owner is registered; the second as some others write it.
        for path in [&["country", "iso_code"][..], &["country_code"]] {
            let path: Vec<_> = path.iter().copied().map(PathElement::Key).collect();
            match found.decode_path::<&str>(&path) {
                Ok(Some(code)) => {
                    return Country::parse(code).map(Some).ok_or(CountryFault::NoCountry);
                }
                // What stands there is not of that shape.
                Ok(None) | Err(MaxMindDbError::Decoding { .. }) => {}
                Err(error) => return Err(damaged(error)),
            }
        }
        Ok(None)
    }
}

/// Its metadata alone.
impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Countries").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl Country {
    /// Reads two letters, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let is_letters = letters.iter().all(u8::is_ascii_alphabetic);
        is_letters.then(|| Self(letters.map(|letter| letter.to_ascii_uppercase())))
    }

    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // They are ASCII.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A value of a database's data section.
    enum Datum {
        Text(&'static str),
        Map(Vec<(&'static str, Self)>),
        Texts(Vec<&'static str>),
        Number16(u16),
        Number32(u32),
        Number64(u64),
    }

    impl Datum {
        fn write(&self, out: &mut Vec<u8>) {
            // The type stands in the first three bits, those from 8 on in an octet of their own.
            let size = |octets: usize| u8::try_from(octets).ok().filter(|size| *size < 29).unwrap();
            match self {
                Self::Text(text) => {
                    out.push(2 << 5 | size(text.len()));
                    out.extend(text.as_bytes());
                }
                Self::Map(pairs) => {
                    out.push(7 << 5 | size(pairs.len()));
                    for (name, datum) in pairs {
                        Self::Text(name).write(out);
                        datum.write(out);
                    }
                }
                Self::Texts(texts) => {
                    out.extend([size(texts.len()), 11 - 7]);
                    texts.iter().for_each(|text| Self::Text(text).write(out));
                }
                Self::Number16(number) => {
                    out.push(5 << 5 | 2);
                    out.extend(number.to_be_bytes());
                }
                Self::Number32(number) => {
                    out.push(6 << 5 | 4);
                    out.extend(number.to_be_bytes());
                }
                Self::Number64(number) => {
                    out.extend([8, 9 - 7]);
                    out.extend(number.to_be_bytes());
                }
            }
        }
    }

    #[derive(Clone, Copy)]
    enum Record {
        Empty,
        Node(usize),
        Data(usize),
    }

    /// A database of some networks, each with its datum, in records of 24 bits.
    fn database(ip_version: u16, networks: &[(&str, Datum)]) -> Vec<u8> {
        let (mut tree, mut data) = (vec![[Record::Empty; 2]], Vec::new());
        for (network, datum) in networks {
            let network: wherefore_message::network::Network = network.parse().unwrap();
            let (mut bits, mut prefix) = match network.first() {
                IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, network.prefix_bits()),
                IpAddr::V6(v6) => (v6.to_bits(), network.prefix_bits()),
            };
            if ip_version == 6 && network.first().is_ipv4() {
                (bits, prefix) = (bits >> 96, prefix + 96);
            }
            let mut node = 0;
            for depth in 0..prefix {
                let side = (bits >> (127 - depth) & 1) as usize;
                if depth + 1 == prefix {
                    tree[node][side] = Record::Data(data.len());
                } else if let Record::Node(next) = tree[node][side] {
                    node = next;
                } else {
                    tree.push([Record::Empty; 2]);
                    tree[node][side] = Record::Node(tree.len() - 1);
                    node = tree.len() - 1;
                }
            }
            datum.write(&mut data);
        }
        let mut out = Vec::new();
        for record in tree.iter().flatten() {
            let value = match record {
                Record::Empty => tree.len(),
                Record::Node(node) => *node,
                Record::Data(at) => tree.len() + 16 + at,
            };
            out.extend(&u32::try_from(value).unwrap().to_be_bytes()[1..]);
        }
        out.extend([0; 16]);
        out.extend(data);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = Datum::Map(vec![
            ("binary_format_major_version", Datum::Number16(2)),
            ("binary_format_minor_version", Datum::Number16(0)),
            ("build_epoch", Datum::Number64(1_790_000_000)),
            ("database_type", Datum::Text("Made-Country")),
            ("description", Datum::Map(vec![("en", Datum::Text("Made for a test"))])),
            ("ip_version", Datum::Number16(ip_version)),
            ("languages", Datum::Texts(vec!["en"])),
            ("node_count", Datum::Number32(u32::try_from(tree.len()).unwrap())),
            ("record_size", Datum::Number16(24)),
        ]);
        metadata.write(&mut out);
        out
    }

    fn iso_code(code: &'static str) -> Datum {
        Datum::Map(vec![
            ("continent", Datum::Map(vec![("code", Datum::Text("EU"))])),
            ("country", Datum::Map(vec![("iso_code", Datum::Text(code))])),
        ])
    }

    fn made() -> Vec<u8> {
        let plain = vec![("country", Datum::Text("France")), ("country_code", Datum::Text("FR"))];
        database(
            6,
            &[
                ("192.0.2.0/24", iso_code("DE")),
                ("198.51.100.0/25", iso_code("nl")),
                ("2001:db8::/32", Datum::Map(plain)),
                ("203.0.113.0/24", iso_code("XYZ")),
                ("203.0.112.0/24", Datum::Map(vec![("asn", Datum::Number32(7))])),
            ],
        )
    }

    fn of(countries: &Countries, address: &str) -> Option<String> {
        countries.of(address.parse().unwrap()).unwrap().map(|country| country.to_string())
    }

    #[test]
    fn countries_of_addresses() {
        let countries = Countries::read(made()).unwrap();
        assert_eq!((countries.kind(), countries.made_seconds()), ("Made-Country", 1_790_000_000));
        for (address, country) in [
            ("192.0.2.0", Some("DE")),
            ("192.0.2.255", Some("DE")),
            ("::ffff:192.0.2.7", Some("DE")),
            ("198.51.100.127", Some("NL")),
            ("2001:db8:1::1", Some("FR")),
            ("198.51.100.128", None),
            ("203.0.112.9", None),
            ("192.0.3.0", None),
            ("::1", None),
        ] {
            assert_eq!(of(&countries, address).as_deref(), country, "{address}");
        }
        assert_eq!(countries.of([203, 0, 113, 1].into()), Err(CountryFault::NoCountry));
    }

    #[test]
    fn a_database_of_ipv4_alone() {
        let countries = Countries::read(database(4, &[("192.0.2.0/24", iso_code("DE"))])).unwrap();
        assert_eq!(of(&countries, "192.0.2.1").as_deref(), Some("DE"));
        assert_eq!(of(&countries, "2001:db8::1"), None);
    }

    #[test]
    fn what_is_no_database() {
        for octets in [Vec::new(), b"<html>".to_vec(), made()[..made().len() / 2].to_vec()] {
            assert!(matches!(Countries::read(octets), Err(CountryFault::NoDatabase(_))));
        }
    }

    #[test]
    fn damage_is_said() {
        // The datum of the first network becomes one that is longer than the file.
        let mut octets = made();
        let at = octets.windows(9).position(|nine| nine == b"continent").unwrap() - 2;
        octets[at..at + 4].copy_from_slice(&[7 << 5 | 31, 0xff, 0xff, 0xff]);
        let countries = Countries::read(octets).unwrap();
        assert!(matches!(countries.of([192, 0, 2, 1].into()), Err(CountryFault::Damaged(_))));
    }

    #[test]
    fn countries_are_two_letters() {
        for (text, country) in [
            ("de", Some("DE")),
            ("Fr", Some("FR")),
            ("D", None),
            ("DEU", None),
            ("D1", None),
            ("é", None),
        ] {
            assert_eq!(Country::parse(text).map(|country| country.to_string()).as_deref(), country);
        }
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), address in any::<u128>(),
        ) {
            let mut octets = made();
            for (at, octet) in changes {
                let at = at.index(octets.len());
                octets[at] = octet;
            }
            if let Ok(countries) = Countries::read(octets) {
                for address in [IpAddr::from([192, 0, 2, 1]), IpAddr::from([203, 0, 113, 1]), std::net::Ipv6Addr::from(address).into()] {
                    if let Ok(Some(country)) = countries.of(address) {
                        prop_assert_eq!(country.as_str().len(), 2);
                    }
                }
            }
        }
    }
}
