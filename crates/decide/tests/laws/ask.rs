//! Requests and look-ups, made up, and the engine asked about both.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use wherefore_decide::facts::{
    Found, Members, Octets, Parent, Refusal, Representation, Representations,
};
use wherefore_decide::plan::{self, Admitted, Plan, Question, Reading, Writing};
use wherefore_decide::policy::inbox::Format;
use wherefore_decide::policy::{
    ContentPolicy, Folder, FolderAccess, Hosts, Matched, MissingFolders, Pattern, Resource, Route,
    Site, Sites, Trace,
};
use wherefore_decide::screen::Wire;
use wherefore_decide::{Admission, Client, Fetched, Need, Trail, Verdict};
use wherefore_message::authority::Authority;
use wherefore_message::coding::Level;
use wherefore_message::date::HttpDate;
use wherefore_message::path;
use wherefore_message::target::Target;
use wherefore_message::{
    Announced, Coding, EntityTag, FieldLines, FieldName, Method, Request, Status, Version,
};

use crate::policies::{Told, guarded_sites};

/// When the made-up representations were last modified: Sun, 06 Nov 1994 08:49:37 GMT.
pub(crate) const MODIFIED: u64 = 784_111_777;
pub(crate) const NOW: u64 = 1_795_000_000;
/// The most octets of content that the made-up sites take.
pub(crate) const CONTENT_BYTES_MAX: u64 = 100;

pub(crate) const PRECONDITIONS: [&str; 4] =
    ["If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"];
/// The fields that are lists, of those that the rules look at.
pub(crate) const LISTS: [&str; 5] =
    ["If-Match", "If-None-Match", "Accept-Encoding", "Content-Encoding", "Expect"];

/// A request to a site.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) site: Site,
    pub(crate) version: Version,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) host: Option<&'static str>,
    pub(crate) announced: Announced,
    /// Each with the members of its list, or with its one value.
    pub(crate) fields: Vec<(&'static str, Vec<&'static str>)>,
    /// Who asks, as far as the connection tells.
    pub(crate) client: Client,
    /// What is fetched on the way.
    pub(crate) told: Told,
}

/// A request with all that became of it.
pub(crate) struct Conducted<'a> {
    pub(crate) request: &'a Request<'a>,
    pub(crate) path: Option<path::Path<'a>>,
    pub(crate) site: Option<&'a Site>,
    pub(crate) matched: Option<Matched<'a>>,
    /// Whether what was said was said before anything was looked up.
    pub(crate) unseen: bool,
    pub(crate) said: Said,
    pub(crate) trail: Trail,
}

/// What the engine says to it.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Answer(Verdict),
    Read(Verdict, Reading),
    Write(Writing),
    Take(Format),
    Later,
    Forward,
}

impl Said {
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Answer(verdict) | Self::Read(verdict, _) => Some(verdict),
            Self::Write(_) | Self::Take(_) | Self::Later | Self::Forward => None,
        }
    }

    pub(crate) fn status(&self) -> Option<Status> {
        self.verdict().map(|verdict| verdict.status)
    }

    /// Status and rule, or the write: enough to tell two answers apart.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Answer(verdict) => format!("{} {}", verdict.status, verdict.because.id),
            Self::Read(verdict, reading) => {
                format!("{} {} {reading:?}", verdict.status, verdict.because.id)
            }
            Self::Write(writing) => format!("{writing:?}"),
            Self::Take(format) => format!("{format:?}"),
            Self::Later => "later".to_owned(),
            Self::Forward => "forward".to_owned(),
        }
    }
}

