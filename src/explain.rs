//! `wherefore explain METHOD TARGET`: the path that a request would take through the rules.

mod asking;
mod forwarding;
mod later;
mod submission;
mod variants;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use wherefore_access::Asker;
use wherefore_config::model::SitePlace;
use wherefore_config::{Source, Span};
use wherefore_decide::act::{Acted, Begun};
use wherefore_decide::admit::Admission;
use wherefore_decide::facts::Found;
use wherefore_decide::forward::Passed;
use wherefore_decide::inbox::Shown;
use wherefore_decide::plan::{self, Admitted, Place, Plan, Question};
use wherefore_decide::screen::Wire;
use wherefore_decide::story::{Detail, Story};
use wherefore_decide::{Client, Scheme, Trail, Verdict};
use wherefore_gateway::forward::is_loop;
use wherefore_h1::{Event, Millis, Server};
use wherefore_message::date::HttpDate;
use wherefore_message::path::{Path as SitePath, decode_made};
use wherefore_message::{Method, Request, Status};
use wherefore_origin::Origin;
use wherefore_origin::encode::offer;
use wherefore_server::configuration::Configuration;
use wherefore_server::descriptors;
use wherefore_store::{Access, LookFor, StoreError, Wait};

use self::asking::{Asking, Who};
use self::forwarding::{Forwarding, ends};
use self::later::{of_later, of_monitor, to_whom};
use self::submission::of_submission;
use self::variants::{by_name, from_list};
use crate::configuration::{ConfigurationFile, Opened};
use crate::configured::wire_limits;
use crate::folder::Served;
use crate::limits::Limits;
use crate::{UsageError, config, print};

/// Show which rules a request would meet, and which one would answer it; no server is needed, and nothing
/// is changed
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The method, such as GET
    method: String,
    /// The target, such as /index.html?page=2
    target: String,
    /// A field of the request, such as 'If-None-Match: "abc"' (may be repeated)
    #[arg(short = 'H', long = "header", value_name = "FIELD")]
    fields: Vec<String>,
    /// A file whose length the request announces as its content's
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// The folder that is served
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// What this file says is served, in place of a folder; - is the standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "folder", "public", "writable", "create_folders", "trace", "refuse_links", "quota", "hosts",
            "limits", "state",
        ]
    )]
    config: Option<PathBuf>,
    /// The address that the request comes from
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    from: IpAddr,
    /// The user who asks, with the groups, without credentials that show it
    #[arg(long = "as", value_name = "USER[:GROUP,...]", value_parser = asking::asker)]
    asker: Option<Asker>,
    /// As if the request came by HTTPS
    #[arg(long)]
    https: bool,
    /// As if not listening on loopback: any host is answered for
    #[arg(long)]
    public: bool,
    /// Show the rules that do not apply too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    served: Served,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), UsageError> {
    let Explained { configuration, limits, places } = match &arguments.config {
        Some(file) => configured(file)?,
        None => folder(arguments)?,
    };
    let head = arguments.head(&configuration)?;
    let explaining = Explaining {
        configuration: &configuration,
        places,
        detail: if arguments.all { Detail::All } else { Detail::Applied },
        who: Who {
            address: arguments.from,
            scheme: if arguments.https { Scheme::Https } else { Scheme::Http },
            asker: arguments.asker.clone(),
        },
    };
    let mut server = Server::new(&limits);
    let told = match server.receive(&head, Millis(0)) {
        Ok((used, Event::Head)) => {
            let head = head.get(..used).unwrap_or_default();
            explaining.of_request(&server.request(head))?
        }
        Ok(_) => return Err(UsageError("the request's head is not complete".to_owned())),
        Err(fault) => {
            let mut trail = Trail::new();
            let verdict = plan::refuse(&Wire { fault: Some(fault), overload: None }, &mut trail);
            let detail = explaining.detail;
            Story { trail: &trail, verdict: verdict.as_ref(), detail }.to_string()
        }
    };
    print(&told)
}

/// What is explained.
struct Explained {
    configuration: Configuration,
    limits: wherefore_h1::Limits,
    places: Option<Places>,
}

/// Where sites and routes stand in the file that says them.
struct Places {
    source: Source,
    sites: Vec<SitePlace>,
}

fn folder(arguments: &Arguments) -> Result<Explained, UsageError> {
    let limits = Limits::read(&arguments.served.limits, 1024, 1)?;
    let site = arguments.served.site(!arguments.public, &limits);
    // Explaining writes nothing, so another instance may be writing.
    let configuration =
        arguments.served.configuration(&arguments.folder, Access::ReadOnly, site)?;
    Ok(Explained { configuration, limits: limits.wire, places: None })
}

