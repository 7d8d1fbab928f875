//! The house rules that no compiler knows: which crate may use which, what a pure crate must not touch,
//! how long a file may be, what documents may claim.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use wherefore_decide::catalogue::find_rule;

/// Every crate of ours, with those of ours that it may use. A crate that is not here may use none.
const EDGES: &[(&str, &[&str])] = &[
    ("message", &[]),
    ("decide", &["message"]),
    ("h1", &["message"]),
    ("access", &["message"]),
    ("config", &["message", "decide", "gateway"]),
    ("store", &["message"]),
    ("state", &["message"]),
    ("coding", &["message"]),
    ("origin", &["coding", "decide", "store", "state", "message"]),
    ("gateway", &["coding", "decide", "h1", "message"]),
    ("upstream", &["message"]),
    ("ring", &[]),
    (
        "server",
        &[
            "access", "coding", "decide", "gateway", "h1", "message", "origin", "ring", "sockopt",
            "state", "store", "upstream",
        ],
    ),
    ("sockopt", &[]),
    (
        "wherefore",
        &[
            "access", "config", "decide", "gateway", "h1", "message", "origin", "server", "state",
            "store", "upstream",
        ],
    ),
    ("counts", &["decide", "h1", "message", "origin", "store"]),
    ("load", &[]),
];

/// The crates that hold what HTTP says, and the crates of others that each may use.
const PURE: &[(&str, &[&str])] = &[
    ("message", &[]),
    ("decide", &[]),
    ("h1", &[]),
    ("coding", &["brotli", "flate2", "zstd-safe"]),
    ("config", &["annotate-snippets", "toml"]),
    ("gateway", &["serde_json"]),
];

/// What a pure crate may not take from the standard library, and the words that would betray it.
const IMPURE_STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];
const IMPURE_WORDS: &[&str] =
    &["Instant", "SystemTime", "async", "await", "mio", "rustix", "socket2", "tokio"];

/// What HTTP calls something, and would be taken for one of those words.
const NAMES_OF_HTTP: &[&str] = &["respond-async"];

/// Crates of others that more than one of ours may use (apart from tests), each for a reason.
const SHARED: &[(&str, &str)] = &[
    ("rustix", "each crate that asks the operating system asks it itself"),
    (
        "serde_json",
        "JSON is what some files are patched in, and what tokens and their keys are made of",
    ),
    ("tokio", "sockets of clients and of upstreams are waited for on the same loop"),
];

const LINES_MAX: usize = 600;

/// Files that may be longer, up to where, and why.
const LONG: &[(&str, usize, &str)] = &[];

/// Tests that `cargo test` passes over, and why.
const IGNORED: &[(&str, &str)] = &[
    ("crates/state/tests/deliveries_kill.rs", "the process that another test starts, and kills"),
    ("crates/state/tests/kill.rs", "the process that another test starts, and kills"),
    ("crates/store/tests/kill.rs", "the process that another test starts, and kills"),
];

/// The crates in which `unsafe` may stand, and the file of each where it does.
const UNSAFE: &[(&str, &str)] = &[("ring", "kernel.rs"), ("sockopt", "call.rs")];

/// Licences that allow what ours do. One of an `OR` has to be here, and each of an `AND`.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// The statuses that this version sends: each is brought about on a real socket.
const ROWS: &[u16] = &[
    100, 101, 103, 200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 305, 307, 308, 400,
    401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426,
    428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507,
];

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for package in packages() {
        let allowed = EDGES.iter().find(|(name, _)| *name == package.name);
        let Some((_, allowed)) = allowed else {
            wrong.push(format!("{} is in no row of EDGES", package.name));
            continue;
        };
        for other in package.uses.iter().filter_map(|name| name.strip_prefix("wherefore-")) {
            if !allowed.contains(&other) {
                wrong.push(format!("{} may not use {other}", package.name));
            }
        }
    }
    none(&wrong);
}

#[test]
fn pure_crates_touch_nothing() {
    let mut wrong = Vec::new();
    for (name, allowed) in PURE {
        let package = packages().into_iter().find(|package| package.name == *name);
        let package = package.unwrap_or_else(|| panic!("{name} is gone"));
        for other in package.uses.iter().filter(|other| !other.starts_with("wherefore-")) {
            if !allowed.contains(&other.as_str()) {
                wrong.push(format!("{name} may not use {other}"));
            }
        }
        for file in files(&package.folder.join("src"), "rs") {
            let code = without_tests(&read(&file));
            wrong.extend(impure(&code).map(|what| format!("{} uses {what}", short(&file))));
        }
    }
    none(&wrong);
}

