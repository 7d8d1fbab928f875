use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use wherefore_message::form::FormFaultKind as K;
use wherefore_message::request::RequestBuf;
use wherefore_message::{Coding, FieldLines, Version};
use wherefore_store::{
    CreateFolders, FileInfo, Listing, Look, LookFor, MemberKind, MemoryStore, Opened, Removed,
    Staged, Wait, Written,
};

use super::*;

const ENCODED: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";
/// 1994-11-06T08:49:37Z
const NOW: u64 = 784_111_777;

fn limits() -> InboxLimits {
    InboxLimits {
        form_bytes_max: 2000,
        file_bytes_max: 100,
        files_max: 3,
        fields_max: 4,
        fields_bytes_max: 200,
        part_head_bytes_max: 300,
        name_bytes_max: 40,
    }
}

/// Posts content in pieces of this size.
fn post_cut(
    store: &Arc<dyn Store>,
    fields: &[(&str, &str)],
    content: &[u8],
    step: usize,
) -> Result<String, NotStored> {
    let fields: FieldLines = fields.iter().copied().collect();
    let (version, length) = (Version::HTTP_11, Announced::Unknown);
    let request = RequestBuf::new(version, b"POST", b"/", None, fields, length).unwrap();
    let request = request.view();
    let policy = wherefore_decide::policy::Inbox {
        accept_post: "*/*".into(),
        ..wherefore_decide::policy::Inbox::new(0)
    };
    let format = policy.format(&request).unwrap();
    let now = HttpDate::from_unix(NOW);
    let inbox = Inbox::new(Arc::clone(store));
    let arrival = Arrival { request: &request, format, limits: limits(), now, request_id: "id" };
    let mut submission = inbox.begin(&arrival)?;
    for piece in content.chunks(step) {
        submission.receive(piece)?;
    }
    submission.finish().map(|stored| stored.name)
}

fn post(
    store: &Arc<dyn Store>,
    media_type: &str,
    content: impl AsRef<[u8]>,
) -> Result<String, NotStored> {
    post_cut(store, &[("Content-Type", media_type)], content.as_ref(), 7)
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// Everything that is in a store, by path.
fn all(store: &dyn Store) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        let path = if folder.is_empty() { "/" } else { &folder };
        for member in store.list(path.as_bytes(), 1000).unwrap().members {
            let path = format!("{folder}/{}", String::from_utf8(member.name).unwrap());
            match member.kind {
                MemberKind::Folder => {
                    found.push((format!("{path}/"), Vec::new()));
                    folders.push(path);
                }
                MemberKind::File => {
                    let opened = store.open(path.as_bytes(), None, Wait::Yes).unwrap();
                    let mut octets = vec![0; opened.info.meta.length as usize];
                    assert_eq!(
                        opened.file.read_at(0, &mut octets, Wait::Yes).unwrap(),
                        octets.len()
                    );
                    found.push((path, octets));
                }
            }
        }
    }
    found.sort();
    found
}

fn content_of(store: &dyn Store, path: &str) -> Vec<u8> {
    let found = all(store).into_iter().find(|(name, _)| name.strip_prefix('/') == Some(path));
    found.unwrap_or_else(|| panic!("{path} is not there")).1
}

fn document(store: &dyn Store, name: &str) -> Value {
    serde_json::from_slice(&content_of(store, name)).unwrap()
}

/// Posts to an empty store, and reads the only document there.
fn stored(media_type: &str, content: &str) -> Value {
    let store = memory();
    let name = post(&store, media_type, content).unwrap();
    document(&*store, &name)
}

