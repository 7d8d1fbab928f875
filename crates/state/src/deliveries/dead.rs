//! Dead letters: what was given up, as files for whoever runs the server. A delivery's head is the file that ends
//! with `.head`, its content the one that ends with `.content`; the head is there only when the content is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use wherefore_message::date::HttpDate;

use super::delivery::{Content, Delivery, DeliveryId};
use super::retry::{End, Finished};
use crate::StateError;

/// Writes the letter of a delivery that is given up. It is on the disk when this returns. Written again, it takes its
/// own place.
///
/// # Errors
/// [`io::ErrorKind::QuotaExceeded`] if as many as may be are there, and what the system says.
pub(super) fn write(
    folder: &Path,
    delivery: &Delivery,
    finished: &Finished,
    letters_max: usize,
) -> Result<(), StateError> {
    let (head, content) = paths(folder, delivery.id);
    let mut letters = 0;
    for entry in fs::read_dir(folder).map_err(StateError::io(folder))? {
        let path = entry.map_err(StateError::io(folder))?.path();
        letters += usize::from(path.extension().is_some_and(|end| end == "head") && path != head);
    }
    if letters >= letters_max {
        let error =
            io::Error::new(io::ErrorKind::QuotaExceeded, "as many letters as may be are here");
        return Err(StateError::io(folder)(error));
    }
    match &delivery.content {
        Content::Inline(octets) => put(&content, |file| file.write_all(octets))?,
        Content::File { path, .. } => match File::open(path) {
            Ok(mut from) => put(&content, |file| io::copy(&mut from, file).map(drop))?,
            // Its being gone may be why it is given up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(StateError::io(path)(error)),
        },
    }
    let written = head_of(delivery, finished);
    put(&head, |file| file.write_all(&written))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(StateError::io(folder))
}

/// Takes back the letter of a delivery that was delivered after all: a crash stood between the two.
pub(super) fn take_back(folder: &Path, id: DeliveryId) {
    let (head, content) = paths(folder, id);
    // There is seldom one; where it stays, it tells of a delivery that was tried once more.
    let _ = (fs::remove_file(head), fs::remove_file(content));
}

fn paths(folder: &Path, id: DeliveryId) -> (PathBuf, PathBuf) {
    (folder.join(format!("{id}.head")), folder.join(format!("{id}.content")))
}

/// Writes a file under another name first: one that has its name is whole.
fn put(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), StateError> {
    let begun = path.with_extension("new");
    let put = || {
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&begun)?;
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&begun, path)
    };
    put().map_err(StateError::io(path))
}

/// Why and when, in lines that begin with `#`; then what would have been sent.
fn head_of(delivery: &Delivery, finished: &Finished) -> Vec<u8> {
    let Delivery { id, request, accepted_at, .. } = delivery;
    let date = |seconds| HttpDate::from_unix(seconds).to_timestamp();
    let mut out = format!("# delivery {id} to ").into_bytes();
    push_plain(request.destination.as_bytes(), &mut out);
    out.push(b'\n');
    out.extend(format!("# accepted {}\n", date(accepted_at.seconds())).into_bytes());
    if let End::Failed { why, tries } = finished.end {
        let at = date(finished.at.seconds());
        out.extend(format!("# given up {at} after {tries} tries: {why}\n").into_bytes());
    }
    push_plain(request.method.as_bytes(), &mut out);
    out.push(b' ');
    push_plain(&request.target, &mut out);
    out.extend_from_slice(b" HTTP/1.1\n");
    let key = delivery.idempotency_key();
    let own: (&[u8], &[u8]) = (b"Idempotency-Key", &key);
    let fields = request.fields.iter().map(|(name, value)| (&**name, &**value));
    for (name, value) in fields.chain([own]) {
        push_plain(name, &mut out);
        out.extend_from_slice(b": ");
        push_plain(value, &mut out);
        out.push(b'\n');
    }
    out
}

/// Without anything that would begin a line.
fn push_plain(octets: &[u8], out: &mut Vec<u8>) {
    out.extend(
        octets.iter().map(|octet| if matches!(octet, 0..=31 | 127) { b' ' } else { *octet }),
    );
}
