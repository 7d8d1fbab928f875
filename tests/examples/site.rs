//! The example site: every link on it leads where its text says, and what is stored twice is the same twice.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{self, Running};

fn site() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/site")
}

/// What the links of the front page are answered with.
const LINKS: &[(&str, u16, &str)] = &[
    ("mark.svg", 200, "image/svg+xml"),
    ("style.css", 200, "text/css"),
    ("notes/", 200, "text/html"),
    ("notes", 301, "text/plain"),
    ("guide/preconditions.txt", 200, "text/plain"),
    ("data.json", 200, "application/json"),
    (".well-known/security.txt", 200, "text/plain"),
    ("no-such-page", 404, "application/problem+json"),
    (".private", 403, "application/problem+json"),
    ("a%2Fb", 404, "application/problem+json"),
    ("%zz", 400, "application/problem+json"),
];

#[test]
fn links_lead_where_the_page_says() {
    let page = fs::read_to_string(site().join("index.html")).unwrap();
    let mut linked: Vec<&str> = page
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|link| !link.starts_with('#'))
        .collect();
    linked.sort_unstable();
    let mut known: Vec<&str> = LINKS.iter().map(|(link, ..)| *link).collect();
    known.sort_unstable();
    assert_eq!(linked, known);

    let server = Running::over(&site(), &[]);
    for (link, status, media_type) in LINKS {
        let reply = server.ask(&format!("GET /{link} HTTP/1.1\nHost: localhost\n\n"));
        assert_eq!(reply.status, *status, "{link}");
        let content_type = reply.field("content-type").unwrap_or_default();
        assert!(content_type.starts_with(media_type), "{link} is {content_type}");
    }
}

#[test]
fn a_folder_without_an_index_is_listed_with_names_encoded() {
    let server = Running::over(&site(), &[]);
    let listing = server.ask("GET /notes/ HTTP/1.1\nHost: localhost\n\n");
    let page = String::from_utf8(listing.content).unwrap();
    let name = "caf%C3%A9%20au%20lait.txt";
    assert!(page.contains(name), "{page}");
    let note = server.ask(&format!("GET /notes/{name} HTTP/1.1\nHost: localhost\n\n"));
    assert_eq!(note.content, fs::read(site().join("notes/café au lait.txt")).unwrap());
}

#[test]
fn the_text_is_sent_in_gzip_to_whoever_takes_it() {
    // A checkout may leave the two files in any order of time, so that here they are written in order.
    let server = support::start(&[]);
    let text = fs::read(site().join("guide/preconditions.txt")).unwrap();
    let coded = fs::read(site().join("guide/preconditions.txt.gz")).unwrap();
    server.file("text.txt", &text);
    server.file("text.txt.gz", &coded);
    let ask = |coding: &str| {
        let fields = format!("Host: localhost\nAccept-Encoding: {coding}\n");
        server.ask(&format!("GET /text.txt HTTP/1.1\n{fields}\n"))
    };
    let plain = ask("identity");
    assert_eq!(plain.field("content-encoding"), None);
    assert_eq!(plain.content, text);
    let gzip = ask("gzip");
    assert_eq!(gzip.field("content-encoding"), Some("gzip"));
    assert_eq!(gzip.content, coded);
}

/// A gzip member ends with the CRC and the length of what it holds (RFC 1952, section 2.3.1): enough to
/// see whether the text was changed without its coding.
#[test]
fn the_stored_coding_is_of_the_text_beside_it() {
    let text = fs::read(site().join("guide/preconditions.txt")).unwrap();
    let coded = fs::read(site().join("guide/preconditions.txt.gz")).unwrap();
    let (head, tail) = (&coded[..3], &coded[coded.len() - 8..]);
    assert_eq!(head, [0x1f, 0x8b, 8]);
    let length = u32::try_from(text.len()).unwrap();
    assert_eq!(tail, [crc_32(&text).to_le_bytes(), length.to_le_bytes()].concat());
    assert_eq!(crc_32(b"123456789"), 0xcbf4_3926);
}

fn crc_32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}