impl Asked {
    /// A plain request to a folder that can be written to.
    pub(crate) fn new(method: &'static str, target: &str) -> Self {
        Self {
            site: site(FolderAccess::Writable, MissingFolders::Conflict, Trace::Off),
            version: Version::HTTP_11,
            method,
            target: target.to_owned(),
            host: Some("localhost"),
            announced: Announced::Nothing,
            fields: Vec::new(),
            client: Client::UNKNOWN,
            told: Told::default(),
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, vec![value]));
        self
    }

    pub(crate) fn bringing(self, announced: Announced) -> Self {
        Self { announced, ..self }
    }

    pub(crate) fn in_site(self, site: Site) -> Self {
        Self { site, ..self }
    }

    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let mut rest = self.clone();
        rest.fields.retain(|(name, _)| !names.contains(name));
        rest
    }

    pub(crate) fn sends(&self, name: &str) -> bool {
        self.fields.iter().any(|(other, _)| *other == name)
    }

    pub(crate) fn method(&self) -> Method {
        Method::parse(self.method.as_bytes())
    }

    /// The request's field lines: a line a field, or a line a member.
    fn lines(&self, split: Split) -> FieldLines {
        let mut lines = FieldLines::new();
        match self.announced {
            Announced::Nothing => {}
            Announced::Length(octets) => {
                lines.push(b"Content-Length", octets.to_string().as_bytes());
            }
            // A stream of HTTP/2 or 3 needs no coding to have no length.
            Announced::Unknown if self.version.major == 1 => {
                lines.push(b"Transfer-Encoding", b"chunked");
            }
            Announced::Unknown => {}
        }
        for (name, members) in &self.fields {
            if split == Split::ALineAMember && LISTS.contains(name) {
                members.iter().for_each(|member| lines.push(name.as_bytes(), member.as_bytes()));
            } else {
                lines.push(name.as_bytes(), members.join(", ").as_bytes());
            }
        }
        lines
    }

    /// The request, read from these lines.
    pub(crate) fn read<T>(&self, split: Split, then: impl FnOnce(&Request<'_>) -> T) -> T {
        let lines = self.lines(split);
        let method = self.method();
        let target = Target::parse(method, self.target.as_bytes()).unwrap();
        then(&Request {
            version: self.version,
            method,
            method_text: self.method.as_bytes(),
            target,
            target_text: self.target.as_bytes(),
            authority: target
                .authority
                .or_else(|| self.host.map(|host| Authority::parse(host.as_bytes()).unwrap())),
            fields: lines.view(),
            announced: self.announced,
        })
    }

    /// What the engine says, with this to be found.
    pub(crate) fn ask(&self, found: &Found) -> (Said, Trail) {
        self.ask_split(Split::ALineAField, found)
    }

    pub(crate) fn ask_split(&self, split: Split, found: &Found) -> (Said, Trail) {
        self.conduct(split, found, |conducted| (conducted.said, conducted.trail))
    }

    /// What is said before anything is looked up; none if that is nothing.
    pub(crate) fn ask_before_lookup(&self) -> Option<Verdict> {
        self.conduct(Split::ALineAField, &file(), |conducted| {
            conducted.said.verdict().copied().filter(|_| conducted.unseen)
        })
    }

    /// Leads the request through all rules, with this to be found.
    pub(crate) fn conduct<T>(
        &self,
        split: Split,
        found: &Found,
        then: impl FnOnce(Conducted<'_>) -> T,
    ) -> T {
        self.read(split, |request| {
            let now = HttpDate::from_unix(NOW);
            let question = Question { request, client: &self.client, now };
            let sites = Sites::new(vec![self.site.clone()]);
            let (mut scratch, mut inner, mut trail) = (Vec::new(), Vec::new(), Trail::new());
            let wire = Wire::default();
            let begun = Admission::begin(&question, &sites, &wire, &mut scratch, &mut trail);
            let mut admission = match begun {
                Ok(admission) => admission,
                Err(verdict) => {
                    let (path, site, matched) = (None, None, None);
                    let said = Said::Answer(verdict);
                    let unseen = true;
                    return then(Conducted { request, path, site, matched, unseen, said, trail });
                }
            };
            let admitted = self.fetch(&question, &mut admission, &mut trail);
            let admitted = admitted.and_then(|()| admission.end(&question, &mut inner, &mut trail));
            let unseen = admitted.is_err();
            let negotiated = self.told.negotiated;
            let said = match admitted {
                Err(verdict) => Err(verdict),
                Ok(Admitted::Server(site)) => plan::of_server(&question, site, &mut trail),
                Ok(Admitted::Inbox(place)) => plan::of_inbox(&question, &place, &mut trail),
                Ok(Admitted::Gateway(place)) => {
                    plan::of_gateway(&question, &place, self.told.passed, &mut trail)
                }
                Ok(Admitted::Monitor(place)) => {
                    plan::of_monitor(&question, &place, self.told.progress, &mut trail)
                }
                Ok(Admitted::Resource(place)) => {
                    plan::after_negotiation(&question, &place, found, negotiated, &mut trail)
                }
                Ok(Admitted::Variants(listed)) => {
                    let place = listed.place();
                    plan::after_negotiation(&question, &place, found, negotiated, &mut trail)
                }
            };
            let said = match said {
                Err(verdict) => Said::Answer(verdict),
                Ok(Plan::Read(verdict, reading)) => Said::Read(verdict, reading),
                Ok(Plan::Write(writing)) => Said::Write(writing),
                Ok(Plan::Take(format)) => Said::Take(format),
                Ok(Plan::Later) => Said::Later,
                Ok(Plan::Forward) => Said::Forward,
            };
            let Admission { site, path, matched, .. } = admission;
            then(Conducted { request, path, site: Some(site), matched, unseen, said, trail })
        })
    }

    /// Tells the rules what they ask for.
    fn fetch(
        &self,
        question: &Question<'_>,
        admission: &mut Admission<'_>,
        trail: &mut Trail,
    ) -> Result<(), Verdict> {
        loop {
            let fetched = match admission.next(question, trail)? {
                Need::Nothing => return Ok(()),
                Need::ClientLimits(_) => Fetched::Limits(self.told.client_limits),
                Need::Credentials(_) => Fetched::Credentials(self.told.credentials.read()),
                Need::Asking(_) => Fetched::Said(self.told.said),
                Need::UserLimits(_) => Fetched::Limits(self.told.user_limits),
                Need::Payment(_) => Fetched::Payment(self.told.tendered),
                Need::Price(_) => Fetched::Price(self.told.paid),
            };
            admission.fetched(question, fetched, trail)?;
        }
    }

    /// The decoded path, where it can be read.
    pub(crate) fn decoded_path(&self) -> Option<Vec<u8>> {
        let target = Target::parse(self.method(), self.target.as_bytes()).unwrap();
        let mut scratch = Vec::new();
        path::decode(target.path, &mut scratch).ok().map(|path| path.bytes().to_vec())
    }
}

/// How the members of a list are spread over lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Split {
    ALineAField,
    ALineAMember,
}

