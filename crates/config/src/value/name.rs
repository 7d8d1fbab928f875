//! Names, files and prose.

use wherefore_message::language::LanguageTag;

use super::Wrong;
use crate::complaint::quoted;
use crate::kind::{Kind, Shape};

/// Makes a type that is a checked string.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $kind:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $crate::value::Text for $name {
            const KIND: $crate::kind::Kind = $kind;

            fn parse(text: &str) -> Result<Self, $crate::value::Wrong> {
                let check: fn(&str) -> Result<(), $crate::value::Wrong> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }
    };
}
pub(super) use text;

/// The longest name that the operator gives to something, in octets.
const NAME_BYTES_MAX: usize = 64;
/// The longest path of a file, in octets.
const PATH_BYTES_MAX: usize = 4096;
/// The longest name within a folder, in octets.
const FILE_NAME_BYTES_MAX: usize = 255;
/// The longest prose, in octets.
const PROSE_BYTES_MAX: usize = 2048;

text! {
    /// A name that the operator gave to something, such as a limit or a list of users.
    Name,
    Kind {
        name: "a name",
        example: "\"staff\"",
        wrong: &["\"\"", "\"a b\"", "\"a/b\""],
        shape: Shape::Text("^[A-Za-z0-9._-]{1,64}$"),
    },
    |text| {
        let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(is_of_names) {
            return Ok(());
        }
        let right = format!("1 to {NAME_BYTES_MAX} letters, digits, hyphens, underscores and dots");
        Err(Wrong::new(format!("{} is no name", quoted(text))).right(right))
    }
}

text! {
    /// The path of a file or a folder on this machine; a relative one begins where the file of the
    /// configuration stands.
    FilePath,
    Kind {
        name: "the path of a file or a folder",
        example: "\"public\"",
        wrong: &["\"\"", "\"a\\u0000b\""],
        shape: Shape::Text("^[^\\u0000]+$"),
    },
    |text| match text {
        "" => Err(Wrong::new("a path can't be empty")),
        _ if text.contains('\0') => Err(Wrong::new("a path can't hold a NUL")),
        _ if text.len() > PATH_BYTES_MAX => Err(Wrong::new("this path is too long")),
        _ => Ok(()),
    }
}

text! {
    /// The name of a file in a folder.
    FileName,
    Kind {
        name: "the name of a file",
        example: "\"index.html\"",
        wrong: &["\"\"", "\"..\"", "\"a/b\""],
        shape: Shape::Text("^[^/\\u0000]+$"),
    },
    |text| {
        let is_name = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']);
        if is_name && text.len() <= FILE_NAME_BYTES_MAX {
            return Ok(());
        }
        Err(Wrong::new(format!("{} is no name within a folder", quoted(text))))
    }
}

text! {
    /// Words for people.
    Prose,
    Kind {
        name: "a text for people",
        example: "\"The database is being moved.\"",
        wrong: &["\"\"", "\"a\\u001bb\""],
        shape: Shape::Text(""),
    },
    |text| match text.char_indices().find(|(_, c)| c.is_control()) {
        _ if text.trim().is_empty() => Err(Wrong::new("a text for people can't be empty")),
        _ if text.len() > PROSE_BYTES_MAX => Err(Wrong::new("this text is too long")),
        Some((at, c)) => {
            let wrong = Wrong::new("a text for people can't hold control characters");
            Err(wrong.right("a single line").at(at..at + c.len_utf8()))
        }
        None => Ok(()),
    }
}

text! {
    /// The two letters of a country.
    Country,
    Kind {
        name: "the two letters of a country",
        example: "\"AT\"",
        wrong: &["\"\"", "\"at\"", "\"Austria\""],
        shape: Shape::Text("^[A-Z]{2}$"),
    },
    |text| {
        if text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_uppercase()) {
            return Ok(());
        }
        Err(Wrong::new(format!("{} is no country", quoted(text))).right("two capital letters"))
    }
}

text! {
    /// The tag of a language (RFC 5646 §2.1).
    Language,
    Kind {
        name: "the tag of a language",
        example: "\"de-AT\"",
        wrong: &["\"\"", "\"de_AT\"", "\"d e\"", "\"-de\"", "\"abcdefghi\""],
        shape: Shape::Text("^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$"),
    },
    |text| {
        if LanguageTag::parse(text.as_bytes()).is_some() {
            return Ok(());
        }
        Err(Wrong::new(format!("{} is no tag of a language", quoted(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_files() {
        assert!(Name::parse("per-client_2.x").is_ok() && Name::parse(&"a".repeat(64)).is_ok());
        assert!(Name::parse(&"a".repeat(65)).is_err() && Name::parse("ä").is_err());
        assert!(FilePath::parse("../x y/ä").is_ok() && FilePath::parse(&"a".repeat(5000)).is_err());
        assert!(FileName::parse(".well-known").is_ok() && FileName::parse(".").is_err());
        assert_eq!(Prose::parse("aä\u{85}b").unwrap_err().part, Some(3..5));
    }

    proptest! {
        #[test]
        fn what_is_read_is_harmless(text in ".{0,40}") {
            if let Ok(name) = FileName::parse(&text) {
                prop_assert!(!name.as_str().contains('/') && name.as_str() != "..");
            }
            if let Ok(prose) = Prose::parse(&text) {
                prop_assert!(!prose.as_str().contains(char::is_control));
            }
            let _ = (Name::parse(&text), FilePath::parse(&text), Country::parse(&text));
        }
    }
}
