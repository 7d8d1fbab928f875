//! The stages after the look-up; those before it are in [`admit`](crate::admit). Whoever fetches facts between
//! them (a server, a test, `explain`) asks the same rules.

use wherefore_message::date::HttpDate;
use wherefore_message::digest::{self, Algorithm};
use wherefore_message::hops::{MaxForwards, max_forwards};
use wherefore_message::later::Progress;
use wherefore_message::path::Path;
use wherefore_message::range::{ByteRange, Resolved};
use wherefore_message::status::Class;
use wherefore_message::{Announced, Coding, FieldName, Method, MethodSet, Request, Status};

use crate::act::{ActFacts, Acted, Begun, InviteFacts};
use crate::allowance::{Paid, PriceFacts};
use crate::choose::{self, ListingForm};
use crate::conditions::{self, ConditionFacts, Current};
use crate::content::{self, PatchFormat};
use crate::facts::{Found, Representation};
use crate::find::{FindFacts, resource_kind};
use crate::forward::{ForwardFacts, Passed};
use crate::gate::Client;
use crate::hints::HintFacts;
use crate::inbox::{InboxFacts, SUBMISSION_PAGE, Submitted, SubmittedFacts};
use crate::later::{Kept, LaterFacts, MonitorFacts};
use crate::negotiate::{NegotiateFacts, Negotiated};
use crate::payment::{PaymentFacts, Tendered};
use crate::policy::folder::Listing;
use crate::policy::inbox::Format;
use crate::policy::{
    Dress, Folder, Gateway, Inbox, Matched, Preconditions, Price, ResourceKind, Site, Thanks,
    VariantList,
};
use crate::ranges::{self, RangeFacts};
use crate::read::{ReadFacts, Subject};
use crate::rule::{Verdict, ask};
use crate::screen::Wire;
use crate::story::Trail;
use crate::upstream::{Heard, UpstreamFacts};

/// A request, with what is known of it without looking anything up.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The request.
    pub request: &'a Request<'a>,
    /// Who asks, as far as the connection tells.
    pub client: &'a Client,
    /// The time.
    pub now: HttpDate,
}

/// A request that may be asked: where it leads.
#[derive(Clone, Copy, Debug)]
pub enum Admitted<'a> {
    /// To a resource of a folder, which is now to be looked up.
    Resource(Place<'a>),
    /// To one of several variants that a list names, which are now to be looked up.
    Variants(Listed<'a>),
    /// To an inbox, of which nothing has to be looked up.
    Inbox(InboxPlace<'a>),
    /// To servers behind this one.
    Gateway(GatewayPlace<'a>),
    /// To a monitor of what was accepted for later, of which it is now to be said how far it is.
    Monitor(MonitorPlace<'a>),
    /// To the site itself: `OPTIONS *`.
    Server(&'a Site),
}

/// A resource of a folder, by the way that led to it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The route that the path falls under.
    pub matched: Matched<'a>,
    /// The folder that the route serves.
    pub folder: &'a Folder,
    /// The request's path.
    pub path: Path<'a>,
    /// The path within the folder.
    pub inner: Path<'a>,
}

/// A resource whose variants a list names, by the way that led to it.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The route that the path falls under.
    pub matched: Matched<'a>,
    /// The list.
    pub list: &'a VariantList,
    /// The request's path.
    pub path: Path<'a>,
}

/// An inbox, by the way that led to it.
#[derive(Clone, Copy, Debug)]
pub struct InboxPlace<'a> {
    /// The route that the path falls under.
    pub matched: Matched<'a>,
    /// The inbox that the route leads to.
    pub inbox: &'a Inbox,
    /// The request's path.
    pub path: Path<'a>,
}

/// A gateway, by the way that led to it.
#[derive(Clone, Copy, Debug)]
pub struct GatewayPlace<'a> {
    /// The route that the path falls under.
    pub matched: Matched<'a>,
    /// The gateway that the route leads to.
    pub gateway: &'a Gateway,
    /// The request's path.
    pub path: Path<'a>,
}

/// A monitor, by the way that led to it.
#[derive(Clone, Copy, Debug)]
pub struct MonitorPlace<'a> {
    /// The route that the path falls under.
    pub matched: Matched<'a>,
    /// The request's path.
    pub path: Path<'a>,
}

