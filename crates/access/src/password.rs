//! Passwords as files keep them: argon2id (RFC 9106) and bcrypt.

use std::fmt;
use std::hint::black_box;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use wherefore_message::base64;

/// The most memory that one argon2id hash may ask for, in KiB: 256 MiB.
pub(crate) const MEMORY_KIB_MAX: u32 = 256 * 1024;

/// The most memory times passes, in KiB: about a second of one core.
pub(crate) const WORK_KIB_MAX: u64 = 1024 * 1024;

/// The most lanes of an argon2id hash: more say nothing on the machines that there are.
pub(crate) const LANES_MAX: u32 = 64;

/// The greatest cost of a bcrypt hash: 2 to this power rounds, about a second of one core.
pub(crate) const BCRYPT_COST_MAX: u32 = 14;

const BCRYPT_COST_MIN: u32 = 4;

/// The memory, passes and lanes of new hashes: what OWASP's Password Storage Cheat Sheet asks for.
const NEW: Kind = Kind::Argon2id { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

/// How many octets a new hash has.
const NEW_HASH_BYTES: usize = 32;

/// What a hash costs to compute: two of one kind cost the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Argon2id { memory_kib: u32, passes: u32, lanes: u32 },
    Bcrypt { cost: u32 },
}

/// A hash that a password can be held against.
pub(crate) struct Stored {
    pub(crate) kind: Kind,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// There was not enough memory to compute a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoMemory;

/// Why a text is no hash that is taken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashFault {
    /// A scheme, by its name, and why it is not taken.
    Refused(&'static str, &'static str),
    /// The text is not of its scheme's form; what is wrong with it.
    Malformed(&'static str, &'static str),
    /// It would cost too much; what exceeds which limit.
    TooCostly(&'static str, u64, u64),
}

impl fmt::Display for HashFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(scheme, why) => {
                write!(f, "{scheme} is not taken, {why}: use argon2id or bcrypt")
            }
            Self::Malformed(scheme, what) => write!(f, "this {scheme} hash is malformed: {what}"),
            Self::TooCostly(what, value, max) => {
                write!(f, "{what} of {value} is above {max}: each attempt would cost too much")
            }
        }
    }
}

impl Stored {
    pub(crate) fn parse(text: &str) -> Result<Self, HashFault> {
        if let Some(rest) = text.strip_prefix("$argon2id$") {
            return parse_argon2id(rest);
        }
        if let Some(rest) =
            ["$2a$", "$2b$", "$2y$"].iter().find_map(|start| text.strip_prefix(start))
        {
            return parse_bcrypt(rest);
        }
        let (_, scheme, why) = REFUSED
            .iter()
            .find(|(start, ..)| text.starts_with(start))
            .unwrap_or(if is_des(text) { &DES } else { &PLAIN });
        Err(HashFault::Refused(scheme, why))
    }

    /// Whether it is this password's. Takes the time that its kind takes, whatever the password.
    pub(crate) fn is_of(&self, password: &str) -> Result<bool, NoMemory> {
        let hash = self.kind.hash(password, &self.salt, self.hash.len())?;
        Ok(verify_slices_are_equal(&hash, &self.hash).is_ok())
    }
}

impl Kind {
    /// Takes the time that a hash of this kind takes, to no other end.
    pub(crate) fn spend(self, password: &str) -> Result<(), NoMemory> {
        black_box(self.hash(password, &[0; 16], 32)?);
        Ok(())
    }

    fn hash(self, password: &str, salt: &[u8], hash_bytes: usize) -> Result<Vec<u8>, NoMemory> {
        #[cfg(test)]
        tests::SPENT.with_borrow_mut(|spent| spent.push(self));
        match self {
            Self::Argon2id { memory_kib, passes, lanes } => {
                let params = Params::new(memory_kib, passes, lanes, Some(hash_bytes));
                let argon2 =
                    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| NoMemory)?);
                let mut hash = vec![0; hash_bytes];
                // What was parsed is within all other bounds that it could complain about.
                argon2
                    .hash_password_into(password.as_bytes(), salt, &mut hash)
                    .map_err(|_| NoMemory)?;
                Ok(hash)
            }
            Self::Bcrypt { cost } => {
                // Of longer passwords the scheme sees no more; a zero ends those that are shorter.
                let mut octets = [0; 72];
                let used = password.len().min(octets.len());
                octets[..used].copy_from_slice(&password.as_bytes()[..used]);
                let used = (used + 1).min(octets.len());
                let mut salt_16 = [0; 16];
                salt_16.copy_from_slice(salt.first_chunk::<16>().ok_or(NoMemory)?);
                // The last octet is not kept.
                Ok(bcrypt::bcrypt(cost, salt_16, &octets[..used])[..BCRYPT_HASH_BYTES].to_vec())
            }
        }
    }
}

