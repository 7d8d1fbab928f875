//! Names and passwords (RFC 7617).
//!
//! The order of asking: [`Users::recall`] on the loop costs a microsecond. Only if it has nothing, the
//! client's allowance of failures is looked at ([`crate::cost`]), a place at the gate is taken, and
//! [`Users::verify`] is called on a worker thread, which it keeps busy for as long as a hash takes.

use std::fmt;

use wherefore_message::base64;

use crate::Asker;
use crate::password::{NoMemory, hash_new};
pub use crate::users::{
    COMPLAINTS_MAX, Complaint, GROUPS_MAX, KINDS_MAX, NAME_BYTES_MAX, TEXT_BYTES_MAX, Text, Users,
};
pub use crate::verified::{VERIFIED_MAX, Verified};

/// The longest credentials that are decoded, in octets of base 64.
pub const CREDENTIALS_BYTES_MAX: usize = 2048;

/// A name and a password that somebody sent.
pub struct Credentials {
    text: String,
    /// Where the colon stands.
    colon: usize,
}

/// Why what stands behind `Basic` is no name and password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasicFault {
    /// More than [`CREDENTIALS_BYTES_MAX`].
    TooLong,
    /// Not base 64.
    Base64,
    /// Not UTF-8, which every challenge asks for (RFC 7617 §2.1).
    Utf8,
    /// There is no colon between name and password.
    Colon,
    /// A control character, which neither may have (RFC 7617 §2).
    Control,
}

impl fmt::Display for BasicFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the credentials are too long",
            Self::Base64 => "the credentials are not base 64",
            Self::Utf8 => "the credentials are not UTF-8",
            Self::Colon => "the credentials have no colon between name and password",
            Self::Control => "the credentials have a control character",
        })
    }
}

impl std::error::Error for BasicFault {}

impl Credentials {
    /// Reads what stands behind `Basic`. Other forms of the same letters (RFC 5198 §3) are other letters
    /// here: browsers send the composed form, and files are written with it.
    ///
    /// # Errors
    ///
    /// If that is no name and password.
    pub fn parse(text: &[u8]) -> Result<Self, BasicFault> {
        if text.len() > CREDENTIALS_BYTES_MAX {
            return Err(BasicFault::TooLong);
        }
        let octets = base64::decode(text).ok_or(BasicFault::Base64)?;
        let text = String::from_utf8(octets).map_err(|_| BasicFault::Utf8)?;
        if text.chars().any(char::is_control) {
            return Err(BasicFault::Control);
        }
        let colon = text.find(':').ok_or(BasicFault::Colon)?;
        Ok(Self { text, colon })
    }

    /// The name that was sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[..self.colon]
    }

    fn password(&self) -> &str {
        &self.text[self.colon + 1..]
    }
}

/// Neither: a name that is wrong is often a password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// What came of holding credentials against the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verification<'a> {
    /// They are this user's.
    Right(&'a Asker),
    /// There is no such user, or it has another password. Which of the two can't be told, nor timed.
    Wrong,
    /// There was no memory to find out.
    Unable,
}

impl Users {
    /// The user whose credentials these are, if they were found right lately. Takes no time
    /// to speak of, and may be asked on a loop.
    #[must_use]
    pub fn recall(&self, verified: &Verified, credentials: &Credentials) -> Option<&Asker> {
        let user = self.users.get(credentials.name());
        // Without a user it is looked for as well, so as to take as long.
        let stored = user.map_or("", |user| &user.text);
        let tag = verified.tag(credentials.name(), credentials.password(), stored)?;
        let asker = user.map(|user| &user.asker);
        asker.filter(|_| verified.has(&tag))
    }

