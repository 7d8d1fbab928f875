//! Whole answers as they leave: head and explanation, dressed and sealed.

use wherefore_decide::Scheme;
use wherefore_decide::catalogue::GroupId;
use wherefore_decide::facts::Found;
use wherefore_decide::plan::{self, Reading};
use wherefore_decide::policy::Route;
use wherefore_decide::policy::allowance::{By, LimitKind};
use wherefore_decide::reply::dress::{Left, dress};
use wherefore_decide::reply::monitor::{Monitored, monitor};
use wherefore_decide::reply::{self, Repeats, Sent, Setting, Varies};
use wherefore_decide::story::Fate;
use wherefore_message::problem::ProblemForm;
use wherefore_message::{FieldLines, FieldName, FieldSet, ResponseHead, Status};

use crate::ask::{Asked, Conducted, NOW, Said, Split};

pub(crate) const FORMS: [ProblemForm; 3] =
    [ProblemForm::Json, ProblemForm::Html, ProblemForm::Text];

/// The name of the requests whose answers are made here.
pub(crate) const REQUEST_ID: &str = "id-1";

/// An answer as it leaves.
pub(crate) struct Answer {
    pub(crate) said: Said,
    pub(crate) head: ResponseHead,
    /// What explains it, where it sends no representation.
    pub(crate) content: Option<String>,
    /// The fields that it lacks.
    pub(crate) sealed: Result<(), FieldSet>,
}

impl Answer {
    /// The value of this name; several lines as one list.
    pub(crate) fn value(&self, name: FieldName) -> Option<String> {
        let lines = self.head.fields().filter(|(other, _)| *other == name);
        let values: Vec<String> = lines.map(|(_, value)| value.to_string()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// How many lines have this name.
    pub(crate) fn lines(&self, name: FieldName) -> usize {
        let own = self.head.fields().filter(|(other, _)| *other == name).count();
        own + self.head.relayed_values(name).count()
    }

    /// Whether a list has this member, without case.
    pub(crate) fn has_member(&self, name: FieldName, member: &str) -> bool {
        let value = self.value(name).unwrap_or_default();
        value.split(',').any(|other| other.trim().eq_ignore_ascii_case(member))
    }

    pub(crate) fn status(&self) -> Status {
        self.head.status
    }

    pub(crate) fn rule(&self) -> &'static str {
        self.said.verdict().map_or("", |verdict| verdict.because.id)
    }

    /// All octets but for the status line.
    pub(crate) fn written(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.head.fields() {
            text.push_str(&format!("{}: {value}\n", name.as_str()));
        }
        for lines in self.head.lines() {
            text.push_str(&String::from_utf8_lossy(lines.written()));
        }
        text.push('\n');
        text.push_str(self.content.as_deref().unwrap_or_default());
        text
    }
}

/// What somebody else says of who is not let in, if it leads to where it is to sign in.
fn login() -> FieldLines {
    [("Location", "https://login.example/")].into_iter().collect()
}

impl Asked {
    /// The answer to this request, with this to be found; none where it comes through to a write.
    pub(crate) fn answer(&self, found: &Found, form: ProblemForm) -> Option<Answer> {
        self.conduct(Split::ALineAField, found, |conducted| {
            let Conducted { request, path, site, matched, unseen, said, trail } = conducted;
            let route = matched.map(|matched| matched.route);
            let own = route.map(|route| &route.dress).or_else(|| site.map(|site| &site.dress));
            let mut head = ResponseHead::new(Status::OK);
            let seen = (!unseen).then_some(found);
            let selected = seen.and_then(|found| plan::selected(request, found));
            let varies = seen.map_or(Varies::Not, Varies::of);
            let content = match &said {
                Said::Write(_) | Said::Take(_) | Said::Later | Said::Forward => return None,
                Said::Answer(verdict) => {
                    let setting = Setting {
                        verdict,
                        request: Some(request),
                        path,
                        matched,
                        dress: own,
                        scheme: self.client.scheme,
                        current: selected.map(|(current, _)| current),
                        varies,
                        field: None,
                    };
                    let content = reply::explained(&setting, form, REQUEST_ID, &mut head);
                    reply::asked(verdict, login().view(), &mut head);
                    content
                }
                Said::Read(verdict, Reading::Options(methods)) => {
                    reply::options(verdict, *methods, &mut head);
                    None
                }
                Said::Read(verdict, Reading::Listing(form)) => {
                    reply::listing(verdict, *form, &mut head);
                    None
                }
                Said::Read(verdict, Reading::Progress(progress)) => {
                    let monitored = Monitored { progress, form, now: NOW, request_id: REQUEST_ID };
                    Some(monitor(verdict, &monitored, &mut head))
                }
                Said::Read(verdict, Reading::Echo) => {
                    let echo = reply::echo(verdict, request, &mut head);
                    Some(String::from_utf8_lossy(&echo).into_owned())
                }
                Said::Read(verdict, Reading::Representation { coding, part, .. }) => {
                    let sent = Sent {
                        of: selected.unwrap().0,
                        media_type: "text/plain",
                        coding: *coding,
                        varies,
                        part,
                        repeats: Repeats::of(request, part),
                    };
                    reply::representation(verdict, &sent, &mut head);
                    if matches!(part, plan::Part::Several(_)) {
                        reply::byteranges("line", &mut head);
                    }
                    None
                }
            };
            let was_asked = |group| trail.fate(group, 0) != Fate::NotAsked;
            let asked = [GroupId::ClientLimits, GroupId::UserLimits].map(was_asked);
            let left = route.map_or_else(Vec::new, |route| left(route, asked));
            if let Some(own) = own {
                let scheme: Scheme = self.client.scheme;
                dress(own, route, request, scheme, &left, &mut head);
            }
            let sealed = reply::seal(&mut head);
            Some(Answer { said, head, content, sealed })
        })
    }
}

/// What is left of those limits of a route that were taken from.
fn left(route: &Route, [client, user]: [bool; 2]) -> Vec<Left> {
    let mut all = Vec::new();
    for (index, limit) in route.limits.iter().enumerate() {
        let was_asked = if limit.by == By::User { user } else { client };
        if was_asked && matches!(limit.kind, LimitKind::Rate { .. }) {
            let limit = u16::try_from(index).unwrap();
            all.push(Left { limit, count: 4, reset_seconds: 12 });
        }
    }
    all
}