fn configured(file: &Path) -> Result<Explained, UsageError> {
    let from = ConfigurationFile::new(file);
    let read = from.read(from.source()?, descriptors::raise_limit(), 1);
    let read = read.map_err(|report| config::refused(&report))?;
    config::warn(&read.report);
    let configuration = match Opened::default().open(&from, &read, Access::ReadOnly) {
        Ok(configuration) => configuration,
        Err(complaints) => return Err(config::unusable(read.report, complaints)),
    };
    let places = Places { source: read.report.source().clone(), sites: read.model.places.clone() };
    Ok(Explained { configuration, limits: wire_limits(&read), places: Some(places) })
}

impl Arguments {
    /// The head as a client would send it: `Host` and `Content-Length` are added where they are missing.
    fn head(&self, configuration: &Configuration) -> Result<Vec<u8>, UsageError> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let mut has_host = false;
        for field in &self.fields {
            let Some((name, value)) = field.split_once(':') else {
                return Err(UsageError(format!(
                    "-H {field:?}: a field is written as 'Name: value'"
                )));
            };
            has_host |= name.eq_ignore_ascii_case("host");
            let _ = write!(head, "{name}: {}\r\n", value.trim());
        }
        if !has_host {
            let _ = write!(head, "Host: {}\r\n", host(configuration));
        }
        if let Some(file) = &self.content {
            let meta = std::fs::metadata(file)
                .map_err(|error| UsageError(format!("--content {}: {error}", file.display())))?;
            let _ = write!(head, "Content-Length: {}\r\n", meta.len());
        }
        head.push_str("\r\n");
        Ok(head.into_bytes())
    }
}

/// The host that a request is for that names none: the first that any site has.
fn host(configuration: &Configuration) -> &str {
    let names = configuration.sites.iter().flat_map(|site| &site.hosts.names);
    names.map(|name| &**name).find(|name| !name.starts_with('*')).unwrap_or("localhost")
}

/// All that an explanation rests on, but for the request.
struct Explaining<'a> {
    configuration: &'a Configuration,
    places: Option<Places>,
    detail: Detail,
    who: Who,
}