/// Without hash and salt.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Makes the text of a hash, as `argon2id` with what OWASP asks for.
pub(crate) fn hash_new(password: &str, salt: [u8; 16]) -> Result<String, NoMemory> {
    let hash = NEW.hash(password, &salt, NEW_HASH_BYTES)?;
    let Kind::Argon2id { memory_kib, passes, lanes } = NEW else { return Err(NoMemory) };
    let (salt, hash) = (base64::encode(&salt), base64::encode(&hash));
    let (salt, hash) = (salt.trim_end_matches('='), hash.trim_end_matches('='));
    Ok(format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}"))
}

/// What stands behind `$argon2id$`, in the PHC string format.
fn parse_argon2id(rest: &str) -> Result<Stored, HashFault> {
    let malformed = |what| HashFault::Malformed("argon2id", what);
    let mut parts = rest.split('$');
    if parts.next() != Some("v=19") {
        return Err(malformed("only version 19 is taken, written as v=19"));
    }
    let parameters = parts.next().unwrap_or_default();
    let mut numbers = parameters.split(',').zip(["m=", "t=", "p="]).map(|(text, name)| {
        let digits = text.strip_prefix(name).unwrap_or_default();
        let is_plain =
            digits.bytes().all(|octet| octet.is_ascii_digit()) && !digits.starts_with('0');
        if is_plain { digits.parse::<u32>().ok() } else { None }
    });
    let (memory_kib, passes, lanes) = (numbers.next(), numbers.next(), numbers.next());
    let (Some(Some(memory_kib)), Some(Some(passes)), Some(Some(lanes))) =
        (memory_kib, passes, lanes)
    else {
        return Err(malformed("its parameters are to be m=..,t=..,p=.., in 32 bits each"));
    };
    if parameters.split(',').count() > 3 {
        return Err(malformed("it has parameters besides m, t and p"));
    }
    let (salt, hash) = (parts.next(), parts.next());
    let decode = |text: Option<&str>| {
        // Without padding, as the format has it.
        base64::decode(text.filter(|text| !text.contains('='))?.as_bytes())
    };
    let (Some(salt), Some(hash), None) = (decode(salt), decode(hash), parts.next()) else {
        return Err(malformed("salt and hash are to be base 64 without padding"));
    };
    if !(8..=64).contains(&salt.len()) || !(16..=64).contains(&hash.len()) {
        return Err(malformed("the salt has 8 to 64 octets, the hash 16 to 64"));
    }
    if lanes > LANES_MAX {
        return Err(HashFault::TooCostly("p", lanes.into(), LANES_MAX.into()));
    }
    if memory_kib > MEMORY_KIB_MAX {
        return Err(HashFault::TooCostly("m", memory_kib.into(), MEMORY_KIB_MAX.into()));
    }
    let work = u64::from(memory_kib) * u64::from(passes);
    if work > WORK_KIB_MAX {
        return Err(HashFault::TooCostly("m times t", work, WORK_KIB_MAX));
    }
    if memory_kib < 8 * lanes {
        return Err(malformed("m is to be 8 times p at least"));
    }
    Ok(Stored { kind: Kind::Argon2id { memory_kib, passes, lanes }, salt, hash })
}

const BCRYPT_HASH_BYTES: usize = 23;