    /// Holds credentials against the file, and remembers them if they are right. Blocks for as long as
    /// a hash takes; one that is refused takes as long as one hash of every cost in the file, whoever
    /// the user is and whether there is one.
    pub fn verify(&self, verified: &Verified, credentials: &Credentials) -> Verification<'_> {
        let user = self.users.get(credentials.name());
        let password = credentials.password();
        match user.map(|user| (user, user.stored.is_of(password))) {
            Some((user, Ok(true))) => {
                let tag = verified.tag(credentials.name(), password, &user.text);
                tag.into_iter().for_each(|tag| verified.remember(tag));
                return Verification::Right(&user.asker);
            }
            Some((_, Err(NoMemory))) => return Verification::Unable,
            Some((_, Ok(false))) | None => {}
        }
        let paid = user.map(|user| user.stored.kind);
        let unpaid = self.kinds.iter().filter(|kind| paid != Some(**kind));
        match unpaid.copied().try_for_each(|kind| kind.spend(password)) {
            Ok(()) => Verification::Wrong,
            Err(NoMemory) => Verification::Unable,
        }
    }
}

/// Why a password can't be hashed for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// It has a control character: no client could send it (RFC 7617 §2).
    Control,
    /// With the longest name it would not fit into [`CREDENTIALS_BYTES_MAX`].
    TooLong,
    /// There is not enough memory.
    NoMemory,
}

impl fmt::Display for PasswordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control => f.write_str("a password can't have control characters"),
            Self::TooLong => {
                write!(f, "a password can't be longer than {PASSWORD_BYTES_MAX} octets")
            }
            Self::NoMemory => f.write_str("there is not enough memory to hash the password"),
        }
    }
}

impl std::error::Error for PasswordFault {}

/// The longest password that is hashed, in octets.
pub const PASSWORD_BYTES_MAX: usize = CREDENTIALS_BYTES_MAX / 4 * 3 - NAME_BYTES_MAX - 1;