/// Posts what is refused; nothing of it stays.
fn fault(media_type: &str, content: impl AsRef<[u8]>) -> FormFault {
    let store = memory();
    let refused = post(&store, media_type, content);
    assert_eq!(all(&*store), []);
    match refused {
        Err(NotStored::Form(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn field(name: &str, value: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(name: &str, file_name: &str, content: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
         Content-Type: image/png\r\n\r\n{content}\r\n"
    )
}

fn form(parts: &[String]) -> String {
    parts.concat() + "--b--\r\n"
}

#[test]
fn a_form_of_pairs_is_one_document() {
    let store = memory();
    let name = post(&store, ENCODED, "a=1&b=%C3%A4+%22&a=2&=").unwrap();
    let (time, random) = name.strip_suffix(".json").unwrap().split_once('-').unwrap();
    assert_eq!(time, "19941106T084937Z");
    assert!(random.len() == 16 && random.chars().all(|c| c.is_ascii_hexdigit()), "{name}");
    let expected = json!({
        "received": "1994-11-06T08:49:37Z",
        "request": "id",
        "type": "application/x-www-form-urlencoded",
        "fields": {"a": ["1", "2"], "b": ["\u{e4} \""], "": [""]},
        "files": [],
    });
    assert_eq!(document(&*store, &name), expected);
    assert_eq!(all(&*store).len(), 1);
    let other = post(&store, ENCODED, "").unwrap();
    assert_ne!(other, name);
    assert_eq!(document(&*store, &other)["fields"], json!({}));
}

#[test]
fn a_form_of_parts_has_its_files_beside_it() {
    let store = memory();
    let parts = [
        field("title", "caf\u{e9}\r\n"),
        file("photo", "C:\\me\\Photo 1.png", "\u{1}\r\n--\0"),
        file("photo", "../.htaccess", ""),
        file("none", "", ""),
        file("photo", "", "x"),
        field("title", ""),
    ];
    let name = post(&store, PARTS, form(&parts)).unwrap();
    let stem = name.strip_suffix(".json").unwrap();
    let document = document(&*store, &name);
    assert_eq!(document["type"], "multipart/form-data");
    assert_eq!(document["fields"], json!({"title": ["caf\u{e9}\r\n", ""]}));
    let entry = |file_name: &str, stored: &str, octets: u64| {
        json!({
            "field": "photo", "filename": file_name, "type": "image/png",
            "path": format!("{stem}/{stored}"), "octets": octets,
        })
    };
    let expected = json!([
        entry("C:\\me\\Photo 1.png", "Photo-1.png", 6),
        entry("../.htaccess", "htaccess", 0),
        entry("", "file.png", 1),
    ]);
    assert_eq!(document["files"], expected);
    assert_eq!(content_of(&*store, &format!("{stem}/Photo-1.png")), b"\x01\r\n--\0");
    let names: Vec<_> = all(&*store).into_iter().map(|(path, _)| path).collect();
    let expected = ["/", "/Photo-1.png", "/file.png", "/htaccess", ".json"];
    let mut expected = expected.map(|end| format!("/{stem}{end}"));
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn files_of_one_name_stay_apart() {
    let names = |all: [&str; 3]| {
        let document = stored(PARTS, &form(&all.map(|name| file("f", name, "x"))));
        let files = document["files"].as_array().unwrap();
        let names =
            files.iter().map(|file| file["path"].as_str().unwrap().split_once('/').unwrap().1);
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(["a.txt", "a.txt", "A.txt"]), ["a.txt", "2-a.txt", "3-A.txt"]);
    assert_eq!(names(["a.txt", "a.txt.gz", "b.gz"]), ["a.txt", "2-a.txt.gz", "b.gz"]);
    assert_eq!(names(["a.txt.zst", "a.txt", "x/a.txt.br"]), ["a.txt.zst", "2-a.txt", "a.txt.br"]);
}

#[test]
fn json_is_kept_as_it_was_written() {
    let text = " {\"b\": 1.10, \"a\": [\"\\u00e4\", null], \"b\": 12345678901234567890123} \n";
    let store = memory();
    let name = post(&store, "application/json; charset=utf-8", text).unwrap();
    let document = String::from_utf8(content_of(&*store, &name)).unwrap();
    assert!(document.ends_with(&format!("\"content\":{}}}\n", text.trim())), "{document}");
    assert_eq!(stored("application/problem+json", "1")["content"], json!(1));
}

#[test]
fn what_is_no_json_is_found_where_it_stands() {
    for (content, at) in [
        (&b""[..], 0),
        (b"{", 1),
        (b"{}\n{}", 3),
        (b"[1,]", 3),
        (b"{\"a\":\n  tru}", 11),
        (b"\"\xff\"", 1),
        (b"nul", 3),
        (b"1 x", 2),
    ] {
        let expected = FormFault::new(K::Json, at);
        assert_eq!(fault("application/json", content), expected, "{}", content.escape_ascii());
    }
}

#[test]
fn json_may_be_as_deep_as_it_is_long() {
    let content = "[".repeat(100) + &"]".repeat(100);
    assert!(stored("application/json", &content)["content"].is_array());
    assert_eq!(fault("application/json", "[".repeat(200)), FormFault::new(K::Json, 200));
}

#[test]
fn other_content_is_one_file() {
    let store = memory();
    let fields = [("Content-Type", "image/png"), ("Slug", "my photo.png")];
    let name = post_cut(&store, &fields, b"\x89PNG", 3).unwrap();
    let stem = name.strip_suffix(".json").unwrap();
    let document = document(&*store, &name);
    let path = format!("{stem}/my-photo.png");
    let expected =
        json!([{"filename": "my-photo.png", "type": "image/png", "path": path, "octets": 4}]);
    assert_eq!((&document["fields"], &document["files"]), (&json!({}), &expected));
    assert_eq!(content_of(&*store, &path), b"\x89PNG");
    let store = memory();
    let name = post_cut(&store, &[], b"", 1).unwrap();
    let stem = name.strip_suffix(".json").unwrap();
    assert_eq!(content_of(&*store, &format!("{stem}/file")), b"");
}

/// Each limit, met and passed by one.
#[test]
fn as_much_as_may_be_and_no_more() {
    let a = |count: usize| "a".repeat(count);
    let many = |count: usize, part: String| form(&vec![part; count]);
    for (kind, media_type, met, passed) in [
        (K::FieldsTooLarge, ENCODED, a(200), a(201)),
        (K::FieldsTooMany, ENCODED, "a&b&c&d".into(), "a&b&c&d&e".into()),
        (
            K::FieldsTooLarge,
            "application/json",
            format!("\"{}\"", a(198)),
            format!("\"{}\"", a(199)),
        ),
        (K::FieldsTooMany, PARTS, many(4, field("a", "")), many(5, field("a", ""))),
        (K::FieldsTooLarge, PARTS, form(&[field("n", &a(199))]), form(&[field("n", &a(200))])),
        (K::FieldsTooLarge, PARTS, many(4, field(&a(40), &a(10))), many(4, field(&a(40), &a(11)))),
        (
            K::FileTooLarge,
            PARTS,
            form(&[file("f", "x", &a(100))]),
            form(&[file("f", "x", &a(101))]),
        ),
        (K::FileTooLarge, "a/b", a(100), a(101)),
        (K::FilesTooMany, PARTS, many(3, file("f", "x", "")), many(4, file("f", "x", ""))),
        (K::FilesTooMany, PARTS, many(3, file("f", "", "x")), many(4, file("f", "", "x"))),
        (K::PartsTooMany, PARTS, many(14, file("f", "", "")), many(15, file("f", "", ""))),
        (K::NameTooLong, PARTS, form(&[field(&a(40), "")]), form(&[field(&a(41), "")])),
        (K::FormTooLarge, PARTS, form(&[]) + &a(1993), form(&[]) + &a(1994)),
    ] {
        let store = memory();
        let stored = post(&store, media_type, &met);
        assert!(stored.is_ok(), "{kind:?}: {stored:?}");
        assert_eq!(fault(media_type, &passed).kind, kind, "{passed}");
    }
}

#[test]
fn faults_of_forms_are_found_where_they_stand() {
    assert_eq!(fault(ENCODED, "a=b&c=%"), FormFault::new(K::Percent, 6));
    assert_eq!(fault("multipart/form-data", "x"), FormFault::new(K::Boundary, 0));
    let cut = form(&[file("f", "a", "x"), field("b", "y")]);
    let cut = cut.strip_suffix("--\r\n").unwrap();
    assert_eq!(fault(PARTS, cut), FormFault::new(K::Unended, cut.len() as u64));
    let mut odd = form(&[file("f", "a", "x"), field("b", "yy\u{7f}")]).into_bytes();
    let at = odd.iter().position(|octet| *octet == 0x7f).unwrap();
    odd[at] = 0xff;
    assert_eq!(fault(PARTS, odd), FormFault::new(K::ValueText, at as u64));
    let large = form(&[field("a", "b"), file("f", "x", &"y".repeat(101))]);
    let at = large.find("yy").unwrap() as u64 + 100;
    assert_eq!(fault(PARTS, large), FormFault::new(K::FileTooLarge, at));
    // What might have begun a boundary is counted where it stands, too.
    let ends = form(&[file("f", "x", &format!("{}\r\n--y", "y".repeat(97)))]);
    let at = ends.find("yy").unwrap() as u64 + 100;
    assert_eq!(fault(PARTS, ends), FormFault::new(K::FileTooLarge, at));
}

#[test]
fn what_is_too_large_is_known_beforehand() {
    let store = memory();
    let fields: FieldLines = [("Content-Type", ENCODED)].into_iter().collect();
    let begin = |length| {
        let length = Announced::Length(length);
        let request =
            RequestBuf::new(Version::HTTP_11, b"POST", b"/", None, fields.clone(), length).unwrap();
        let request = request.view();
        let (format, now) = (Format::UrlEncoded, HttpDate::from_unix(NOW));
        let inbox = Inbox::new(Arc::clone(&store));
        inbox
            .begin(&Arrival { request: &request, format, limits: limits(), now, request_id: "" })
            .map(|_| ())
    };
    assert!(begin(2000).is_ok());
    let Err(NotStored::Form(fault)) = begin(2001) else { panic!("it is too large") };
    assert_eq!(fault, FormFault::new(K::FormTooLarge, 2000));
}

#[test]
fn a_quota_is_kept() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::with_quota(300));
    let refused = post(&store, PARTS, form(&[file("f", "x", &"x".repeat(90))]));
    assert!(refused.is_ok());
    let before = all(&*store);
    let refused = post(&store, PARTS, form(&[file("f", "x", &"x".repeat(90))]));
    assert!(matches!(refused, Err(NotStored::Store(StoreError::Quota))), "{refused:?}");
    assert_eq!(all(&*store), before);
}

#[test]
fn what_differs_from_its_digest_is_not_stored() {
    let store = memory();
    let digest = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    let post = |content: &[u8]| {
        post_cut(&store, &[("Content-Type", ENCODED), ("Content-Digest", digest)], content, 2)
    };
    assert!(matches!(post(b"hellp"), Err(NotStored::Digest)));
    assert_eq!(all(&*store), []);
    assert!(post(b"hello").is_ok());
}

#[test]
fn a_submission_given_up_leaves_nothing() {
    let store = memory();
    let whole = form(&[file("f", "a", "x"), file("f", "b", "y"), field("c", "z")]);
    let fields: FieldLines = [("Content-Type", PARTS)].into_iter().collect();
    let (version, length) = (Version::HTTP_11, Announced::Unknown);
    let request = RequestBuf::new(version, b"POST", b"/", None, fields, length).unwrap();
    let request = request.view();
    let now = HttpDate::from_unix(NOW);
    let arrival = Arrival {
        request: &request,
        format: Format::FormData,
        limits: limits(),
        now,
        request_id: "",
    };
    let mut seen = 0;
    for end in 0..=whole.len() {
        let mut submission = Inbox::new(Arc::clone(&store)).begin(&arrival).map_err(drop).unwrap();
        submission.receive(&whole.as_bytes()[..end]).unwrap();
        seen = seen.max(all(&*store).len());
        drop(submission);
        assert_eq!(all(&*store), []);
    }
    // A marker, a folder, two files.
    assert_eq!(seen, 4);
    fn is_send<T: Send + 'static>() {}
    is_send::<Submission>();
}

/// Wherever a crash cuts it off, and wherever only one step fails, a submission is there whole or, once
/// all is cleared, not at all.
#[test]
fn no_crash_and_no_failure_leaves_half_a_submission() {
    let whole = form(&[field("c", "z"), file("f", "a", "x"), file("f", "b", "y")]);
    for mode in [Mode::Crash, Mode::Fail, Mode::FailAfter] {
        let (mut gone, mut step) = (0, 0);
        loop {
            let inner = memory();
            let store: Arc<dyn Store> = Arc::new(Faulty {
                inner: Arc::clone(&inner),
                mode,
                step,
                steps: AtomicUsize::new(0),
            });
            let answered = post(&store, PARTS, &whole);
            let cleared = Inbox::new(Arc::clone(&inner)).clear().unwrap();
            assert_eq!(cleared.kept, 0);
            let left = all(&*inner);
            if left.is_empty() {
                assert!(answered.is_err());
                gone += 1;
            } else {
                assert_eq!(left.len(), 4, "{mode:?} at {step}: {left:?}");
                let name = left.iter().find_map(|(path, _)| path.strip_suffix(".json")).unwrap();
                let document = document(&*inner, &format!("{}.json", &name[1..]));
                for file in document["files"].as_array().unwrap() {
                    assert_eq!(content_of(&*inner, file["path"].as_str().unwrap()).len(), 1);
                }
            }
            if answered.is_ok() {
                assert!(!left.is_empty());
                break;
            }
            step += 1;
        }
        // The marker, two files and the document.
        assert!(gone >= 3 && step >= 4, "{mode:?}: {gone} of {step}");
    }
}

#[test]
fn only_what_was_left_over_is_cleared() {
    let store = memory();
    let whole = post(&store, PARTS, form(&[file("f", "a", "x")])).unwrap();
    let put = |path: &str| {
        let staged = store.stage(b"/", None).unwrap();
        store.replace(path.as_bytes(), staged, CreateFolders::Yes, &mut |_| true).unwrap();
    };
    let (stem, other) = (whole.strip_suffix(".json").unwrap(), "19941106T084937Z-0123456789abcdef");
    // A submission that is whole, but whose marker stayed; and one that is not.
    put(&format!("/.{stem}.unfinished"));
    put(&format!("/.{other}.unfinished"));
    put(&format!("/{other}/one"));
    put(&format!("/{other}/two"));
    // What an operator did: a folder whose document was moved away, and names like ours.
    for path in ["/19941106T084937Z-aaaaaaaaaaaaaaaa/kept", "/.x.unfinished", "/.unfinished", "/.x"]
    {
        put(path);
    }
    let before = all(&*store);
    let cleared = Inbox::new(Arc::clone(&store)).clear().unwrap();
    assert_eq!(cleared, Cleared { unfinished: 1, kept: 0 });
    let gone = |path: &str| path.contains(other) || *path == format!("/.{stem}.unfinished");
    let expected: Vec<_> = before.into_iter().filter(|(path, _)| !gone(path)).collect();
    assert_eq!(expected.len(), 8);
    assert_eq!(all(&*store), expected);
    // A folder in it is none of ours, nor is what stands in that.
    put(&format!("/.{other}.unfinished"));
    put(&format!("/{other}/deep/one"));
    let cleared = Inbox::new(Arc::clone(&store)).clear().unwrap();
    assert_eq!(cleared, Cleared { unfinished: 0, kept: 1 });
    assert_eq!(content_of(&*store, &format!("{other}/deep/one")), b"");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn cuts_change_nothing(
        values in prop::collection::vec(("[a-c]", "[\r\n-]{0,4}|\\PC{0,6}", any::<bool>()), 0..6),
        step in 1..40usize, cut in any::<Index>(), short: bool,
    ) {
        let parts: Vec<_> = values.iter().map(|(name, value, is_file)| {
            if *is_file { file(name, value, value) } else { field(name, value) }
        }).collect();
        let whole = form(&parts);
        let end = if short { cut.index(whole.len() + 1) } else { whole.len() };
        let content = &whole.as_bytes()[..end];
        let post = |step| {
            let store = memory();
            let answered = post_cut(&store, &[("Content-Type", PARTS)], content, step);
            let stem = answered.as_deref().unwrap_or_default().trim_end_matches(".json").to_owned();
            let plain = |text: String| text.replace(&stem, "NAME");
            let left: Vec<_> = all(&*store).into_iter().map(|(path, content)| {
                (plain(path), plain(String::from_utf8(content).unwrap()))
            }).collect();
            (answered.map(|_| ()).map_err(|error| format!("{error:?}")), left)
        };
        let (answered, left) = post(step);
        prop_assert_eq!(answered.is_err(), left.is_empty());
        prop_assert_eq!((answered, left), post(content.len().max(1)));
    }
}

/// A store whose writing steps fail: from one on, or only one, before or after it was done.
struct Faulty {
    inner: Arc<dyn Store>,
    mode: Mode,
    step: usize,
    steps: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Crash,
    Fail,
    FailAfter,
}

impl Faulty {
    fn step<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        let failed = || Err(StoreError::Io(io::Error::other("the disk")));
        match self.mode {
            Mode::Crash if step >= self.step => failed(),
            Mode::Fail if step == self.step => failed(),
            Mode::FailAfter if step == self.step => act().and_then(|_| failed()),
            Mode::Crash | Mode::Fail | Mode::FailAfter => act(),
        }
    }
}

impl Store for Faulty {
    fn look(&self, path: &[u8], what: LookFor, wait: Wait) -> Result<Look, StoreError> {
        self.inner.look(path, what, wait)
    }

    fn open(&self, path: &[u8], coding: Option<Coding>, wait: Wait) -> Result<Opened, StoreError> {
        self.inner.open(path, coding, wait)
    }

    fn list(&self, path: &[u8], members_max: usize) -> Result<Listing, StoreError> {
        self.inner.list(path, members_max)
    }

    fn stage(&self, parent: &[u8], announced: Option<u64>) -> Result<Box<dyn Staged>, StoreError> {
        self.inner.stage(parent, announced)
    }

    fn replace(
        &self,
        path: &[u8],
        staged: Box<dyn Staged>,
        folders: CreateFolders,
        allow: &mut dyn FnMut(&Look) -> bool,
    ) -> Result<Written, StoreError> {
        self.step(|| self.inner.replace(path, staged, folders, allow))
    }

    fn create_member(
        &self,
        folder: &[u8],
        names: &mut dyn Iterator<Item = Vec<u8>>,
        staged: Box<dyn Staged>,
    ) -> Result<(Vec<u8>, FileInfo), StoreError> {
        self.step(|| self.inner.create_member(folder, names, staged))
    }

    fn remove(
        &self,
        path: &[u8],
        allow: &mut dyn FnMut(&Look) -> bool,
        before: &mut dyn FnMut() -> io::Result<()>,
    ) -> Result<Removed, StoreError> {
        self.step(|| self.inner.remove(path, allow, before))
    }

    fn generation(&self, path: &[u8]) -> u64 {
        self.inner.generation(path)
    }
}
