//! Requests that a gateway forwards: to whom, what is said to them, and what can come of it.

use std::fmt::Write as _;

use wherefore_decide::plan::{self, GatewayPlace, Question};
use wherefore_decide::story::{Detail, Story};
use wherefore_decide::upstream::{Changed, Heard, Lost};
use wherefore_decide::{Client, Trail};
use wherefore_gateway::forward::{self, Rewrite, TeTrailers};
use wherefore_gateway::{HashBy, Role, Strategy};
use wherefore_message::{Cause, FieldLines, FieldName, FieldSet, Request, Status};
use wherefore_server::configuration::Configuration;
use wherefore_server::gateway::Gateway;

use super::asking::Who;

/// A request that is forwarded, and whose it is.
pub(super) struct Forwarding<'a> {
    pub(super) question: &'a Question<'a>,
    pub(super) place: &'a GatewayPlace<'a>,
    pub(super) configuration: &'a Configuration,
    pub(super) gateway: &'a Gateway,
    pub(super) who: &'a Who,
}

impl Forwarding<'_> {
    /// To whom it is forwarded, and what is said to them.
    pub(super) fn told(&self) -> String {
        let mut told = String::new();
        let gateway = self.gateway;
        let strategy = strategy(&gateway.upstreams.settings().strategy);
        let _ = writeln!(told, "gateway {}, {strategy}", gateway.name);
        for member in gateway.upstreams.members() {
            let role = match member.role {
                Role::Primary => "",
                Role::Backup => ", if no other is healthy",
            };
            let _ = writeln!(told, "  {}, weight {}{role}", member.address, member.weight);
        }
        let _ = writeln!(told, "It is asked:");
        let head = self.head();
        for line in String::from_utf8_lossy(&head).lines() {
            let _ = writeln!(told, "  {}", line.replace(char::is_control, "\u{fffd}"));
        }
        let withheld = self.withheld(&head);
        if !withheld.is_empty() {
            let _ = writeln!(told, "Not sent on as the client wrote it: {}", withheld.join(", "));
        }
        told
    }

    /// The request as it is sent, but for how its content is framed.
    fn head(&self) -> Vec<u8> {
        let (request, policy) = (self.question.request, &self.gateway.forward);
        let mut head = [request.method_text, b" "].concat();
        let rewrite = match &self.place.gateway.base {
            None => Rewrite::Whole,
            Some(by) => Rewrite::Instead { octets: self.place.matched.rest_at, by },
        };
        forward::target(request, self.place.path, rewrite, &mut head);
        head.extend_from_slice(b" HTTP/1.1\r\nHost: ");
        let own = match &*self.gateway.members {
            [only] => &only.authority,
            _ => "(the upstream's own)",
        };
        forward::host(policy, request, own, &mut head);
        head.extend_from_slice(b"\r\n");
        let (copied, mut instead) = (FieldLines::new(), Vec::new());
        let withheld = match &self.gateway.transform {
            Some(transform) => {
                transform.lines(request, &mut instead);
                transform.withheld(request)
            }
            None => FieldSet::EMPTY,
        };
        let client: &Client = self.question.client;
        let from = forward::From {
            request,
            client,
            peer: self.who.address,
            peer_trust: self.configuration.peer_trust(self.who.address),
            scheme: self.who.scheme,
            copied: copied.view(),
            user: self.who.asker.as_ref().map(|asker| &*asker.name),
            request_id: "",
            withheld,
            lines: &instead,
        };
        let forwarding = forward::fields(policy, &from, &mut head);
        if forwarding.te_trailers == TeTrailers::Taken {
            head.extend_from_slice(b"TE: trailers\r\n");
        }
        if let Some(protocol) = forwarding.upgrade {
            head.extend_from_slice(b"Upgrade: ");
            head.extend_from_slice(protocol);
            head.extend_from_slice(b"\r\n");
        }
        head
    }

    /// The names of the client's fields that the upstream does not get as they are.
    fn withheld(&self, head: &[u8]) -> Vec<String> {
        let request: &Request<'_> = self.question.request;
        let is_sent = |name: &[u8], value: &[u8]| {
            let line = [name, b": ", value].concat();
            head.split(|octet| *octet == b'\n').any(|sent| sent.trim_ascii_end() == line)
        };
        let fields = request.fields.lines().iter().map(|line| line.name).zip(request.fields.iter());
        let mut names: Vec<String> = Vec::new();
        for (known, (name, value)) in fields {
            let shown = name.escape_ascii().to_string();
            // How content is framed is said anew on each connection.
            let is_framing =
                matches!(known, FieldName::ContentLength | FieldName::TransferEncoding);
            if !is_framing && !is_sent(name, value) && !names.contains(&shown) {
                names.push(shown);
            }
        }
        names
    }
}

fn strategy(strategy: &Strategy) -> String {
    match strategy {
        Strategy::RoundRobin => "one after the other".to_owned(),
        Strategy::Least => "the one with the fewest requests".to_owned(),
        Strategy::TwoChoices => "the one with fewer requests of two that are drawn".to_owned(),
        Strategy::Hash(by) => {
            let by = match by {
                HashBy::Client => "the client's address".to_owned(),
                HashBy::Path => "the path".to_owned(),
                HashBy::Field(name) => format!("the field {name}"),
                HashBy::Cookie(name) => format!("the cookie {name}"),
            };
            format!("the same one for {by}")
        }
    }
}

/// What can come of asking an upstream: its answer, or one way of each to have none.
pub(super) fn ends(trail: &Trail, detail: Detail) -> String {
    let mut out = Story { trail, verdict: None, detail }.to_string();
    let ends = [
        ("the upstream answers 200", Heard::Answer(Status::OK, Changed::Not)),
        ("it refuses the connection", Heard::Nothing(Lost::to(Cause::Refused))),
        ("it does not answer in time", Heard::Nothing(Lost::to(Cause::AnswerLate))),
        ("none is healthy", Heard::Nothing(Lost::to(Cause::NoneHealthy))),
    ];
    for (what, heard) in ends {
        let verdict = plan::heard(heard, &mut trail.clone());
        let story = Story { trail: &Trail::new(), verdict: Some(&verdict), detail };
        let _ = write!(out, "If {what}:\n  {story}");
    }
    out
}