impl<'a> MonitorPlace<'a> {
    /// The name of what it tells of, whether there is any of that name or not.
    #[must_use]
    pub fn id(&self) -> &'a [u8] {
        let rest = self.path.bytes().get(self.matched.rest_at..).unwrap_or_default();
        rest.strip_prefix(b"/").unwrap_or(rest)
    }
}

impl<'a> Listed<'a> {
    /// The same as a resource of a folder that is only read: whatever folder a variant stands in, it is not
    /// written to by the list's path.
    #[must_use]
    pub const fn place(&self) -> Place<'a> {
        static ANY: Folder = Folder::read_only(0);
        Place { matched: self.matched, folder: &ANY, path: self.path, inner: self.path }
    }
}

/// What is to be done, with nothing against it.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Something is read.
    Read(Verdict, Reading),
    /// Something is changed; its verdict is known when it is done.
    Write(Writing),
    /// What is posted is taken by an inbox, and read like this; its verdict is known when it is stored.
    Take(Format),
    /// The request is stored, to be delivered later; its verdict is known when it is.
    Later,
    /// The request is forwarded; its verdict is known when an upstream has answered.
    Forward,
}

/// What is read.
#[derive(Clone, Debug)]
pub enum Reading {
    /// A file, or a folder's index file.
    Representation {
        /// In which coding; none for the original. What was selected says whether it is stored, or made.
        coding: Option<Coding>,
        /// How much of it.
        part: Part,
        /// The digest that the client wants of it (RFC 9530 §4): a wish, which need not be met.
        digest: Option<Algorithm>,
    },
    /// The list of a folder's members.
    Listing(ListingForm),
    /// Which methods are offered.
    Options(MethodSet),
    /// How far something is that was accepted for later.
    Progress(Progress),
    /// The request itself.
    Echo,
}

/// How much of a representation is sent.
#[derive(Clone, Debug)]
pub enum Part {
    /// All of it.
    Whole,
    /// One range.
    One(ByteRange),
    /// Several ranges, as `multipart/byteranges`.
    Several(Vec<ByteRange>),
}

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// A file gets this content (RFC 9110 §9.3.4).
    Put,
    /// A folder gets a member (RFC 9110 §9.3.3).
    Post,
    /// A file is patched (RFC 5789).
    Patch(PatchFormat),
    /// A file is removed (RFC 9110 §9.3.5).
    DeleteFile,
    /// An empty folder is removed.
    DeleteFolder,
}

/// Stages three to five: what is there, the client's preconditions, the part that it asks for.
///
/// Asked a second time under the write lock, with what stands there then.
///
/// # Errors
/// The verdict, where a rule answers.
pub fn after_lookup(
    question: &Question<'_>,
    place: &Place<'_>,
    found: &Found,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    after_negotiation(question, place, found, None, trail)
}

/// The same of what may have variants: `found` is the one that was chosen then, if one was.
///
/// # Errors
/// The verdict, where a rule answers.
pub fn after_negotiation(
    question: &Question<'_>,
    place: &Place<'_>,
    found: &Found,
    negotiated: Option<Negotiated>,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    let Question { request, now, .. } = *question;
    let Place { matched: Matched { route, .. }, folder, path, inner } = *place;
    ask(&FindFacts { request, route, folder, path, inner, found, negotiated }, trail)?;
    if negotiated.is_some() {
        ask(&NegotiateFacts { request, negotiated }, trail)?;
    }
    match request.method {
        Method::Get | Method::Head => read(question, found, trail),
        Method::Options | Method::Trace => {
            let methods = route.methods(resource_kind(inner, found));
            told(request.method, methods, Subject::Representation, trail)
        }
        _ => {
            let current = match found {
                // A folder's tag is the one that a GET of it gets: its index file's.
                Found::File(all) | Found::Folder { index: Some(all), .. } => Current::AnyOf(all),
                Found::Folder { index: None, .. } | Found::Refused(_) => Current::Unmarked,
                Found::Missing { .. } => Current::None,
            };
            let required = route.preconditions;
            ask(&ConditionFacts { request, current, now, required }, trail)?;
            Ok(Plan::Write(writing(request, found)))
        }
    }
}

