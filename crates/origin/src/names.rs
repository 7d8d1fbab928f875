//! Names for what is posted to a folder.

use std::hash::{BuildHasher, Hasher, RandomState};

use wherefore_message::media::MediaType;
use wherefore_message::slug::name_from_slug;
use wherefore_message::{FieldName, Request};

use crate::find::unix_now;

/// How many names are tried before a POST is given up.
const NAMES_MAX: usize = 16;

/// The names to try: what `Slug` asks for, if that is safe, and then made ones.
pub(crate) fn candidates(request: &Request<'_>) -> Vec<Vec<u8>> {
    let media = request.fields.only(FieldName::ContentType).and_then(MediaType::parse);
    let extension = media.and_then(|media| extension(&media)).unwrap_or("");
    let asked = request
        .fields
        .only(FieldName::Slug)
        .and_then(name_from_slug)
        .map(|name| if name.contains('.') { name } else { format!("{name}{extension}") });
    let random = RandomState::new();
    let made = (0..NAMES_MAX).map(|i| {
        let mut hasher = random.build_hasher();
        hasher.write_usize(i);
        format!("{:x}-{:016x}{extension}", unix_now(), hasher.finish())
    });
    asked.into_iter().chain(made).map(String::into_bytes).collect()
}

const EXTENSIONS: &[(&str, &str)] = &[
    ("application/gzip", ".gz"),
    ("application/json", ".json"),
    ("application/pdf", ".pdf"),
    ("application/xml", ".xml"),
    ("application/zip", ".zip"),
    ("audio/mpeg", ".mp3"),
    ("audio/ogg", ".ogg"),
    ("image/avif", ".avif"),
    ("image/gif", ".gif"),
    ("image/jpeg", ".jpg"),
    ("image/png", ".png"),
    ("image/svg+xml", ".svg"),
    ("image/webp", ".webp"),
    ("text/css", ".css"),
    ("text/csv", ".csv"),
    ("text/html", ".html"),
    ("text/javascript", ".js"),
    ("text/markdown", ".md"),
    ("text/plain", ".txt"),
    ("video/mp4", ".mp4"),
    ("video/webm", ".webm"),
];

pub(crate) fn extension(media: &MediaType<'_>) -> Option<&'static str> {
    EXTENSIONS.iter().find(|(name, _)| media.is(name)).map(|(_, extension)| *extension)
}