/// The hash of a password as a line of the file has it: argon2id, with the memory and passes that OWASP
/// asks for. The salt is from a random source.
///
/// # Errors
///
/// If no client could send that password, or for want of memory.
pub fn hash_password(password: &str, salt: [u8; 16]) -> Result<String, PasswordFault> {
    if password.chars().any(char::is_control) {
        return Err(PasswordFault::Control);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(PasswordFault::TooLong);
    }
    hash_new(password, salt).map_err(|NoMemory| PasswordFault::NoMemory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password;
    use proptest::prelude::*;

    const BERT: &str = "bert:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";
    const ANNA: &str = "anna:$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4\n";

    fn credentials(text: &str) -> Credentials {
        Credentials::parse(base64::encode(text.as_bytes()).as_bytes()).unwrap()
    }

    fn memory() -> Verified {
        Verified::new(&[3; 32], VERIFIED_MAX)
    }

    fn name<'a>(verification: Verification<'a>) -> Option<&'a str> {
        match verification {
            Verification::Right(asker) => Some(&asker.name),
            Verification::Wrong => None,
            Verification::Unable => panic!("no memory"),
        }
    }

    #[test]
    fn credentials_are_read() {
        let parse = |text: &[u8]| {
            Credentials::parse(text).map(|c| (c.name().to_owned(), c.password().to_owned()))
        };
        let pair = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
        assert_eq!(parse(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), pair("Aladdin", "open sesame"));
        assert_eq!(parse(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ"), pair("Aladdin", "open sesame"));
        // RFC 7617 §2.1.
        assert_eq!(parse(b"dGVzdDoxMjPCow=="), pair("test", "123£"));
        assert_eq!(parse(base64::encode(b"a:b:c").as_bytes()), pair("a", "b:c"));
        assert_eq!(parse(base64::encode(b":").as_bytes()), pair("", ""));
        assert_eq!(parse(b"!"), Err(BasicFault::Base64));
        assert_eq!(parse(b""), Err(BasicFault::Colon));
        assert_eq!(parse(base64::encode(b"anna").as_bytes()), Err(BasicFault::Colon));
        assert_eq!(parse(base64::encode(b"a:\xff").as_bytes()), Err(BasicFault::Utf8));
        assert_eq!(parse(base64::encode(b"a:\0").as_bytes()), Err(BasicFault::Control));
        assert_eq!(parse(&[b'A'; CREDENTIALS_BYTES_MAX + 4]), Err(BasicFault::TooLong));
    }

    #[test]
    fn right_and_wrong() {
        let users = Users::read(&format!("{ANNA}{BERT}"), "staff: bert").unwrap();
        let memory = memory();
        let verify = |text: &str| name(users.verify(&memory, &credentials(text)));
        assert_eq!(verify("anna:password"), Some("anna"));
        assert_eq!(verify("bert:U*U"), Some("bert"));
        for wrong in ["anna:U*U", "bert:password", "anna:", "carl:password", "Anna:password", ":"] {
            assert_eq!(verify(wrong), None, "{wrong}");
        }
        let Verification::Right(bert) = users.verify(&memory, &credentials("bert:U*U")) else {
            panic!()
        };
        assert!(bert.is_in("staff") && !bert.is_in("admins"));
    }

    #[test]
    fn what_was_right_is_remembered_until_the_file_changes() {
        let users = Users::read(&format!("{ANNA}{BERT}"), "").unwrap();
        let memory = memory();
        let (anna, wrong) = (credentials("anna:password"), credentials("anna:wrong"));
        assert_eq!(users.recall(&memory, &anna), None);
        assert_eq!(name(users.verify(&memory, &anna)), Some("anna"));
        assert_eq!(name(users.verify(&memory, &wrong)), None);
        assert_eq!(users.recall(&memory, &anna).map(|asker| &*asker.name), Some("anna"));
        assert_eq!(users.recall(&memory, &wrong), None);
        assert_eq!(users.recall(&memory, &credentials("carl:password")), None);

        // The same password under another hash; then without the user.
        let changed = BERT.replace("bert", "anna");
        assert_eq!(Users::read(&changed, "").unwrap().recall(&memory, &anna), None);
        assert_eq!(Users::read(BERT, "").unwrap().recall(&memory, &anna), None);
        let again = Users::read(ANNA, "staff: anna").unwrap();
        assert!(again.recall(&memory, &anna).is_some_and(|anna| anna.is_in("staff")));
    }

    #[test]
    fn who_is_refused_pays_the_same_whoever_it_is() {
        let users = Users::read(&format!("{ANNA}{BERT}"), "").unwrap();
        let memory = memory();
        let spent = |text: &str| {
            password::tests::SPENT.take();
            assert_eq!(name(users.verify(&memory, &credentials(text))), None);
            let mut spent = password::tests::SPENT.take();
            spent.sort_unstable();
            spent
        };
        let nobody = spent("nobody:password");
        assert_eq!(nobody.len(), 2);
        assert_eq!(spent("anna:wrong"), nobody);
        assert_eq!(spent("bert:wrong"), nobody);

        // Who is right pays one hash, and then none.
        let anna = credentials("anna:password");
        assert_eq!(name(users.verify(&memory, &anna)), Some("anna"));
        assert_eq!(password::tests::SPENT.take().len(), 1);
        assert!(users.recall(&memory, &anna).is_some());
        assert_eq!(password::tests::SPENT.take().len(), 0);
    }

    #[test]
    fn secrets_are_not_shown() {
        let anna = credentials("anna:password");
        assert_eq!(format!("{anna:?}"), "Credentials(..)");
    }

    #[test]
    fn passwords_that_no_client_could_send_are_not_hashed() {
        assert_eq!(hash_password("a\tb", [0; 16]), Err(PasswordFault::Control));
        assert_eq!(
            hash_password(&"x".repeat(PASSWORD_BYTES_MAX + 1), [0; 16]),
            Err(PasswordFault::TooLong)
        );
        let longest = "x".repeat(PASSWORD_BYTES_MAX);
        let line = format!("anna:{}", hash_password(&longest, [9; 16]).unwrap());
        let users = Users::read(&line, "").unwrap();
        let verification = users.verify(&memory(), &credentials(&format!("anna:{longest}")));
        assert_eq!(name(verification), Some("anna"));
        let text = format!("{}:{longest}", "n".repeat(NAME_BYTES_MAX));
        assert_eq!(credentials(&text).password(), longest);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read(name in "[^:\\p{Cc}]{0,12}", password in "\\P{Cc}{0,12}") {
            let read = credentials(&format!("{name}:{password}"));
            prop_assert_eq!((read.name(), read.password()), (&*name, &*password));
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(read) = Credentials::parse(&octets) {
                prop_assert!(!read.name().contains(':'));
            }
            let _ = Credentials::parse(base64::encode(&octets).as_bytes());
        }
    }
}