/// Stages three to five for an inbox.
///
/// # Errors
/// The verdict, where a rule answers.
pub fn of_inbox(
    question: &Question<'_>,
    place: &InboxPlace<'_>,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    let Question { request, now, .. } = *question;
    let InboxPlace { matched: Matched { route, .. }, inbox, .. } = *place;
    ask(&InboxFacts { request, route, inbox }, trail)?;
    if request.method != Method::Post {
        let methods = route.methods(ResourceKind::Folder);
        return told(request.method, methods, Subject::Representation, trail);
    }
    let (current, required) = (Current::None, route.preconditions);
    ask(&ConditionFacts { request, current, now, required }, trail)?;
    if route.later.as_ref().is_some_and(|later| later.takes(request)) {
        return Ok(Plan::Later);
    }
    // What it does not take, a rule has refused.
    inbox.format(request).map(Plan::Take).ok_or_else(|| own_fault(trail))
}

/// Stages three to five for a gateway; `passed` says whether the request came through it before.
///
/// # Errors
/// The verdict, where a rule answers.
pub fn of_gateway(
    question: &Question<'_>,
    place: &GatewayPlace<'_>,
    passed: Passed,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    let Question { request, now, .. } = *question;
    let route = place.matched.route;
    ask(&ForwardFacts { request, route, passed }, trail)?;
    if max_forwards(request) == MaxForwards::Reached {
        let methods = route.methods(ResourceKind::Folder);
        return told(request.method, methods, Subject::Representation, trail);
    }
    let (current, required) = (Current::Upstream, route.preconditions);
    ask(&ConditionFacts { request, current, now, required }, trail)?;
    let is_for_later = route.later.as_ref().is_some_and(|later| later.takes(request));
    Ok(if is_for_later { Plan::Later } else { Plan::Forward })
}

/// Stages three to five for a monitor, of which this is known.
///
/// # Errors
/// The verdict, where a rule answers.
pub fn of_monitor(
    question: &Question<'_>,
    place: &MonitorPlace<'_>,
    progress: Option<Progress>,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    let Question { request, now, .. } = *question;
    let route = place.matched.route;
    ask(&MonitorFacts { request, route, progress }, trail)?;
    // An unknown one, a rule has refused.
    let Some(progress) = progress else { return Err(own_fault(trail)) };
    if matches!(request.method, Method::Options | Method::Trace) {
        let methods = route.methods(ResourceKind::File);
        return told(request.method, methods, Subject::Representation, trail);
    }
    // It says something else whenever it is asked.
    let (current, required) = (Current::Unmarked, Preconditions::Optional);
    ask(&ConditionFacts { request, current, now, required }, trail)?;
    settle(request.method, Subject::Representation, Reading::Progress(progress), trail)
}

/// What becomes of a request that was to be stored.
#[must_use]
pub fn kept(kept: Kept, trail: &mut Trail) -> Verdict {
    match ask(&LaterFacts { kept }, trail) {
        Err(verdict) => verdict,
        // The last rule of the group always answers.
        Ok(()) => own_fault(trail),
    }
}

/// What an upstream's answer is to the client, or that none came.
#[must_use]
pub fn heard(heard: Heard, trail: &mut Trail) -> Verdict {
    match ask(&UpstreamFacts { heard }, trail) {
        Err(verdict) => verdict,
        // Every cause is some rule's, and the last rule answers for every answer.
        Ok(()) => own_fault(trail),
    }
}

/// What `OPTIONS *` is told: the methods of the server as a whole (RFC 9110 §9.3.7).
///
/// # Errors
/// The verdict, where a rule answers.
pub fn of_server(question: &Question<'_>, site: &Site, trail: &mut Trail) -> Result<Plan, Verdict> {
    let routes = site.routes().iter();
    let offered = routes.fold(MethodSet::EMPTY, |all, route| all.or(route.offered()));
    told(question.request.method, offered, Subject::Server, trail)
}