pub(crate) fn site(access: FolderAccess, missing_folders: MissingFolders, trace: Trace) -> Site {
    let folder = Folder { access, missing_folders, ..Folder::read_only(0) };
    let content = ContentPolicy::up_to(CONTENT_BYTES_MAX, 1 << 20);
    let route =
        Route { trace, ..Route::new(Pattern::everything(), Resource::Folder(folder), content) };
    Site::new("law", Hosts::loopback(&["named.example"]), vec![route])
}

/// A representation whose tag is `opaque`.
pub(crate) fn representation(opaque: &str) -> Representation {
    Representation {
        tag: EntityTag::strong(opaque.as_bytes()),
        modified: HttpDate::from_unix(MODIFIED),
        octets: Octets::Stored(10),
    }
}

/// A file that is stored in no coding, with the tag `"now"`.
pub(crate) fn file() -> Found {
    Found::File(alone(representation("now")))
}

pub(crate) const fn alone(original: Representation) -> Representations {
    Representations { original, brotli: None, zstd: None, gzip: None }
}

pub(crate) const fn folder(index: Option<Representations>, members: Members) -> Found {
    Found::Folder { index, members }
}

pub(crate) const fn missing(parent: Parent, gone_since: Option<u64>) -> Found {
    Found::Missing { parent, gone_since }
}