/// What stands behind `$2b$`: the cost, `$`, 22 characters of salt and 31 of hash.
fn parse_bcrypt(rest: &str) -> Result<Stored, HashFault> {
    let malformed = |what| HashFault::Malformed("bcrypt", what);
    let (cost, rest) = rest.split_once('$').ok_or(malformed("its cost is missing"))?;
    let is_cost = cost.len() == 2 && cost.bytes().all(|octet| octet.is_ascii_digit());
    let cost: u32 =
        cost.parse().ok().filter(|_| is_cost).ok_or(malformed("its cost is to be two digits"))?;
    let decode = |text: &[u8]| {
        let standard: Option<Vec<u8>> = text.iter().map(|octet| from_bcrypt(*octet)).collect();
        base64::decode(&standard?)
    };
    let (salt, hash) = rest.as_bytes().split_at_checked(22).unwrap_or((rest.as_bytes(), &[]));
    let (Some(salt), Some(hash)) = (decode(salt), decode(hash)) else {
        return Err(malformed("salt and hash are to be of its alphabet"));
    };
    if salt.len() != 16 || hash.len() != BCRYPT_HASH_BYTES {
        return Err(malformed("salt and hash are to have 53 characters together"));
    }
    if cost < BCRYPT_COST_MIN {
        return Err(malformed("its cost is to be 4 at least"));
    }
    if cost > BCRYPT_COST_MAX {
        return Err(HashFault::TooCostly("a cost", cost.into(), BCRYPT_COST_MAX.into()));
    }
    Ok(Stored { kind: Kind::Bcrypt { cost }, salt, hash })
}

/// The standard's character for one of bcrypt's, whose alphabet is `./`, the letters, the digits.
const fn from_bcrypt(octet: u8) -> Option<u8> {
    let value = match octet {
        b'.' => 0,
        b'/' => 1,
        b'A'..=b'Z' => octet - b'A' + 2,
        b'a'..=b'z' => octet - b'a' + 28,
        b'0'..=b'9' => octet - b'0' + 54,
        _ => return None,
    };
    Some(match value {
        0..26 => b'A' + value,
        26..52 => b'a' + value - 26,
        52..62 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    })
}

const FAST: &str = "since billions of guesses a second can be made at it";

/// How hashes begin that are not taken, what they are called, and why they are not.
const REFUSED: &[(&str, &str, &str)] = &[
    ("$apr1$", "Apache's MD5 (apr1)", FAST),
    ("$1$", "md5-crypt", FAST),
    ("{SHA}", "unsalted SHA-1 ({SHA})", FAST),
    ("{SSHA}", "salted SHA-1 ({SSHA})", FAST),
    ("{SHA256}", "unsalted SHA-256", FAST),
    ("{PLAIN}", "a plain password", "since whoever reads the file knows it"),
    ("$5$", "sha256-crypt", "since it needs little memory to guess at"),
    ("$6$", "sha512-crypt", "since it needs little memory to guess at"),
    ("$7$", "scrypt", "to keep to two schemes"),
    ("$scrypt$", "scrypt", "to keep to two schemes"),
    ("$y$", "yescrypt", "to keep to two schemes"),
    ("$gy$", "gost-yescrypt", "to keep to two schemes"),
    ("$pbkdf2", "PBKDF2", "since it needs no memory to guess at"),
    ("$argon2i$", "argon2i", "since argon2id withstands more"),
    ("$argon2d$", "argon2d", "since the time it takes tells of the password"),
    ("$2x$", "bcrypt of the variant 2x", "since it is computed wrongly"),
    ("$2$", "bcrypt of the variant 2", "since it does not end passwords"),
    ("$", "this scheme", "since it is not known"),
    ("{", "this scheme", "since it is not known"),
];
const DES: (&str, &str, &str) = ("", "DES crypt", "since it sees eight characters alone");
const PLAIN: (&str, &str, &str) = ("", "a plain password", "since whoever reads the file knows it");

