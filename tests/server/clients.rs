//! Clients that no one here wrote: curl, wget, aria2 and Chromium.
//!
//! Where a program is missing its test says so and passes, so that `cargo test` needs the Rust toolchain
//! alone; with `CI` set it fails, so that nothing is passed over unseen. On Debian they are the packages
//! curl, wget, aria2 and chromium.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::{Running, start};

/// A program with a home of its own, so that nobody's settings get in the way; none if it is missing and may
/// be.
pub(super) fn program(names: &[&str], home: &Path) -> Option<Command> {
    for name in names {
        match Command::new(name).arg("--version").output() {
            Ok(_) => {
                let mut command = Command::new(name);
                command.env("HOME", home).env("LC_ALL", "C").current_dir(home);
                for proxy in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"] {
                    command.env_remove(proxy);
                }
                return Some(command);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{name} can't be run: {error}"),
        }
    }
    assert!(std::env::var_os("CI").is_none(), "{} is not installed", names[0]);
    eprintln!("not tried, since it is not installed: {}", names[0]);
    None
}

/// Runs it to a good end; what it printed.
pub(super) fn run(mut command: Command, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } =
        command.args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {status}: {said}");
    String::from_utf8(stdout).unwrap()
}

fn url(server: &Running, path: &str) -> String {
    format!("http://{}/{path}", server.address)
}

/// Content of which no part is like another.
fn content(octets: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..octets).map(|_| next()).collect()
}

/// What `curl -w` writes at the end.
const CODE: &str = "%{response_code}";

/// Runs curl, without settings and quietly.
fn curl(home: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = program(&["curl"], home)?;
    // It is the first option that keeps settings away.
    command.args(["-q", "--silent", "--show-error", "--max-time", "30"]);
    Some(run(command, arguments))
}

#[test]
fn curl_gets_and_asks_for_the_head() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    server.file("file.txt", "here\n");
    let file = url(&server, "file.txt");
    let Some(got) = curl(home.path(), &[&file]) else { return };
    assert_eq!(got, "here\n");
    let head = curl(home.path(), &["--head", &file]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.to_lowercase().contains("\r\ncontent-length: 5\r\n"), "{head}");
    let missing = curl(home.path(), &["-o", "-", "-w", CODE, &url(&server, "missing")]).unwrap();
    assert!(missing.ends_with("404"), "{missing}");
    // Two on one connection.
    let both = curl(home.path(), &["-w", "%{num_connects};", &file, &file]).unwrap();
    assert_eq!(both, "here\n1;here\n0;");
}

#[test]
fn curl_resumes_a_download() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    let whole = content(1 << 20);
    server.file("large", &whole);
    let partial = home.path().join("large");
    fs::write(&partial, &whole[..400_000]).unwrap();
    let arguments = ["-C", "-", "-o", "large", "-w", CODE, &url(&server, "large")];
    let Some(code) = curl(home.path(), &arguments) else { return };
    assert_eq!(code, "206");
    assert!(fs::read(&partial).unwrap() == whole);
    assert!(server.log_line("/large").contains(" 206 648576 "));
    // Once it is whole there is nothing more to get, and curl knows that from the answer.
    assert_eq!(curl(home.path(), &arguments).unwrap(), "416");
    assert!(fs::read(&partial).unwrap() == whole);
}

#[test]
fn curl_decodes_what_is_encoded_for_it() {
    let (server, home) = (start(&["--compress"]), TempDir::new().unwrap());
    // One that is encoded whole, and one on its way.
    for octets in [30_000, 1_500_000] {
        let text = "some text, and more ".repeat(octets / 20);
        let name = format!("{octets}.txt");
        server.file(&name, &text);
        let file = url(&server, &name);
        let arguments = ["--compressed", "-o", "got", "-w", "%{size_download}", &file];
        let Some(size) = curl(home.path(), &arguments) else { return };
        assert!(fs::read_to_string(home.path().join("got")).unwrap() == text);
        let size: usize = size.parse().unwrap();
        assert!(size < octets / 10, "{size} octets went over the wire");
    }
}

#[test]
fn curl_uploads_a_file_and_a_pipe() {
    let (server, home) = (start(&["--writable"]), TempDir::new().unwrap());
    // Large enough for curl to wait to be invited.
    let whole = content(3 << 20);
    fs::write(home.path().join("file"), &whole).unwrap();
    let arguments = ["-T", "file", "-o", "answer", "-w", CODE, &url(&server, "uploaded")];
    let Some(code) = curl(home.path(), &arguments) else { return };
    assert_eq!(code, "201");
    assert!(server.read("uploaded") == whole);
    assert_eq!(curl(home.path(), &arguments).unwrap(), "204");

    let mut command = program(&["curl"], home.path()).unwrap();
    command.args(["-q", "-sS", "-T", "-", "-o", "answer", "-w", CODE, &url(&server, "piped")]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&whole).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "201");
    assert!(server.read("piped") == whole);

    let delete = ["-X", "DELETE", "-w", CODE, &url(&server, "piped")];
    assert_eq!(curl(home.path(), &delete).unwrap(), "204");
    let gone = ["-o", "answer", "-w", CODE, &url(&server, "piped")];
    assert_eq!(curl(home.path(), &gone).unwrap(), "410");
}