/// Anything that a look-up can say.
pub(crate) fn founds() -> impl Strategy<Value = Found> {
    let parent = select(vec![Parent::Folder, Parent::Missing, Parent::NotFolder]);
    let members = select(vec![Members::NotAsked, Members::None, Members::Some]);
    let refusal = select(vec![Refusal::Escapes, Refusal::Denied, Refusal::Special]);
    prop_oneof![
        4 => stored().prop_map(Found::File),
        2 => (weighted(0.5, stored()), members)
            .prop_map(|(index, members)| folder(index, members)),
        2 => (parent, weighted(0.3, Just(MODIFIED)))
            .prop_map(|(parent, gone_since)| missing(parent, gone_since)),
        1 => refusal.prop_map(Found::Refused),
    ]
}

fn stored() -> impl Strategy<Value = Representations> {
    let coded = |coding| weighted(0.3, coded(coding));
    (one(), coded(Coding::Brotli), coded(Coding::Zstd), coded(Coding::Gzip))
        .prop_map(|(original, brotli, zstd, gzip)| Representations { original, brotli, zstd, gzip })
}

/// What is in a coding: stored, made, or withheld.
fn coded(coding: Coding) -> impl Strategy<Value = Representation> {
    let made = Octets::Made(Level::usual(coding));
    (one(), select(vec![None, Some(made), Some(Octets::Withheld)]))
        .prop_map(|(one, octets)| Representation { octets: octets.unwrap_or(one.octets), ..one })
}

fn one() -> impl Strategy<Value = Representation> {
    let dates = select(vec![MODIFIED, MODIFIED + 1, NOW]);
    (select(vec!["now", "then", "a\\"]), any::<bool>(), dates, select(vec![0, 1, 10])).prop_map(
        |(opaque, weak, modified, length)| {
            let tag = EntityTag::strong(opaque.as_bytes());
            let tag = if weak { tag.weakened() } else { tag };
            let octets = Octets::Stored(length);
            Representation { tag, modified: HttpDate::from_unix(modified), octets }
        },
    )
}

pub(crate) fn sites() -> impl Strategy<Value = Site> {
    let access = select(vec![FolderAccess::ReadOnly, FolderAccess::Writable]);
    let folders = select(vec![MissingFolders::Conflict, MissingFolders::Create]);
    let trace = select(vec![Trace::On, Trace::Off]);
    (access, folders, trace).prop_map(|(access, folders, trace)| site(access, folders, trace))
}

