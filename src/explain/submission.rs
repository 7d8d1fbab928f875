//! What is posted to an inbox: whether it is stored, its content decides.

use std::fmt::Write as _;

use wherefore_decide::Trail;
use wherefore_decide::act::Begun;
use wherefore_decide::inbox::{Shown, Submitted};
use wherefore_decide::plan;
use wherefore_decide::policy::inbox::{Format, Inbox};
use wherefore_decide::story::{Detail, Story};
use wherefore_message::form::{FormFault, FormFaultKind};
use wherefore_message::{Request, Status};

/// What an inbox would do with what is posted.
pub(super) fn of_submission(
    request: &Request<'_>,
    inbox: &Inbox,
    (format, shown): (Format, Shown),
    mut trail: Trail,
    detail: Detail,
) -> String {
    let mut out = String::new();
    if plan::invite(request, Begun::NotYet, &mut trail).is_some() {
        let _ = writeln!(out, "{} is sent first.", Status::CONTINUE);
    }
    let read = match format {
        Format::UrlEncoded => "a form",
        Format::FormData => "a form in parts",
        Format::Json => "JSON",
        Format::File => "a file",
    };
    let _ = writeln!(out, "It is read as {read}: the answer depends on how that ends.");
    let stored = match shown {
        Shown::ByARoute => "it is stored, where another route shows it",
        Shown::Nowhere => "it is stored, where no route shows it",
    };
    let mut ends = vec![(stored, Submitted::Stored(shown))];
    let malformed = match format {
        Format::UrlEncoded => Some(FormFaultKind::Percent),
        Format::FormData => Some(FormFaultKind::Unended),
        Format::Json => Some(FormFaultKind::Json),
        // Whatever comes is the file.
        Format::File => None,
    };
    if let Some(kind) = malformed {
        ends.push(("it is malformed", Submitted::Faulty(FormFault::new(kind, 0))));
    }
    let too_large = FormFault::new(FormFaultKind::FormTooLarge, inbox.content_bytes_max(format));
    ends.push(("it is too large", Submitted::Faulty(too_large)));
    for (what, submitted) in ends {
        let mut branch = trail;
        let verdict = plan::submitted(&inbox.thanks, submitted, &mut branch);
        let _ = writeln!(out, "If {what}:");
        let _ = write!(out, "{}", Story { trail: &branch, verdict: Some(&verdict), detail });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wherefore_decide::Scheme;
    use wherefore_decide::policy::{
        ContentPolicy, Folder, Hosts, Pattern, Resource, Route, Site, Thanks,
    };
    use wherefore_message::request::RequestBuf;
    use wherefore_message::{Announced, FieldLines, Version};
    use wherefore_origin::Origin;
    use wherefore_server::configuration::Configuration;
    use wherefore_store::MemoryStore;

    use super::super::Explaining;
    use super::super::asking::Who;
    use super::*;

    /// What is told of a POST to an inbox, whose folder is perhaps shown under a path.
    fn told_of_post(thanks: Thanks, shown_at: Option<&str>, media_type: &str) -> String {
        let route = |path: &str, resource| {
            let pattern = Pattern::parse(path).unwrap();
            Route::new(pattern, resource, ContentPolicy::up_to(1 << 30, 0))
        };
        let inbox = Resource::Inbox(Inbox { thanks, ..Inbox::new(0) });
        let mut routes = vec![route("/orders", inbox)];
        routes.extend(shown_at.map(|path| route(path, Resource::Folder(Folder::read_only(0)))));
        let site = Site::new("test", Hosts::any(), routes);
        let origin = Arc::new(Origin::new(Arc::new(MemoryStore::new()), None));
        let configuration = Configuration::of_folder(site, origin);
        let fields: FieldLines =
            [("Host", "localhost"), ("Content-Type", media_type), ("Expect", "100-continue")]
                .into_iter()
                .collect();
        let (version, announced) = (Version::HTTP_11, Announced::Length(5));
        let request =
            RequestBuf::new(version, b"POST", b"/orders", Some(b"localhost"), fields, announced)
                .unwrap();
        let who = Who { address: [127, 0, 0, 1].into(), scheme: Scheme::Http, asker: None };
        let explaining = Explaining {
            configuration: &configuration,
            places: None,
            detail: Detail::Applied,
            who,
        };
        explaining.of_request(&request.view()).unwrap()
    }

    #[test]
    fn every_end_of_a_submission_is_told() {
        let told = told_of_post(Thanks::Created, Some("/kept/*"), "application/json");
        let parts = [
            "100 Continue is sent first",
            "read as JSON",
            "201 Created  because of submission-created",
            "400 Bad Request  because of form-syntax",
            "413 Content Too Large  because of form-size",
        ];
        for part in parts {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        assert!(!told.contains("204 No Content"), "{told}");
        let told = told_of_post(Thanks::Created, None, "application/json");
        assert!(told.contains("204 No Content  because of submission-stored"), "{told}");
        assert!(!told.contains("201 Created"), "{told}");
        let told = told_of_post(Thanks::Reset, None, "multipart/form-data; boundary=x");
        assert!(told.contains("205 Reset Content  because of form-kept"), "{told}");
        assert!(!told.contains("201 Created"), "{told}");
        let told = told_of_post(Thanks::Reset, None, "text/plain");
        assert!(told.contains("415 Unsupported Media Type  because of inbox-type"), "{told}");
    }
}