#[test]
fn impure_code_is_seen() {
    let seen = |code: &str| impure(code).collect::<Vec<_>>();
    assert_eq!(seen("use std::net::TcpStream;"), ["std::net"]);
    assert_eq!(seen("use std::{fmt, fs::File, net};"), ["std::fs", "std::net"]);
    assert_eq!(seen("fn now() -> Instant"), ["Instant"]);
    assert_eq!(seen("pub async fn f() { g().await }"), ["async", "await"]);
    assert_eq!(seen("use core::net::IpAddr; let async_ = \"fs\"; std::fmt"), [""; 0]);
    assert_eq!(seen("const A: &str = \"respond-async\";"), [""; 0]);
    let tested = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\nfn b() {}\n";
    assert_eq!(seen(&without_tests(tested)), [""; 0]);
    assert!(without_tests(tested).contains("fn b()"));
    assert!(!without_tests("// std::fs\nfn a() {} // std::net\n").contains("std"));
}

#[test]
fn a_crate_of_others_enters_in_one_place() {
    let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        for other in package.uses.iter().filter(|other| !other.starts_with("wherefore-")) {
            users.entry(other.clone()).or_default().insert(package.name.clone());
        }
    }
    let shared = |name: &str| SHARED.iter().any(|(shared, _)| *shared == name);
    let wrong: Vec<_> = users
        .iter()
        .filter(|(name, users)| users.len() > 1 && !shared(name))
        .map(|(name, users)| format!("{name} is used by {users:?}"))
        .collect();
    none(&wrong);
    for (name, _) in SHARED {
        assert!(users.get(*name).is_some_and(|users| users.len() > 1), "{name} is not shared");
    }
}

#[test]
fn files_are_short() {
    let mut wrong = Vec::new();
    for file in sources() {
        let (name, lines) = (short(&file), read(&file).lines().count());
        let exception = LONG.iter().find(|(long, ..)| *long == name);
        let most = exception.map_or(LINES_MAX, |(_, most, _)| *most);
        if lines > most {
            wrong.push(format!("{name} has {lines} lines, {most} are the most"));
        }
        if exception.is_some() && lines <= LINES_MAX {
            wrong.push(format!("{name} is short again: take it off the list"));
        }
    }
    none(&wrong);
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file does not name them.
    let marks = [["to", "do!"], ["unimple", "mented!"], ["FIX", "ME"], ["TO", "DO"], ["XX", "X:"]];
    let ignore = ["#[ig", "nore"].concat();
    let mut wrong = Vec::new();
    for file in sources() {
        let (name, text) = (short(&file), read(&file));
        for mark in marks.map(|mark| mark.concat()) {
            if text.contains(&mark) {
                wrong.push(format!("{name} says {mark}"));
            }
        }
        if text.contains(&ignore) && !IGNORED.iter().any(|(known, _)| *known == name) {
            wrong.push(format!("{name} has a test that is never run"));
        }
    }
    none(&wrong);
}

#[test]
fn unsafe_stands_where_it_is_known() {
    let mut wrong = Vec::new();
    for package in packages() {
        let src = package.folder.join("src");
        let root = [src.join("lib.rs"), src.join("main.rs")].into_iter().find(|root| root.exists());
        let root = root.unwrap_or_else(|| panic!("{} has no root file", package.name));
        let forbids = read(&root).contains("#![forbid(unsafe_code)]");
        let known = UNSAFE.iter().find(|(name, _)| *name == package.name);
        if forbids == known.is_some() {
            wrong.push(format!("{}: forbid(unsafe_code) and UNSAFE disagree", package.name));
        }
        let Some((_, place)) = known else { continue };
        for file in files(&src, "rs") {
            let code = read(&file);
            let unsafe_code = code.lines().any(|line| {
                let line = line.split("//").next().unwrap_or_default();
                line.split(|other: char| !other.is_alphanumeric() && other != '_')
                    .any(|w| w == "unsafe")
            });
            if unsafe_code != file.ends_with(place) {
                wrong.push(format!("{}: unsafe code stands in {place} alone", short(&file)));
            }
        }
    }
    none(&wrong);
}

#[test]
fn licences_allow_what_ours_do() {
    let host = host();
    let all = metadata(&["--offline", "--filter-platform", &host]);
    let mut wrong = Vec::new();
    for package in array(&all, "packages") {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        if !is_allowed(&licence) {
            wrong.push(format!("{name}: {licence:?}"));
        }
    }
    none(&wrong);
    for refused in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "(MIT OR Zlib) AND LGPL-2.1"] {
        assert!(!is_allowed(refused), "{refused}");
    }
    for allowed in ["MIT", "MIT/Apache-2.0", "GPL-2.0 OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0"] {
        assert!(is_allowed(allowed), "{allowed}");
    }
}

#[test]
fn documents_name_rules_that_there_are() {
    let mut wrong = Vec::new();
    for file in documents() {
        for id in rules_named(&read(&file)) {
            if find_rule(&id).is_none() {
                wrong.push(format!("{} names the rule {id}", short(&file)));
            }
        }
    }
    none(&wrong);
    let page = "see [`if-match`](docs/rules.md#if-match), the rule `slash`; because of part: x";
    assert_eq!(rules_named(page), ["if-match", "slash", "part"].map(str::to_owned).into());
}