/// Requests of every kind, most of them near to one that is carried out.
pub(crate) fn requests() -> impl Strategy<Value = Asked> {
    let methods =
        select(vec!["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]);
    let versions = prop_oneof![8 => Just(Version::HTTP_11), 1 => Just(Version::HTTP_10), 1 => Just(Version::HTTP_2)];
    let hosts = prop_oneof![
        8 => select(vec![Some("localhost"), Some("127.0.0.1:8080"), Some("named.example"), None]),
        1 => Just(Some("evil.example")),
    ];
    let announced = prop_oneof![
        3 => Just(Announced::Nothing),
        3 => Just(Announced::Length(5)),
        1 => Just(Announced::Length(CONTENT_BYTES_MAX + 1)),
        2 => Just(Announced::Unknown),
    ];
    let guarded = prop_oneof![
        1 => sites().prop_map(|site| (site, Client::UNKNOWN, Told::default())),
        1 => guarded_sites(),
    ];
    (guarded, versions, methods, targets(), hosts, announced, fields()).prop_map(
        |((site, client, told), version, method, target, host, announced, fields)| {
            let target =
                if method == "OPTIONS" && target == "/*" { "*".to_owned() } else { target };
            Asked { site, version, method, target, host, announced, fields, client, told }
        },
    )
}

fn targets() -> impl Strategy<Value = String> {
    let whole = select(vec![
        "/",
        "/a",
        "/a/",
        "/a.json",
        "/a.json/",
        "/a/b/../c",
        "/*",
        "http://localhost/a",
        "https://localhost/a",
        "http://evil.example/",
        "/a?q",
        "/.git/x",
        "/.well-known/x",
        "/a%2fb",
        "/%zz",
        "/..",
    ]);
    prop_oneof![4 => whole.prop_map(str::to_owned), 1 => hostile_targets()]
}

/// Targets that try to lead a redirect astray.
pub(crate) fn hostile_targets() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "/",
        "//",
        "\\",
        "%2f",
        "%2F",
        "%5c",
        "evil",
        "evil.example",
        "..",
        ".",
        "%2e",
        ";",
        ":",
        "@",
        "%0d%0a",
        "%20",
        "ä",
        "%ff",
        "http:",
        "*",
    ]);
    let queries = select(vec!["", "?", "?a=b&c=d", "?//evil", "??", "?\"<ä>|", "?%zz", "?a[]={b}"]);
    (vec(pieces, 0..6), queries).prop_map(|(pieces, query)| format!("/{}{query}", pieces.concat()))
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, Vec<&'static str>)>> {
    let tags = || {
        vec(
            select(vec!["*", "\"now\"", "W/\"now\"", "\"then\"", "\"a\\\"", "\"a,b\"", "now"]),
            1..4,
        )
    };
    let date = || {
        let dates = vec![
            "Sun, 06 Nov 1994 08:49:36 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:38 GMT",
            "yesterday",
        ];
        select(dates).prop_map(|date| vec![date])
    };
    let any_of = |values: Vec<&'static str>| select(values).prop_map(|value| vec![value]);
    let list_of = |values: Vec<&'static str>| vec(select(values), 1..4);
    let drawn = (
        (
            weighted(0.3, tags()),
            weighted(0.2, date()),
            weighted(0.3, tags()),
            weighted(0.2, date()),
            weighted(
                0.3,
                any_of(vec![
                    "bytes=0-1",
                    "bytes=0-0,5-",
                    "bytes=50-",
                    "bytes=-0",
                    "lines=1-2",
                    "bytes=x",
                ]),
            ),
            weighted(
                0.2,
                any_of(vec![
                    "\"now\"",
                    "W/\"now\"",
                    "\"a\\\"",
                    "Sun, 06 Nov 1994 08:49:37 GMT",
                    "x",
                ]),
            ),
        ),
        (
            weighted(0.3, list_of(vec!["br", "zstd;q=0.5", "gzip", "identity;q=0", "*", "*;q=0"])),
            weighted(0.1, list_of(vec!["identity", "gzip"])),
            weighted(
                0.2,
                any_of(vec![
                    "application/json-patch+json",
                    "application/merge-patch+json;x=y",
                    "application/x-www-form-urlencoded",
                    "text/plain",
                    "nonsense",
                ]),
            ),
            weighted(0.1, list_of(vec!["100-continue", "100-Continue", "a-miracle"])),
            weighted(0.05, any_of(vec!["bytes 0-1/9"])),
            weighted(0.1, any_of(vec!["same-origin", "none", "cross-site"])),
            weighted(0.2, any_of(vec!["http://localhost", "http://friend.example", "null"])),
            weighted(0.2, any_of(vec!["PUT"])),
            weighted(0.3, any_of(vec!["Bearer e30", "Basic YTpi"])),
        ),
    );
    drawn.prop_map(
        |(
            (im, ius, inm, ims, range, if_range),
            (ae, ce, ct, expect, cr, site, origin, acrm, sent),
        )| {
            let names = [
                FieldName::IfMatch,
                FieldName::IfUnmodifiedSince,
                FieldName::IfNoneMatch,
                FieldName::IfModifiedSince,
                FieldName::Range,
                FieldName::IfRange,
                FieldName::AcceptEncoding,
                FieldName::ContentEncoding,
                FieldName::ContentType,
                FieldName::Expect,
                FieldName::ContentRange,
                FieldName::SecFetchSite,
                FieldName::Origin,
                FieldName::AccessControlRequestMethod,
                FieldName::Authorization,
            ];
            let values = [
                im, ius, inm, ims, range, if_range, ae, ce, ct, expect, cr, site, origin, acrm,
                sent,
            ];
            names
                .iter()
                .zip(values)
                .filter_map(|(name, value)| Some((name.as_str(), value?)))
                .collect()
        },
    )
}