#[test]
fn curl_gets_only_what_is_newer() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    server.file("file", "here");
    let file = url(&server, "file");
    let first = ["-R", "-o", "copy", "--etag-save", "tag", "-w", CODE, &file];
    let Some(code) = curl(home.path(), &first) else { return };
    assert_eq!(code, "200");
    let by_date = ["-z", "copy", "-o", "again", "-w", CODE, &file];
    assert_eq!(curl(home.path(), &by_date).unwrap(), "304");
    let by_tag = ["--etag-compare", "tag", "-o", "again", "-w", CODE, &file];
    assert_eq!(curl(home.path(), &by_tag).unwrap(), "304");
    assert!(
        !home.path().join("again").exists()
            || fs::read(home.path().join("again")).unwrap().is_empty()
    );
    let by_old_date = ["-z", "Mon, 01 Jan 2001 00:00:00 GMT", "-o", "again", "-w", CODE, &file];
    assert_eq!(curl(home.path(), &by_old_date).unwrap(), "200");
    assert_eq!(fs::read(home.path().join("again")).unwrap(), b"here");
}

#[test]
fn curl_gets_ranges() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    server.file("file.txt", "0123456789");
    let file = url(&server, "file.txt");
    let Some(middle) = curl(home.path(), &["-r", "2-5", "-w", CODE, &file]) else { return };
    assert_eq!(middle, "2345206");
    assert_eq!(curl(home.path(), &["-r", "-3", "-w", CODE, &file]).unwrap(), "789206");
    let several = curl(home.path(), &["-r", "0-1,7-8", "-w", CODE, &file]).unwrap();
    assert!(several.ends_with("206") && several.contains("\r\n\r\n01\r\n--"), "{several}");
    assert!(several.to_lowercase().contains("content-range: bytes 7-8/10"), "{several}");
}

#[test]
fn wget_resumes_a_download() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    let whole = content(1 << 20);
    server.file("large", &whole);
    let partial = home.path().join("large");
    fs::write(&partial, &whole[..400_000]).unwrap();
    let Some(command) = program(&["wget"], home.path()) else { return };
    run(command, &["--no-config", "--tries=1", "--timeout=30", "-c", &url(&server, "large")]);
    assert!(fs::read(&partial).unwrap() == whole);
    assert!(server.log_line("/large").contains(" 206 648576 "));
}

#[test]
fn wget_mirrors_a_folder_by_its_listings() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    let names =
        ["plain.txt", "with space.txt", "100%.txt", "a&b;c.txt", "folder/höhe.txt", "folder/q?x=1"];
    for name in names {
        server.file(name, format!("content of {name}"));
    }
    let Some(command) = program(&["wget"], home.path()) else { return };
    let mirror = [
        "--no-config",
        "--tries=1",
        "--timeout=30",
        "--mirror",
        "--no-parent",
        "--no-host-directories",
        "--execute=robots=off",
        "--reject=index.html*",
        "--restrict-file-names=unix,nocontrol",
        "--local-encoding=UTF-8",
        "--remote-encoding=UTF-8",
        &url(&server, ""),
    ];
    run(command, &mirror);
    for name in names {
        let copy = fs::read_to_string(home.path().join(name));
        assert_eq!(copy.ok().as_deref(), Some(format!("content of {name}").as_str()), "{name}");
    }
    // A second time, everything is as it was.
    run(program(&["wget"], home.path()).unwrap(), &mirror);
    assert!(server.log_line("HTTP/1.1\" 304 ").contains(".txt"));
}

#[test]
fn aria2_gets_four_parts_at_once() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    let whole = content(8 << 20);
    server.file("large", &whole);
    let Some(command) = program(&["aria2c"], home.path()) else { return };
    let arguments = [
        "--no-conf",
        "-x4",
        "-s4",
        "-k1M",
        "--file-allocation=none",
        "--max-tries=1",
        "--timeout=30",
        "--allow-overwrite=true",
        "--dir=.",
        &url(&server, "large"),
    ];
    run(command, &arguments);
    assert!(fs::read(home.path().join("large")).unwrap() == whole);
    for _ in 0..2 {
        assert!(server.log_line(" 206 ").contains("/large"));
    }
}

/// The document as Chromium has understood it, once it is loaded, written out again.
pub(super) fn shown(home: &Path, url: &str) -> Option<String> {
    let mut command = program(&["chromium", "chromium-browser", "google-chrome"], home)?;
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    command.args(["--no-first-run", "--no-proxy-server", "--disable-background-networking"]);
    command.arg(format!("--user-data-dir={}", home.join("profile").display()));
    Some(run(command, &["--dump-dom", url]))
}

#[test]
fn chromium_shows_hostile_names_as_names() {
    let (server, home) = (start(&[]), TempDir::new().unwrap());
    let image = "<img src=x onerror=alert(1)>.txt";
    let script = "<script>document.title='forged'<&#x2f;script>";
    let quote = "\"'><b onmouseover=alert(1)>.txt";
    for name in [image, script, quote, "javascript:alert(1)"] {
        server.file(name, "here");
    }
    let Some(page) = shown(home.path(), &url(&server, "")) else { return };
    assert!(page.contains(">&lt;img src=x onerror=alert(1)&gt;.txt</a>"), "{page}");
    assert!(
        page.contains(">&lt;script&gt;document.title='forged'&lt;&amp;#x2f;script&gt;</a>"),
        "{page}"
    );
    assert!(page.contains(">\"'&gt;&lt;b onmouseover=alert(1)&gt;.txt</a>"), "{page}");
    for element in ["<img", "<script", "<b ", "href=\"javascript:"] {
        assert!(!page.contains(element), "{element} in {page}");
    }
    assert!(page.contains("<title>/</title>"), "{page}");
}
