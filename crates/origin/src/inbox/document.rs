//! The document of a submission.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wherefore_message::escape;
use wherefore_message::form::{FormFault, FormFaultKind};

use super::Arrival;

/// What is said of a submission.
pub(super) struct Document {
    /// The members that are known from the head, written.
    head: String,
    fields: Map<String, Value>,
    files: Vec<FileEntry>,
    /// The JSON that was posted, as it was written.
    content: Option<String>,
}

/// What is said of a posted file.
pub(super) struct FileEntry {
    /// The name of the form's field; none if the file is all that was posted.
    pub(super) field: Option<String>,
    /// The name that the client has for it.
    pub(super) file_name: Option<String>,
    /// The media type that the client says it has.
    pub(super) media_type: Option<String>,
    /// Its length in octets.
    pub(super) octets: u64,
    /// Where it stands, from the inbox on.
    pub(super) path: String,
}

impl Document {
    pub(super) fn new(arrival: &Arrival<'_>, media_type: &str) -> Self {
        let mut head = String::from("{\"received\":");
        escape::json(&arrival.now.to_timestamp(), &mut head);
        head.push_str(",\"request\":");
        escape::json(arrival.request_id, &mut head);
        head.push_str(",\"type\":");
        // The boundary of a form means nothing any more.
        escape::json(media_type.split(';').next().unwrap_or_default().trim(), &mut head);
        Self { head, fields: Map::new(), files: Vec::new(), content: None }
    }

    /// Adds a value to the field `name`, which may have several.
    pub(super) fn add_field(&mut self, name: String, value: String) {
        let values = self.fields.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(Value::String(value));
        }
    }

    pub(super) fn add_file(&mut self, file: FileEntry) {
        self.files.push(file);
    }

    pub(super) fn set_content(&mut self, content: &RawValue) {
        self.content = Some(content.get().to_owned());
    }

    pub(super) fn to_json(&self) -> String {
        let mut out = self.head.clone();
        if let Some(content) = &self.content {
            out.push_str(",\"content\":");
            out.push_str(content);
        } else {
            out.push_str(",\"fields\":");
            push_fields(&self.fields, &mut out);
            out.push_str(",\"files\":[");
            for (i, file) in self.files.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                file.push(&mut out);
            }
            out.push(']');
        }
        out.push_str("}\n");
        out
    }
}

fn push_fields(fields: &Map<String, Value>, out: &mut String) {
    out.push('{');
    for (i, (name, values)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        escape::json(name, out);
        out.push_str(":[");
        let texts = values.as_array().into_iter().flatten().filter_map(Value::as_str);
        for (i, text) in texts.enumerate() {
            if i > 0 {
                out.push(',');
            }
            escape::json(text, out);
        }
        out.push(']');
    }
    out.push('}');
}

impl FileEntry {
    fn push(&self, out: &mut String) {
        out.push('{');
        for (name, text) in [
            ("field", &self.field),
            ("filename", &self.file_name),
            ("type", &self.media_type),
            ("path", &Some(self.path.clone())),
        ] {
            if let Some(text) = text {
                escape::json(name, out);
                out.push(':');
                escape::json(text, out);
                out.push(',');
            }
        }
        out.push_str("\"octets\":");
        out.push_str(&self.octets.to_string());
        out.push('}');
    }
}

/// Where content is not one JSON value. The parser counts lines from 1, and octets in them.
pub(super) fn json_fault(content: &[u8], error: &serde_json::Error) -> FormFault {
    let before = error.line().saturating_sub(1);
    let lines = content.split_inclusive(|octet| *octet == b'\n');
    let line_at: usize = lines.take(before).map(<[u8]>::len).sum();
    let at = line_at + error.column().saturating_sub(usize::from(!error.is_eof()));
    FormFault::new(FormFaultKind::Json, at.min(content.len()) as u64)
}
