//! The common readings of a file are decided, and variants chosen, without an allocation.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use wherefore_decide::facts::{Found, Octets, Representation, Representations};
use wherefore_decide::plan::{self, Admitted, Plan, Question};
use wherefore_decide::policy::{
    ContentPolicy, Folder, FolderAccess, Hosts, Pattern, Resource, Route, Site, Sites,
};
use wherefore_decide::screen::Wire;
use wherefore_decide::variants::names::{NamedLanguages, parse_name};
use wherefore_decide::variants::{Mode, Negotiation, Outcome, UnmetLanguage, choose, vary};
use wherefore_decide::{Admission, Client, Need, Trail, Verdict};
use wherefore_message::authority::Authority;
use wherefore_message::date::HttpDate;
use wherefore_message::target::Target;
use wherefore_message::{Announced, EntityTag, FieldLines, Method, Request, Status, Version};

struct Counting;

thread_local! {
    // Of this thread alone: the test harness allocates on its own.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting allocates nothing, since
// the cell is initialised in place and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of `realloc`, and the block is the system's.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const TARGET: &[u8] = b"/folder/file.txt?a=b";

/// The verdict on a GET of a file that is there, and how many allocations were made for it.
fn decide(lines: &FieldLines, sites: &Sites, found: &Found) -> (Verdict, u64) {
    let request = Request {
        version: Version::HTTP_11,
        method: Method::Get,
        method_text: b"GET",
        target: Target::parse(Method::Get, TARGET).unwrap(),
        target_text: TARGET,
        authority: Authority::parse(b"localhost:8080"),
        fields: lines.view(),
        announced: Announced::Nothing,
    };
    let now = HttpDate::from_unix(1_795_000_000);
    let question = Question { request: &request, client: &Client::UNKNOWN, now };
    let (mut scratch, mut inner, mut trail) = (Vec::new(), Vec::new(), Trail::new());
    let wire = Wire::default();
    let before = ALLOCATIONS.with(Cell::get);
    let mut admission =
        Admission::begin(&question, sites, &wire, &mut scratch, &mut trail).unwrap();
    assert!(matches!(admission.next(&question, &mut trail), Ok(Need::Nothing)));
    let admitted = admission.end(&question, &mut inner, &mut trail).unwrap();
    let Admitted::Resource(place) = admitted else { panic!("{admitted:?}") };
    let verdict = match plan::after_lookup(&question, &place, found, &mut trail) {
        Err(verdict) | Ok(Plan::Read(verdict, _)) => verdict,
        Ok(other @ (Plan::Write(_) | Plan::Take(_) | Plan::Later | Plan::Forward)) => {
            panic!("{other:?}")
        }
    };
    (verdict, ALLOCATIONS.with(Cell::get) - before)
}

#[test]
fn a_reading_is_decided_without_an_allocation() {
    let folder = Folder { access: FolderAccess::Writable, ..Folder::read_only(0) };
    let content = ContentPolicy::up_to(1, 1 << 20);
    let route = Route::new(Pattern::everything(), Resource::Folder(folder), content);
    let hosts = Hosts::loopback(&["example.org"]);
    let sites = Sites::new(vec![Site::new("test", hosts, vec![route])]);
    let original = Representation {
        tag: EntityTag::strong(b"now"),
        modified: HttpDate::from_unix(784_111_777),
        octets: Octets::Stored(10),
    };
    let gzip = Some(Representation { tag: EntityTag::strong(b"now-gzip"), ..original });
    let found = Found::File(Representations { original, brotli: None, zstd: None, gzip });
    assert!(ALLOCATIONS.with(Cell::get) > 0, "the count counts");
    let browser = [
        ("Host", "localhost:8080"),
        ("User-Agent", "x/1"),
        ("Accept", "text/html,*/*;q=0.8"),
        ("Accept-Encoding", "gzip, deflate, br"),
        ("Sec-Fetch-Site", "same-origin"),
    ];
    for (field, wanted) in [
        (None, Status::OK),
        (Some(("If-None-Match", "\"then\", W/\"now-gzip\"")), Status::NOT_MODIFIED),
        (Some(("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")), Status::NOT_MODIFIED),
        (Some(("If-Match", "\"then\"")), Status::PRECONDITION_FAILED),
        (Some(("Range", "bytes=2-4")), Status::PARTIAL_CONTENT),
        (Some(("Range", "bytes=20-")), Status::RANGE_NOT_SATISFIABLE),
    ] {
        let lines: FieldLines = browser.into_iter().chain(field).collect();
        let (verdict, allocations) = decide(&lines, &sites, &found);
        assert_eq!((verdict.status, allocations), (wanted, 0), "{field:?}");
    }
}

#[test]
fn a_variant_is_chosen_without_an_allocation() {
    let names: [&[u8]; 3] = [b"page.de.html", b"page.en.html.gz", b"page.pdf"];
    let lines: FieldLines = [
        ("Accept", "text/html;charset=\"utf\\-8\",*/*;q=0.8"),
        ("Accept-Language", "en-GB,en;q=0.5"),
        ("Accept-Encoding", "gzip, deflate, br"),
    ]
    .into_iter()
    .collect();
    let how = Negotiation {
        mode: Mode::Proactive,
        unmet_language: UnmetLanguage::Default,
        default_language: None,
    };
    let before = ALLOCATIONS.with(Cell::get);
    let read = names.map(|name| parse_name(name, b"page", NamedLanguages::TwoLetter));
    let [Some(german), Some(english), Some(neutral)] = read else { panic!("{read:?}") };
    let variants = [german, english, neutral];
    let chosen = choose(&variants, &how, lines.view());
    let fields = vary(&variants, &how);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!((chosen, fields.iter().count()), (Outcome::Chosen(1), 3));
}
