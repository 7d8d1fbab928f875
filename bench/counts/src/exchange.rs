//! Whole exchanges, from the octets of a request to those of its answer, without a socket. What a look
//! finds is remembered, as it is for whatever is asked for twice.

use std::hint::black_box;

use wherefore_decide::facts::Found;
use wherefore_decide::plan::{self, Part, Question, Reading};
use wherefore_decide::reply::{self, Repeats, Sent, Setting, Varies};
use wherefore_decide::{Client, Scheme, Trail};
use wherefore_h1::{Event, Limits, Millis, Server};
use wherefore_message::{FieldName, Request, ResponseHead, Status, Value, problem};

use crate::decide::answer;
use crate::h1::send;
use crate::requests::{BROWSER, MISSING, PLAIN, with};
use crate::site::{NOW, Served};

/// As long as those that a server draws.
const REQUEST_ID: &str = "abcdefghijklmnop";

pub(crate) fn get(times: u32) -> Status {
    let served = Served::new();
    exchanges(PLAIN, &served, &served.page, times)
}

pub(crate) fn get_browser(times: u32) -> Status {
    let served = Served::new();
    exchanges(BROWSER, &served, &served.page, times)
}

/// Among the routes of a small site.
pub(crate) fn get_among_few(times: u32) -> Status {
    let served = Served::among(9, 0);
    exchanges(PLAIN, &served, &served.page, times)
}

/// Among the routes of a large one.
pub(crate) fn get_among_many(times: u32) -> Status {
    let served = Served::among(1_000, 10_000);
    exchanges(PLAIN, &served, &served.page, times)
}

pub(crate) fn not_modified(times: u32) -> Status {
    let served = Served::new();
    let line = format!("If-None-Match: {}", served.representation().tag);
    exchanges(&with(BROWSER, &line), &served, &served.page, times)
}

pub(crate) fn part(times: u32) -> Status {
    let served = Served::new();
    exchanges(&with(PLAIN, "Range: bytes=0-99"), &served, &served.page, times)
}

pub(crate) fn missing(times: u32) -> Status {
    let served = Served::new();
    exchanges(MISSING, &served, &served.missing, times)
}

fn exchanges(octets: &[u8], served: &Served, found: &Found, times: u32) -> Status {
    let mut server = Server::new(&Limits::default());
    let (mut head, mut out) = (ResponseHead::new(Status::OK), Vec::new());
    for _ in 0..times {
        out.clear();
        let octets = black_box(octets);
        let received = server.receive(octets, Millis(0));
        assert_eq!(received, Ok((octets.len(), Event::Head)), "the request is a head");
        let made = make(&server.request(octets), served, black_box(found), &mut head);
        assert!(reply::seal(&mut head).is_ok(), "{head:?}");
        let content = match &made {
            Made::Page(part) => of_page(served, part),
            Made::Text(text) => text.as_bytes(),
            Made::Nothing => b"",
        };
        send(&mut server, &head, content, &mut out);
        black_box(&out);
    }
    head.status
}

/// The content of an answer.
enum Made {
    Page(Part),
    Text(String),
    Nothing,
}

/// Makes the answer's head, and says what its content is.
fn make(request: &Request<'_>, served: &Served, found: &Found, head: &mut ResponseHead) -> Made {
    let client = Client::UNKNOWN;
    let question = Question { request, client: &client, now: NOW };
    let mut trail = Trail::new();
    let (verdict, reading) = answer(&question, &served.sites, found, &mut trail);
    black_box(&trail);
    let selected = plan::selected(request, found);
    if let (Some(Reading::Representation { coding, part, .. }), Some((of, _))) = (reading, selected)
    {
        let (varies, repeats, media_type) = (Varies::Not, Repeats::All, served.media_type);
        let sent = Sent { of, media_type, coding, varies, part: &part, repeats };
        reply::representation(&verdict, &sent, head);
        return Made::Page(part);
    }
    let setting = Setting {
        verdict: &verdict,
        request: Some(request),
        path: None,
        matched: None,
        dress: None,
        scheme: Scheme::Http,
        current: selected.map(|(current, _)| current),
        varies: Varies::Not,
        field: None,
    };
    reply::fields(&setting, head);
    if verdict.status.ends_with_head() {
        return Made::Nothing;
    }
    let form = problem::form(request.fields.all(FieldName::Accept));
    head.push(FieldName::ContentType, Value::Static(form.content_type()));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    head.push(FieldName::RequestId, Value::Text(REQUEST_ID.into()));
    Made::Text(reply::explanation(&setting, Some(REQUEST_ID), form))
}

fn of_page<'a>(served: &'a Served, part: &Part) -> &'a [u8] {
    let octets = served.file.octets.as_deref().unwrap_or_default();
    match part {
        Part::Whole => octets,
        Part::One(range) => {
            octets.get(range.first as usize..=range.last as usize).unwrap_or_default()
        }
        Part::Several(_) => b"",
    }
}