#[test]
fn documents_lead_to_files_that_there_are() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for file in documents() {
        let page = read(&file);
        for (at, _) in page.match_indices("](") {
            let target = page[at + 2..].split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            links += 1;
            if !file.parent().is_some_and(|folder| folder.join(target).exists()) {
                wrong.push(format!("{} leads to {target}", short(&file)));
            }
        }
    }
    none(&wrong);
    assert!(links > 0, "no document has a link: they are not read");
}

#[test]
fn every_row_has_its_file() {
    let missing: Vec<_> = ROWS
        .iter()
        .map(|code| format!("tests/rows/status_{code}.rs"))
        .filter(|name| !root().join(name).exists())
        .collect();
    none(&missing);
    let main = read(&root().join("tests/rows/main.rs"));
    for code in ROWS {
        assert!(main.contains(&format!("mod status_{code};")), "{code} is not run");
    }
}

/// One of our crates.
struct Package {
    /// Its name without the prefix that all share.
    name: String,
    folder: PathBuf,
    /// What it uses, apart from tests.
    uses: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let all = metadata(&["--offline", "--no-deps"]);
    let packages: Vec<_> = array(&all, "packages")
        .iter()
        .map(|package| {
            let name = text(package, "name");
            let manifest = PathBuf::from(text(package, "manifest_path"));
            let uses = array(package, "dependencies")
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| text(dependency, "name"));
            Package {
                name: name.strip_prefix("wherefore-").unwrap_or(&name).to_owned(),
                folder: manifest.parent().map(Path::to_owned).unwrap_or_default(),
                uses: uses.collect(),
            }
        })
        .collect();
    assert_eq!(packages.len(), EDGES.len(), "a crate came or went: see EDGES");
    packages
}

fn metadata(arguments: &[&str]) -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let out = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version", "1"])
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

fn host() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let out = Command::new(rustc).arg("-vV").output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn array<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// Whether a licence expression can be met with allowed licences alone.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    top_level(&expression, " AND ").iter().all(|all| {
        let all = all.trim();
        let inner = all.strip_prefix('(').and_then(|all| all.strip_suffix(')'));
        let any = top_level(inner.unwrap_or(all), " OR ");
        any.iter().any(|one| LICENCES.contains(&one.trim()))
    })
}

/// The parts between the operators that stand in no brackets.
fn top_level<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, octet) in expression.bytes().enumerate() {
        match octet {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && expression[at..].starts_with(operator) => {
                parts.push(&expression[from..at]);
                from = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[from..]);
    parts
}

/// The rules that a page names: by a link to them, by the word "rule", or as an answer's reason.
fn rules_named(page: &str) -> BTreeSet<String> {
    let is_of_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ["rules.md#", "rule `", "because of "]
        .iter()
        .flat_map(|before| page.match_indices(before).map(|(at, found)| at + found.len()))
        .map(|at| page[at..].chars().take_while(|c| is_of_id(*c)).collect::<String>())
        .filter(|id| !id.is_empty())
        .collect()
}

/// What pure code may not name, as far as `code` names it.
fn impure(code: &str) -> impl Iterator<Item = String> {
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("std::") {
        let rest = &code[at + path.len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => group.split('}').next().unwrap_or_default().split(',').collect(),
            None => vec![rest],
        };
        let firsts = names.iter().filter_map(|name| words(name).next());
        found.extend(
            firsts.filter(|name| IMPURE_STD.contains(name)).map(|name| format!("std::{name}")),
        );
    }
    let code = NAMES_OF_HTTP.iter().fold(code.to_owned(), |code, name| code.replace(name, ""));
    found.extend(words(&code).filter(|word| IMPURE_WORDS.contains(word)).map(str::to_owned));
    found.into_iter()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// A file's code without comments, and without the modules that are compiled for tests alone.
fn without_tests(source: &str) -> String {
    let mut code = String::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            // An item at the margin ends with the next bracket at the margin, or on its own line.
            let is_block = lines.next().is_some_and(|item| item.ends_with('{'));
            if is_block {
                lines.by_ref().find(|line| *line == "}");
            }
            continue;
        }
        code.push_str(line.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn short(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every file of Rust that is ours.
fn sources() -> Vec<PathBuf> {
    let folders = ["src", "bench", "crates", "tests", "fuzz/fuzz_targets"];
    let sources: Vec<_> =
        folders.iter().flat_map(|folder| files(&root().join(folder), "rs")).collect();
    assert!(sources.len() > 100, "the sources are not where they were");
    sources
}

/// Every page that people read.
fn documents() -> Vec<PathBuf> {
    let mut pages = files(&root().join("docs"), "md");
    let beside = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(beside.filter(|path| path.extension().is_some_and(|ext| ext == "md")));
    assert!(pages.len() > 2, "the documents are not where they were");
    pages
}

/// The files below `folder` with this extension; none if there is no such folder.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|ext| ext == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n  {}\n", wrong.join("\n  "));
}
