//! What scripts of other origins may do: the CORS protocol of the Fetch standard.

use std::sync::Arc;

use wherefore_message::MethodSet;

/// What scripts of other origins may do.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Whose scripts.
    pub origins: Origins,
    /// With which methods; none: all that the route offers.
    pub methods: Option<MethodSet>,
    /// Which request fields they may set: the value of `Access-Control-Allow-Headers`.
    pub request_fields: Arc<str>,
    /// Which response fields they may read: the value of `Access-Control-Expose-Headers`, if any.
    pub response_fields: Option<Arc<str>>,
    /// Whether cookies and credentials go with their requests.
    pub credentials: Credentials,
    /// For how long a preflight's answer is good, in seconds.
    pub max_age_seconds: u64,
}

/// Whose scripts may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Everyone's.
    Any,
    /// Those of these origins, written as browsers write them: `https://example.org`.
    These(Vec<Box<str>>),
}

/// Whether credentials go with requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// They are left out.
    Omitted,
    /// They are sent.
    Included,
}

impl Cors {
    /// Whether scripts of this origin may ask.
    #[must_use]
    pub fn allows(&self, origin: &[u8]) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::These(these) => these.iter().any(|other| other.as_bytes() == origin),
        }
    }
}
