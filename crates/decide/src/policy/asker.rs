//! Who may ask.

use wherefore_message::MethodSet;

use crate::policy::Index;

/// Who may ask for what stands under a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The protection space's name (RFC 9110 §11.5).
    pub realm: Box<str>,
    /// The lists of users with their passwords, if Basic is taken (RFC 7617).
    pub basic: Vec<Index>,
    /// The issuers of tokens, if Bearer is taken (RFC 6750).
    pub bearer: Vec<Index>,
    /// The methods for which credentials are asked; none: for all.
    pub methods: Option<MethodSet>,
    /// Groups of which one is enough; with neither groups nor users, whoever is known may ask.
    pub groups: Vec<Box<str>>,
    /// Users who may ask by name.
    pub users: Vec<Box<str>>,
    /// What those get who are known and may not.
    pub refusal: RefusedAs,
    /// Who is asked in place of looking at credentials, if anybody is.
    pub ask: Option<Ask>,
}

/// Somebody else who says who may ask: what a request says of itself is sent on, and the answer decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which upstreams are asked, among those of the configuration.
    pub upstreams: Index,
    /// What they are asked for: a target in origin form.
    pub target: Box<str>,
    /// The fields of their answer that an upstream of the route is told.
    pub copy: Vec<Box<str>>,
    /// The field of their answer that names the user.
    pub user_from: Option<Box<str>>,
    /// For how long it holds that somebody was let in, in milliseconds.
    pub cache_millis: u64,
}

/// What those get who may not see what stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusedAs {
    /// 403.
    #[default]
    Forbidden,
    /// 404, as if nothing stood there (RFC 9110 §15.5.4).
    Missing,
}

impl Auth {
    /// Whether a known asker may go on.
    #[must_use]
    pub fn allows(&self, name: &str, groups: &[String]) -> bool {
        (self.groups.is_empty() && self.users.is_empty())
            || self.users.iter().any(|user| **user == *name)
            || self.groups.iter().any(|group| groups.iter().any(|other| **other == **group))
    }
}
