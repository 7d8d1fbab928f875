//! An inbox on a disk: what is answered is there when the folder is opened anew, and what was not finished
//! is cleared.
#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use wherefore_decide::policy::inbox::{Format, InboxLimits};
use wherefore_message::date::HttpDate;
use wherefore_message::request::RequestBuf;
use wherefore_message::{Announced, FieldLines, Version};
use wherefore_origin::inbox::{Arrival, Cleared, Inbox, Submission};
use wherefore_store::{Access, FileStore, Options};

const FORM: &[u8] = b"--b\r\n\
    Content-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n--b\r\n\
    Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n\xff\xfe\r\n--b--\r\n";

#[test]
fn a_folder_keeps_what_was_taken_and_nothing_else() {
    let name = format!("wherefore-inbox-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    fs::create_dir(&folder.0).unwrap();

    let inbox = open(&folder);
    let mut submission = begin(&inbox);
    submission.receive(FORM).unwrap();
    let name = submission.finish().unwrap().name;
    let mut cut_off = begin(&inbox);
    cut_off.receive(&FORM[..FORM.len() - 4]).unwrap();
    // As a crash would have it: nobody cleans up.
    std::mem::forget(cut_off);
    let before = members(&folder);
    assert_eq!(before.len(), 4, "two folders, a document, a marker: {before:?}");
    assert_eq!(inbox.clear().unwrap(), Cleared { unfinished: 1, kept: 0 });
    assert_eq!(members(&folder).len(), 2);
    let text = fs::read(folder.0.join(&name)).unwrap();
    let document: Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(document["fields"]["text"][0], "hello");
    let path = document["files"][0]["path"].as_str().unwrap();
    assert_eq!(fs::read(folder.0.join(path)).unwrap(), b"\xff\xfe");
}

#[test]
fn leftovers_are_cleared_when_it_is_opened_anew() {
    let name = format!("wherefore-leftovers-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    let left = folder.0.join("19941106T084937Z-0123456789abcdef");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("a.bin"), "x").unwrap();
    fs::write(folder.0.join(".19941106T084937Z-0123456789abcdef.unfinished"), "").unwrap();
    let inbox = open(&folder);
    assert_eq!(inbox.clear().unwrap(), Cleared { unfinished: 1, kept: 0 });
    assert_eq!(members(&folder), [""; 0]);
}

fn open(folder: &Scratch) -> Inbox {
    let options = Options { access: Access::Writable, ..Options::default() };
    let store = FileStore::open(&folder.0, options).unwrap();
    Inbox::new(Arc::new(store))
}

fn begin(inbox: &Inbox) -> Submission {
    let fields = [("Content-Type", "multipart/form-data; boundary=b")];
    let fields: FieldLines = fields.into_iter().collect();
    let length = Announced::Length(FORM.len() as u64);
    let request = RequestBuf::new(Version::HTTP_11, b"POST", b"/", None, fields, length).unwrap();
    let request = request.view();
    let now = HttpDate::from_unix(784_111_777);
    let arrival = Arrival {
        request: &request,
        format: Format::FormData,
        limits: InboxLimits::default(),
        now,
        request_id: "id",
    };
    inbox.begin(&arrival).unwrap()
}

fn members(folder: &Scratch) -> Vec<String> {
    let entries = fs::read_dir(&folder.0).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