/// Whether the client has to be invited to send its content: the interim verdict, if so.
#[must_use]
pub fn invite(request: &Request<'_>, begun: Begun, trail: &mut Trail) -> Option<Verdict> {
    ask(&InviteFacts { request, begun }, trail).err()
}

/// Whether the client is to be told what the page needs besides itself: the interim verdict, if so.
#[must_use]
pub fn hints(request: &Request<'_>, dress: &Dress, trail: &mut Trail) -> Option<Verdict> {
    ask(&HintFacts { request, dress }, trail).err()
}

/// What the end of an act is answered with.
#[must_use]
pub fn outcome(acted: Acted, trail: &mut Trail) -> Verdict {
    match ask(&ActFacts { acted }, trail) {
        Err(verdict) => verdict,
        // Every way an act can end is some rule's; a test goes through them all.
        Ok(()) => Verdict {
            status: Status::INTERNAL_SERVER_ERROR,
            because: own_code(),
            witness: crate::rule::Witness::Because("an act ended in a way that no rule knows"),
        },
    }
}

/// What the end of a submission is answered with.
#[must_use]
pub fn submitted(thanks: &Thanks, submitted: Submitted, trail: &mut Trail) -> Verdict {
    match ask(&SubmittedFacts { thanks, submitted }, trail) {
        Err(verdict) => verdict,
        // The last rule of the group always answers.
        Ok(()) => own_fault(trail),
    }
}

/// Whether the answer to a submission is said by its fields alone: what was taken needs no explanation, where to
/// look next and what was wrong do.
#[must_use]
pub fn is_said_by_fields(verdict: &Verdict) -> bool {
    verdict.status.class() == Class::Success
}

/// Whether an answer is worth its price: what was asked for was done.
#[must_use]
pub fn is_earned(verdict: &Verdict) -> bool {
    verdict.status.class() == Class::Success || verdict.because.id == SUBMISSION_PAGE
}

/// What an answer becomes whose price was reserved and could not be spent.
#[must_use]
pub fn unsettled(price: &Price, trail: &mut Trail) -> Verdict {
    match ask(&PriceFacts { price, paid: Paid::Unreachable }, trail) {
        Err(verdict) => verdict,
        Ok(()) => own_fault(trail),
    }
}

/// What an answer becomes whose payment was good, and could not be settled.
#[must_use]
pub fn unpaid(request: &Request<'_>, tendered: Tendered, trail: &mut Trail) -> Verdict {
    match ask(&PaymentFacts { request, tendered }, trail) {
        Err(verdict) => verdict,
        Ok(()) => own_fault(trail),
    }
}

/// The end of a path that no rule ended: a fault of ours.
pub(crate) fn own_fault(trail: &mut Trail) -> Verdict {
    outcome(Acted::Failed(crate::act::Failure::Panicked), trail)
}

/// What a message that can't be read, or that there is no room for, is answered with; none if nothing
/// is wrong.
#[must_use]
pub fn refuse(wire: &Wire, trail: &mut Trail) -> Option<Verdict> {
    ask(wire, trail).err()
}

/// The file that is looked up instead, where a reading found nothing: its path within the folder.
#[must_use]
pub fn instead<'a>(request: &Request<'_>, folder: &'a Folder, found: &Found) -> Option<&'a [u8]> {
    let is_missing = match found {
        Found::Missing { .. } => true,
        Found::Folder { index: None, .. } => folder.listing == Listing::Off,
        Found::File(_) | Found::Folder { .. } | Found::Refused(_) => false,
    };
    let reads = matches!(request.method, Method::Get | Method::Head);
    folder.fallback.as_deref().filter(|_| reads && is_missing)
}

/// Whether variants are looked for by the names of files: where a path is read and nothing stands that has
/// exactly its name, or a folder that has no index file.
#[must_use]
pub fn asks_for_variants(
    request: &Request<'_>,
    folder: &Folder,
    inner: Path<'_>,
    found: &Found,
) -> bool {
    let reads = matches!(request.method, Method::Get | Method::Head | Method::Options);
    reads
        && folder.variants.is_some()
        && match found {
            Found::Missing { .. } => !inner.is_folder(),
            Found::Folder { index: None, .. } => inner.is_folder(),
            Found::Folder { index: Some(_), .. } | Found::File(_) | Found::Refused(_) => false,
        }
}