fn is_des(text: &str) -> bool {
    text.len() == 13 && text.bytes().all(|octet| from_bcrypt(octet).is_some())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;
    use proptest::prelude::*;

    thread_local! {
        /// The hashes that this test has computed: what it took, without a clock.
        pub(crate) static SPENT: RefCell<Vec<Kind>> = const { RefCell::new(Vec::new()) };
    }

    fn is_of(stored: &str, password: &str) -> bool {
        Stored::parse(stored).unwrap().is_of(password).unwrap()
    }

    #[test]
    fn known_hashes_of_bcrypt() {
        for (stored, password) in [
            ("$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s.", ""),
            ("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", "a"),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
        ] {
            assert!(is_of(stored, password), "{stored}");
            assert!(is_of(&stored.replace("$2a$", "$2y$"), password));
            assert!(!is_of(stored, "b"));
        }
    }

    #[test]
    fn bcrypt_sees_72_octets() {
        let kind = Kind::Bcrypt { cost: 4 };
        let hash = |password: &str| kind.hash(password, &[1; 16], BCRYPT_HASH_BYTES).unwrap();
        assert_eq!(hash(&"x".repeat(72)), hash(&"x".repeat(90)));
        assert_ne!(hash(&"x".repeat(71)), hash(&"x".repeat(72)));
    }

    #[test]
    fn known_hashes_of_argon2id() {
        // From the reference implementation's own tests.
        let stored =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(is_of(stored, "password") && !is_of(stored, "Password"));
        let stored =
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        assert!(is_of(stored, "password") && !is_of(stored, "passwor"));
    }

    #[test]
    fn new_hashes_are_taken() {
        let stored = hash_new("correct horse", [7; 16]).unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"),
            "{stored}"
        );
        assert!(is_of(&stored, "correct horse") && !is_of(&stored, "correct"));
        assert_ne!(stored, hash_new("correct horse", [8; 16]).unwrap());
        assert!(!format!("{:?}", Stored::parse(&stored).unwrap()).contains("hash"));
    }

    #[test]
    fn what_would_cost_too_much() {
        let argon2id = |parameters: &str| {
            let text =
                format!("$argon2id$v=19${parameters}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu");
            Stored::parse(&text).map(|stored| stored.kind)
        };
        let costly =
            |fault: Result<Kind, HashFault>| matches!(fault, Err(HashFault::TooCostly(..)));
        assert!(argon2id("m=262144,t=4,p=64").is_ok());
        for parameters in
            ["m=262145,t=1,p=1", "m=262144,t=5,p=1", "m=8,t=4294967295,p=1", "m=4096,t=1,p=65"]
        {
            assert!(costly(argon2id(parameters)), "{parameters}");
        }
        for parameters in [
            "m=7,t=1,p=1",
            "m=8,t=0,p=1",
            "m=8,t=1",
            "t=1,m=8,p=1",
            "m=8,t=1,p=1,keyid=AA",
            "m=+8,t=1,p=1",
            "m=4294967296,t=1,p=1",
            "m=15,t=1,p=2",
            "",
            "m=8,t=1,p=0",
        ] {
            assert!(matches!(argon2id(parameters), Err(HashFault::Malformed(..))), "{parameters}");
        }
        let bcrypt = |cost: &str| {
            Stored::parse(&format!(
                "$2y${cost}$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
            ))
        };
        assert!(bcrypt("14").is_ok());
        assert!(
            costly(bcrypt("15").map(|stored| stored.kind))
                && costly(bcrypt("31").map(|stored| stored.kind))
        );
        for cost in ["03", "4", "004", "+5", "xx"] {
            assert!(matches!(bcrypt(cost), Err(HashFault::Malformed(..))), "{cost}");
        }
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        for (text, name) in [
            ("$apr1$abc$def", "apr1"),
            ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"),
            ("$6$a$b", "sha512-crypt"),
            ("$y$j9T$a$b", "yescrypt"),
            ("$argon2i$v=19$m=8,t=1,p=1$a$b", "argon2i"),
            ("rqXexS6ZhobKA", "DES"),
            ("hunter2", "plain"),
            ("$9$what", "not known"),
            ("$2x$05$x", "2x"),
        ] {
            let said = Stored::parse(text).unwrap_err().to_string();
            assert!(said.contains(name) && said.contains("argon2id or bcrypt"), "{said}");
            assert!(!said.contains(text), "{said}");
        }
        let old =
            "$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(Stored::parse(old).unwrap_err().to_string().contains("version 19"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(
            text in "(\\$argon2id\\$v=19\\$m=[0-9]{1,10},t=[0-9],p=[0-9]\\$|\\$2[aby]\\$[0-9]{2}\\$)?[./A-Za-z0-9$=+]{0,80}|\\PC{0,40}",
        ) {
            if let Ok(stored) = Stored::parse(&text) {
                match stored.kind {
                    Kind::Argon2id { memory_kib, passes, .. } => {
                        prop_assert!(u64::from(memory_kib) * u64::from(passes) <= WORK_KIB_MAX);
                    }
                    Kind::Bcrypt { cost } => prop_assert!(cost <= BCRYPT_COST_MAX),
                }
            }
        }
    }
}
