//! The rules alone: from a request that was read to its verdict.

use std::hint::black_box;

use wherefore_decide::act::Acted;
use wherefore_decide::facts::Found;
use wherefore_decide::forward::Passed;
use wherefore_decide::plan::{self, Admitted, Plan, Question, Reading};
use wherefore_decide::policy::Sites;
use wherefore_decide::screen::Wire;
use wherefore_decide::{Admission, Client, Need, Trail, Verdict};
use wherefore_h1::{Limits, Millis, Server};
use wherefore_message::Status;

use crate::requests::{BROWSER, MISSING, PLAIN, with};
use crate::site::{NOW, Served};

pub(crate) fn get(times: u32) -> Status {
    let served = Served::new();
    decide(PLAIN, &served, &served.page, times)
}

pub(crate) fn get_browser(times: u32) -> Status {
    let served = Served::new();
    decide(BROWSER, &served, &served.page, times)
}

pub(crate) fn not_modified(times: u32) -> Status {
    let served = Served::new();
    let line = format!("If-None-Match: {}", served.representation().tag);
    decide(&with(PLAIN, &line), &served, &served.page, times)
}

pub(crate) fn part(times: u32) -> Status {
    let served = Served::new();
    decide(&with(PLAIN, "Range: bytes=0-99"), &served, &served.page, times)
}

pub(crate) fn missing(times: u32) -> Status {
    let served = Served::new();
    decide(MISSING, &served, &served.missing, times)
}

pub(crate) fn put(times: u32) -> Status {
    let served = Served::new();
    let tag = &served.representation().tag;
    let request = format!(
        "PUT /docs/page.html HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nIf-Match: {tag}\r\n\r\n"
    );
    decide(request.as_bytes(), &served, &served.page, times)
}

fn decide(octets: &[u8], served: &Served, found: &Found, times: u32) -> Status {
    let mut server = Server::new(&Limits::default());
    let received = server.receive(octets, Millis(0));
    assert!(received.is_ok(), "{received:?}");
    let request = server.request(octets);
    let mut last = Status::CONTINUE;
    for _ in 0..times {
        let client = Client::UNKNOWN;
        let question = Question { request: black_box(&request), client: &client, now: NOW };
        let mut trail = Trail::new();
        let (verdict, _) = answer(&question, &served.sites, black_box(found), &mut trail);
        black_box(&trail);
        last = black_box(verdict).status;
    }
    last
}

/// The verdict, with what is to be read if it is one of reading. Writes are taken to succeed.
pub(crate) fn answer(
    question: &Question<'_>,
    sites: &Sites,
    found: &Found,
    trail: &mut Trail,
) -> (Verdict, Option<Reading>) {
    let (mut scratch, mut inner) = (Vec::new(), Vec::new());
    let begun = Admission::begin(question, sites, &Wire::default(), &mut scratch, trail);
    let admitted = begun.and_then(|mut admission| {
        // The site has nothing that would have to be fetched.
        while !matches!(admission.next(question, trail)?, Need::Nothing) {}
        admission.end(question, &mut inner, trail)
    });
    let plan = match admitted {
        Err(verdict) => Err(verdict),
        Ok(Admitted::Server(site)) => plan::of_server(question, site, trail),
        Ok(Admitted::Variants(list)) => plan::after_lookup(question, &list.place(), found, trail),
        Ok(Admitted::Gateway(place)) => plan::of_gateway(question, &place, Passed::Never, trail),
        Ok(Admitted::Monitor(place)) => plan::of_monitor(question, &place, None, trail),
        Ok(Admitted::Inbox(place)) => plan::of_inbox(question, &place, trail),
        Ok(Admitted::Resource(place)) => plan::after_lookup(question, &place, found, trail),
    };
    match plan {
        Ok(Plan::Read(verdict, reading)) => (verdict, Some(reading)),
        // The site has no inbox.
        Ok(Plan::Write(_) | Plan::Take(_) | Plan::Forward | Plan::Later) => {
            (plan::outcome(Acted::Replaced, trail), None)
        }
        Err(verdict) => (verdict, None),
    }
}
