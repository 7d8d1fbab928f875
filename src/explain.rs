//! `wherefore explain METHOD TARGET`: the path that a request would take through the rules.

mod variants;

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use wherefore_decide::act::{Acted, Begun};
use wherefore_decide::admit::{Admission, Need};
use wherefore_decide::plan::{self, Admitted, Plan, Question};
use wherefore_decide::screen::Wire;
use wherefore_decide::story::{Detail, Story};
use wherefore_decide::{Client, Trail, Verdict};
use wherefore_h1::{Event, Millis, Server};
use wherefore_message::date::HttpDate;
use wherefore_message::{Method, Request, Status};
use wherefore_origin::encode::offer;
use wherefore_server::configuration::Configuration;
use wherefore_store::{Access, LookFor, StoreError, Wait};

use self::variants::{by_name, from_list};
use crate::folder::Served;
use crate::limits::Limits;
use crate::{UsageError, print};

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
    let limits = Limits::read(&arguments.served.limits, 1024, 1)?;
    let site = arguments.served.site(!arguments.public, &limits);
    // Explaining writes nothing, so another instance may be writing.
    let configuration =
        arguments.served.configuration(&arguments.folder, Access::ReadOnly, site)?;
    let head = arguments.head()?;
    let detail = if arguments.all { Detail::All } else { Detail::Applied };
    let mut server = Server::new(&limits.wire);
    let told = match server.receive(&head, Millis(0)) {
        Ok((used, Event::Head)) => {
            let head = head.get(..used).unwrap_or_default();
            of_request(&server.request(head), &configuration, detail)?
        }
        Ok(_) => return Err(UsageError("the request's head is not complete".to_owned())),
        Err(fault) => {
            let mut trail = Trail::new();
            let verdict = plan::refuse(&Wire { fault: Some(fault), overload: None }, &mut trail);
            Story { trail: &trail, verdict: verdict.as_ref(), detail }.to_string()
        }
    };
    print(&told)
}

impl Arguments {
    /// The head as a client would send it: `Host` and `Content-Length` are added where they are missing.
    fn head(&self) -> Result<Vec<u8>, UsageError> {
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
            head.push_str("Host: localhost\r\n");
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

fn of_request(
    request: &Request<'_>,
    configuration: &Configuration,
    detail: Detail,
) -> Result<String, UsageError> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let client = Client::at(IpAddr::from([127, 0, 0, 1]));
    let question = Question { request, client: &client, now: HttpDate::from_unix(now) };
    let (mut trail, mut scratch, mut inner) = (Trail::new(), Vec::new(), Vec::new());
    let tell = |trail: &Trail, verdict: &Verdict| {
        Story { trail, verdict: Some(verdict), detail }.to_string()
    };
    let (sites, wire) = (&configuration.sites, Wire::default());
    let begun = Admission::begin(&question, sites, &wire, &mut scratch, &mut trail);
    let admitted = begun.and_then(|mut admission| {
        while !matches!(admission.next(&question, &mut trail)?, Need::Nothing) {}
        admission.end(&question, &mut inner, &mut trail)
    });
    let unreadable =
        |error: StoreError| UsageError(format!("can't look at {}: {error}", request_path(request)));
    let (mut told, site) = (String::new(), sites.of(request.authority.as_ref()));
    let planned = match admitted {
        Err(verdict) => return Ok(tell(&trail, &verdict)),
        Ok(Admitted::Server(site)) => plan::of_server(&question, site, &mut trail),
        Ok(Admitted::Variants(listed)) => {
            let Some(site) = site else { return Ok(told) };
            let explained = from_list(&question, &listed, configuration, site, &mut trail);
            let (planned, variants) = explained.map_err(unreadable)?;
            told = variants;
            planned
        }
        Ok(Admitted::Resource(place)) => {
            let what = if request.method == Method::Delete {
                LookFor::Emptiness
            } else {
                LookFor::Content
            };
            let origin = configuration.origins.get(usize::from(place.folder.origin));
            let (Some(origin), Some(site)) = (origin, site) else { return Ok(told) };
            let mut found = origin.find(place.inner, what, Wait::Yes).map_err(unreadable)?;
            if let Some(compress) = place.matched.route.compression() {
                offer(&mut found, place.inner, compress);
            }
            let explained = by_name(&question, &place, &found, (origin, site), &mut trail);
            match explained.map_err(unreadable)? {
                Some((planned, variants)) => {
                    told = variants;
                    planned
                }
                None => plan::after_lookup(&question, &place, &found, &mut trail),
            }
        }
    };
    Ok(match planned {
        Err(verdict) | Ok(Plan::Read(verdict, _)) => told + &tell(&trail, &verdict),
        Ok(Plan::Write(writing)) => {
            let mut out = String::new();
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