impl Explaining<'_> {
    /// The site and the route that a request meets, and where the file has them.
    fn place(&self, request: &Request<'_>, admission: &Admission<'_>, told: &mut String) {
        let Some(Places { source, sites }) = &self.places else { return };
        let at = |span: Span| format!("{}:{}", source.name(), source.position(span).line);
        let site = admission.site;
        let Some(place) = sites.get(site.index()) else { return };
        let _ = writeln!(told, "site {}  ({})", site.name, at(place.host));
        match admission.matched.map(|matched| (matched, place.routes.get(matched.index))) {
            Some((matched, Some(span))) => {
                let _ = writeln!(told, "route {}  ({})", matched.route.pattern, at(*span));
            }
            Some((_, None)) | None => {
                let path = request_path(request);
                let _ = writeln!(told, "no route of it is for {path}");
            }
        }
    }

    fn of_request(&self, request: &Request<'_>) -> Result<String, UsageError> {
        let Self { configuration, detail, .. } = *self;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = HttpDate::from_unix(now.map_or(0, |since| since.as_secs()));
        let client = self.who.client(configuration, request);
        let client = Client { country: configuration.country(&client), ..client };
        let question = Question { request, client: &client, now };
        let (mut trail, mut scratch, mut inner) = (Trail::new(), Vec::new(), Vec::new());
        let mut told = String::new();
        let tell = |trail: &Trail, verdict: &Verdict| {
            Story { trail, verdict: Some(verdict), detail }.to_string()
        };
        let (sites, wire) = (&configuration.sites, Wire::default());
        let begun = Admission::begin(&question, sites, &wire, &mut scratch, &mut trail);
        let admitted = begun.and_then(|mut admission| {
            self.place(request, &admission, &mut told);
            let (question, who) = (&question, &self.who);
            let mut asking = Asking { question, configuration, who, told: &mut told };
            asking.admit(&mut admission, &mut trail)?;
            admission.end(question, &mut inner, &mut trail)
        });
        let unreadable = |error: StoreError| {
            UsageError(format!("can't look at {}: {error}", request_path(request)))
        };
        let site = sites.of(request.authority.as_ref());
        let planned = match admitted {
            Err(verdict) => return Ok(told + &tell(&trail, &verdict)),
            Ok(Admitted::Server(site)) => plan::of_server(&question, site, &mut trail),
            Ok(Admitted::Inbox(place)) => {
                let planned = plan::of_inbox(&question, &place, &mut trail);
                if let Ok(Plan::Take(format)) = planned {
                    let shown = match site.and_then(|site| place.inbox.shown_at(site, "name")) {
                        Some(_) => Shown::ByARoute,
                        None => Shown::Nowhere,
                    };
                    let how = (format, shown);
                    return Ok(told + &of_submission(request, place.inbox, how, trail, detail));
                }
                if let Ok(Plan::Later) = planned {
                    told += &to_whom(request, &place.matched, place.path, configuration);
                }
                planned
            }
            Ok(Admitted::Gateway(place)) => {
                let index = usize::from(place.gateway.upstreams);
                let Some(gateway) = configuration.gateways.get(index) else { return Ok(told) };
                let passed = if is_loop(request, &gateway.forward.pseudonym) {
                    Passed::Before
                } else {
                    Passed::Never
                };
                let planned = plan::of_gateway(&question, &place, passed, &mut trail);
                if let Ok(Plan::Forward) = planned {
                    let (question, place, who) = (&question, &place, &self.who);
                    let forwarding = Forwarding { question, place, configuration, gateway, who };
                    told.push_str(&forwarding.told());
                    return Ok(told + &ends(&trail, detail));
                }
                if let Ok(Plan::Later) = planned {
                    told += &to_whom(request, &place.matched, place.path, configuration);
                }
                planned
            }
            Ok(Admitted::Monitor(place)) => {
                return Ok(told + &of_monitor(&question, &place, trail, detail));
            }
            Ok(Admitted::Variants(listed)) => {
                let Some(site) = site else { return Ok(told) };
                let explained = from_list(&question, &listed, configuration, site, &mut trail);
                let (planned, variants) = explained.map_err(unreadable)?;
                told.push_str(&variants);
                planned
            }
            Ok(Admitted::Resource(place)) => {
                let dress = &place.matched.route.dress;
                if plan::hints(request, dress, &mut trail).is_some() {
                    let _ = writeln!(told, "{} is sent first.", Status::EARLY_HINTS);
                }
                let origin = configuration.origins.get(usize::from(place.folder.origin));
                let (Some(origin), Some(site)) = (origin, site) else { return Ok(told) };
                let found = found(request, &place, place.inner, origin).map_err(unreadable)?;
                let explained = by_name(&question, &place, &found, (origin, site), &mut trail);
                match explained.map_err(unreadable)? {
                    Some((planned, variants)) => {
                        told.push_str(&variants);
                        planned
                    }
                    None => looked_up(&question, &place, found, origin, &mut trail)
                        .map_err(unreadable)?,
                }
            }
        };
        Ok(match planned {
            Err(verdict) | Ok(Plan::Read(verdict, _)) => told + &tell(&trail, &verdict),
            Ok(Plan::Write(writing)) => {
                let mut out = told;
                if plan::invite(request, Begun::NotYet, &mut trail).is_some() {
                    let _ = writeln!(out, "{} is sent first.", Status::CONTINUE);
                }
                let _ = writeln!(out, "{writing:?}: the answer depends on how the write ends.");
                for acted in [Acted::Created, Acted::Replaced, Acted::Removed] {
                    let mut branch = trail;
                    let verdict = plan::outcome(acted, &mut branch);
                    let _ = writeln!(out, "If {}:", ended(acted));
                    out.push_str(&tell(&branch, &verdict));
                }
                out
            }
            Ok(Plan::Later) => told + &of_later(request, trail, detail),
            // Only inboxes take what is posted, and only gateways forward.
            Ok(Plan::Take(_) | Plan::Forward) => told,
        })
    }
}

/// What stands at a path of a folder.
fn found(
    request: &Request<'_>,
    place: &Place<'_>,
    path: SitePath<'_>,
    origin: &Origin,
) -> Result<Found, StoreError> {
    let what = if request.method == Method::Delete { LookFor::Emptiness } else { LookFor::Content };
    let mut found = origin.find(path, what, Wait::Yes)?;
    if let Some(compress) = place.matched.route.compression() {
        offer(&mut found, path, compress);
    }
    Ok(found)
}

/// What comes of what was found, or of the file that is sent where nothing is.
fn looked_up(
    question: &Question<'_>,
    place: &Place<'_>,
    found: Found,
    origin: &Origin,
    trail: &mut Trail,
) -> Result<Result<Plan, Verdict>, StoreError> {
    let mut scratch = Vec::new();
    let instead = plan::instead(question.request, place.folder, &found);
    Ok(match instead.map(|path| decode_made(path, &mut scratch)) {
        Some(Ok(path)) => {
            let found = self::found(question.request, place, path, origin)?;
            plan::after_lookup(question, &Place { inner: path, ..*place }, &found, trail)
        }
        Some(Err(_)) | None => plan::after_lookup(question, place, &found, trail),
    })
}

const fn ended(acted: Acted) -> &'static str {
    match acted {
        Acted::Created => "it makes a new resource",
        Acted::Replaced => "it changes what is there",
        Acted::Removed => "it removes what is there",
        Acted::Failed(_) => "it fails",
    }
}

fn request_path(request: &Request<'_>) -> String {
    request.target_text.escape_ascii().to_string()
}
