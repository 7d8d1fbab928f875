//! Request methods (RFC 9110 §9) and sets of them.

use core::fmt;

macro_rules! methods {
    ($( $(#[$doc:meta])* $name:ident = $text:literal, $kind:ident; )*) => {
        /// A request method that is known by name.
        ///
        /// Methods are case-sensitive (RFC 9110 §9.1): `get` is not GET but [`Method::Other`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Method {
            $( $(#[$doc])* $name, )*
            /// A token that is none of the above; its text stays in the request.
            Other,
        }

        impl Method {
            /// Every method that is known by name.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// Reads a method token, which the caller has found to be a token.
            #[must_use]
            #[inline]
            pub fn parse(text: &[u8]) -> Self {
                $( if text == $text.as_bytes() { return Self::$name; } )*
                Self::Other
            }

            /// The method as it is written; `other` for one that is not known by name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )* Self::Other => "other" }
            }

            const fn kind(self) -> Kind {
                match self { $( Self::$name => Kind::$kind, )* Self::Other => Kind::Unsafe }
            }
        }
    };
}

#[derive(PartialEq)]
enum Kind {
    Safe,
    Idempotent,
    Unsafe,
}

methods! {
    /// RFC 9110 §9.3.1.
    Get = "GET", Safe;
    /// RFC 9110 §9.3.2.
    Head = "HEAD", Safe;
    /// RFC 9110 §9.3.3.
    Post = "POST", Unsafe;
    /// RFC 9110 §9.3.4.
    Put = "PUT", Idempotent;
    /// RFC 9110 §9.3.5.
    Delete = "DELETE", Idempotent;
    /// RFC 9110 §9.3.6.
    Connect = "CONNECT", Unsafe;
    /// RFC 9110 §9.3.7.
    Options = "OPTIONS", Safe;
    /// RFC 9110 §9.3.8.
    Trace = "TRACE", Safe;
    /// RFC 5789 §2.
    Patch = "PATCH", Unsafe;
}

impl Method {
    /// Whether the client asks for no change of state (RFC 9110 §9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        self.kind() == Kind::Safe
    }

    /// Whether several such requests have the effect of one (RFC 9110 §9.2.2).
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        self.kind() != Kind::Unsafe
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of known methods, as an `Allow` field lists it (RFC 9110 §10.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u16);

impl MethodSet {
    /// No method at all; `Allow` may be empty.
    pub const EMPTY: Self = Self(0);

    /// The set of `methods`. [`Method::Other`] names no one method and is left out.
    #[must_use]
    pub const fn of(methods: &[Method]) -> Self {
        let mut set = 0;
        let mut i = 0;
        while i < methods.len() {
            if !matches!(methods[i], Method::Other) {
                set |= 1 << methods[i] as u16;
            }
            i += 1;
        }
        Self(set)
    }

    /// Whether `method` is in it.
    #[must_use]
    pub const fn has(self, method: Method) -> bool {
        !matches!(method, Method::Other) && self.0 & (1 << method as u16) != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The methods, in the order of the RFC.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::KNOWN.iter().copied().filter(move |method| self.has(*method))
    }
}

/// Written as the value of `Allow`: `GET, HEAD, OPTIONS`.
impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, method) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(method.as_str())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_reads_back_and_case_matters() {
        for method in Method::KNOWN {
            assert_eq!(Method::parse(method.as_str().as_bytes()), *method);
        }
        assert_eq!(Method::parse(b"get"), Method::Other);
        assert!(!MethodSet::of(Method::KNOWN).has(Method::Other));
    }

    #[test]
    fn safe_and_idempotent_as_the_rfc_lists_them() {
        let safe: Vec<_> = Method::KNOWN.iter().filter(|m| m.is_safe()).collect();
        assert_eq!(safe, [&Method::Get, &Method::Head, &Method::Options, &Method::Trace]);
        assert!(Method::Put.is_idempotent() && Method::Delete.is_idempotent());
        assert!(!Method::Post.is_idempotent() && !Method::Patch.is_idempotent());
    }

    #[test]
    fn a_set_is_written_in_order() {
        let set = MethodSet::of(&[Method::Options, Method::Get, Method::Head, Method::Other]);
        assert_eq!(set.to_string(), "GET, HEAD, OPTIONS");
        assert_eq!(MethodSet::EMPTY.to_string(), "");
    }
}
