//! The path of a request in words, as people read it.

use wherefore_decide::act::Begun;
use wherefore_decide::facts::{Members, Parent};
use wherefore_decide::screen::Wire;
use wherefore_decide::story::{Detail, Story};
use wherefore_decide::{Trail, Verdict, plan};
use wherefore_message::{Announced, Fault, FaultKind, Status};

use crate::ask::{Asked, MODIFIED, Split, file, folder, missing};

fn told(trail: &Trail, verdict: Option<&Verdict>, detail: Detail) -> String {
    let story = Story { trail, verdict, detail }.to_string();
    // Columns are for the eye; what stands in them is what counts.
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    story.lines().map(|line| words(line) + "\n").collect()
}

const READ_PATH: &str = "\
screen: whether the message can be read, and there is room for it
✓ overload Is there room for one more request? RFC 9110 §15.6.4
✓ target-length Is the target within its limit? RFC 9110 §15.5.15
✓ version Is this major version of HTTP spoken here? RFC 9110 §15.6.6
✓ field-size Are the fields within their limits? RFC 6585 §5
✓ method-length Is the method no longer than any that is implemented? RFC 9112 §3
✓ syntax Is the message well-formed? RFC 9110 §15.5.1
✓ host Is there one valid Host? RFC 9112 §3.2
✓ transfer-coding Are the transfer codings known here? RFC 9112 §6.1
✓ framing Is it certain where the message ends? RFC 9112 §6.3
✓ head-deadline Did the head arrive in time? RFC 9110 §15.5.9
screen: whether the target is one of ours, and can be read
✓ authority Is the target's host one that is served here? RFC 9110 §15.5.20
✓ path Can the path be read? RFC 3986 §2.1
admit: whether this method, from this sender, may be asked here
✓ method-implemented Is the method implemented anywhere here? RFC 9110 §15.6.2
✓ dot-file Is no part of the path a dot-file's name? RFC 9110 §15.5.4
✓ nameable Could the path name something here? RFC 9110 §15.5.5
find: what is there, and what can be done with it
✓ within Does it stand within the folder that is served? RFC 9110 §15.5.4
✓ readable Does the operating system let us reach it? RFC 9110 §15.5.4
✓ ordinary Is it a file or a folder? RFC 9110 §15.5.4
";

#[test]
fn a_304_tells_what_passed_and_what_decided() {
    let (said, trail) = Asked::new("GET", "/a").with("If-None-Match", "\"now\"").ask(&file());
    let wanted = format!(
        "{READ_PATH}\
✓ missing Is something there? RFC 9110 §15.5.5
✓ method Does this resource offer the method? RFC 9110 §15.5.6
conditions: the client's preconditions
→ if-none-match Does the client lack the current version? RFC 9110 §13.1.2
304 Not Modified because of if-none-match: the field If-None-Match decided
"
    );
    assert_eq!(told(&trail, said.verdict(), Detail::Applied), wanted);
}

#[test]
fn a_410_tells_since_when() {
    let (said, trail) = Asked::new("GET", "/a").ask(&missing(Parent::Folder, Some(MODIFIED)));
    let wanted = format!(
        "{READ_PATH}\
→ gone Was nothing deleted from here? RFC 9110 §15.5.11
410 Gone because of gone: it was deleted at Sun, 06 Nov 1994 08:49:37 GMT
"
    );
    assert_eq!(told(&trail, said.verdict(), Detail::Applied), wanted);
}

#[test]
fn a_405_tells_which_methods_would_do_and_all_that_was_asked() {
    let asked = Asked::new("PUT", "/a/").bringing(Announced::Length(1));
    let (said, trail) = asked.ask(&folder(None, Members::None));
    let text = told(&trail, said.verdict(), Detail::All);
    let end = "405 Method Not Allowed because of method: \
        the methods offered are GET, HEAD, POST, DELETE, OPTIONS\n";
    assert!(text.ends_with(end), "{text}");
    // Also the rules that did not apply are told, but none that was not asked.
    assert!(text.contains("\n· gone Was nothing deleted from here?"), "{text}");
    assert!(text.contains("\n→ method "), "{text}");
    for unasked in ["file-name", "if-match", "listing", "created"] {
        assert!(!text.contains(unasked), "{text}");
    }
}

#[test]
fn a_503_tells_when_to_come_back_and_a_fault_where_it_stands() {
    let (mut busy, mut wrong) = (Trail::new(), Trail::new());
    let verdict = plan::refuse(&Wire { fault: None, overload: Some(3) }, &mut busy).unwrap();
    let wanted = "\
screen: whether the message can be read, and there is room for it
→ overload Is there room for one more request? RFC 9110 §15.6.4
503 Service Unavailable because of overload: it can't be done now; try again in 3 s
";
    assert_eq!(told(&busy, Some(&verdict), Detail::All), wanted);
    let fault = Fault::new(FaultKind::TargetTooLong, 8000);
    let verdict = plan::refuse(&Wire { fault: Some(fault), overload: None }, &mut wrong).unwrap();
    let text = told(&wrong, Some(&verdict), Detail::All);
    let end = "414 URI Too Long because of target-length: the target is longer than the limit (at octet 8000)\n";
    assert!(text.ends_with(end), "{text}");
}

/// The request goes on from an interim answer, so its rule is one that was passed.
#[test]
fn an_interim_answer_is_no_end_of_the_path() {
    let asked =
        Asked::new("PUT", "/a").with("Expect", "100-continue").bringing(Announced::Length(1));
    let (_, mut trail) = asked.ask(&file());
    let invited =
        asked.read(Split::ALineAField, |request| plan::invite(request, Begun::NotYet, &mut trail));
    assert_eq!(invited.unwrap().status, Status::CONTINUE);
    let verdict = plan::outcome(wherefore_decide::act::Acted::Replaced, &mut trail);
    let text = told(&trail, Some(&verdict), Detail::Applied);
    assert!(text.contains("\n✓ continue "), "{text}");
    assert_eq!(text.matches('→').count(), 1, "{text}");
    assert!(text.ends_with("204 No Content because of done\n"), "{text}");
}