/// What is written without a look before its content is taken: a PUT of at most `octets_max` octets that are coming
/// already. Its client can't be spared sending them any more, and the rules are asked under the store's lock.
#[must_use]
pub fn at_once(request: &Request<'_>, begun: Begun, octets_max: u64) -> Option<Writing> {
    let is_small = matches!(request.announced, Announced::Length(octets) if octets <= octets_max);
    let is_put = request.method == Method::Put && begun == Begun::Already;
    (is_put && is_small).then_some(Writing::Put)
}

/// Whether it may depend on the version of what is there whether it is written to: only a precondition names one.
#[must_use]
pub fn asks_for_version(request: &Request<'_>) -> bool {
    conditions::name_version(request)
}

/// The representation that a GET of this client gets of what was found, and its coding.
#[must_use]
pub fn selected<'f>(
    request: &Request<'_>,
    found: &'f Found,
) -> Option<(&'f Representation, Option<Coding>)> {
    let all = found.representations()?;
    let coding = choose::coding(request.fields, all);
    Some((all.in_coding(coding), coding))
}

fn read(question: &Question<'_>, found: &Found, trail: &mut Trail) -> Result<Plan, Verdict> {
    let Question { request, now, .. } = *question;
    let required = Preconditions::Optional;
    let condition = |current| ConditionFacts { request, current, now, required };
    let Some((selected, coding)) = selected(request, found) else {
        ask(&condition(Current::Unmarked), trail)?;
        let reading = Reading::Listing(choose::listing(request.fields));
        return settle(request.method, Subject::Listing, reading, trail);
    };
    ask(&condition(Current::Selected(selected)), trail)?;
    let resolved = ranges::of(request, Some(selected));
    let facts = RangeFacts { request, selected: Some(selected), resolved: &resolved, now };
    let digest = digest::wanted(request.fields.all(FieldName::WantReprDigest));
    match ask(&facts, trail) {
        Err(verdict) if verdict.status == Status::PARTIAL_CONTENT => {
            let part = match resolved {
                Resolved::One(range) => Part::One(range),
                Resolved::Several(ranges) => Part::Several(ranges),
                Resolved::Ignored | Resolved::Unsatisfiable => Part::Whole,
            };
            Ok(Plan::Read(verdict, Reading::Representation { coding, part, digest }))
        }
        Err(verdict) => Err(verdict),
        Ok(()) => {
            let reading = Reading::Representation { coding, part: Part::Whole, digest };
            settle(request.method, Subject::Representation, reading, trail)
        }
    }
}

fn told(
    method: Method,
    methods: MethodSet,
    subject: Subject,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    let reading = if method == Method::Trace { Reading::Echo } else { Reading::Options(methods) };
    settle(method, subject, reading, trail)
}

fn settle(
    method: Method,
    subject: Subject,
    reading: Reading,
    trail: &mut Trail,
) -> Result<Plan, Verdict> {
    match ask(&ReadFacts { method, subject }, trail) {
        Err(verdict) => Ok(Plan::Read(verdict, reading)),
        // The last rule of the group always answers.
        Ok(()) => Err(own_fault(trail)),
    }
}

fn writing(request: &Request<'_>, found: &Found) -> Writing {
    match (request.method, found) {
        (Method::Post, _) => Writing::Post,
        (Method::Delete, Found::Folder { .. }) => Writing::DeleteFolder,
        (Method::Delete, _) => Writing::DeleteFile,
        (Method::Patch, _) => {
            Writing::Patch(content::patch_format(request).unwrap_or(PatchFormat::Merge))
        }
        _ => Writing::Put,
    }
}

fn own_code() -> &'static crate::rule::Info {
    static OWN: crate::rule::Info = crate::rule::Info {
        id: "unknown-outcome",
        asks: "Is the end of the act known?",
        spec: wherefore_message::Spec::new(9110, "15.6.1"),
        needs: wherefore_message::FieldSet::EMPTY,
        may: &[Status::INTERNAL_SERVER_ERROR],
        shown_by: "never",
    };
    &OWN
}
