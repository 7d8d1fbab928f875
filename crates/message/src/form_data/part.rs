//! The head of a part: which field of the form it is, and what its content is (RFC 7578 §4).

use crate::form::{FormFault, FormFaultKind};
use crate::media::MediaType;
use crate::token::{is_token_octet, is_value_octet, trim};

/// What the head of a part says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartHead {
    /// The name of the field that it is; may be empty, and may come again.
    pub name: String,
    /// The name of the file that it is, as the client has it: it may be a path, or empty. None for a field
    /// that is no file.
    pub file_name: Option<String>,
    /// The media type that its content is said to have.
    pub media_type: Option<String>,
}

/// Reads a head, its empty line included, that stands `at` octets into the form.
pub(super) fn read(head: &[u8], at: u64, name_bytes_max: usize) -> Result<PartHead, FormFault> {
    let (mut disposition, mut media_type, mut coding) = (None, None, None);
    let mut line_at = at;
    for line in head.split(|octet| *octet == b'\n') {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if !text.is_empty() {
            let field = Field::read(text, line_at)?;
            let held = if field.is("content-disposition") {
                Some(&mut disposition)
            } else if field.is("content-type") {
                Some(&mut media_type)
            } else if field.is("content-transfer-encoding") {
                Some(&mut coding)
            } else {
                // RFC 7578 §4.8 has all others ignored.
                None
            };
            if held.is_some_and(|held| held.replace(field).is_some()) {
                return Err(FormFault::new(FormFaultKind::PartFieldRepeated, line_at));
            }
        }
        line_at += line.len() as u64 + 1;
    }
    if let Some(field) = coding.filter(|field| !is_identity(field.value)) {
        return Err(field.fault(FormFaultKind::PartCoding));
    }
    let disposition = disposition.ok_or(FormFault::new(FormFaultKind::DispositionMissing, at))?;
    let (name, file_name) = names(&disposition, name_bytes_max)?;
    Ok(PartHead { name, file_name, media_type: media_type.map(|field| field.media()).transpose()? })
}

/// The encodings that change nothing (RFC 2045 §6.2).
fn is_identity(value: &[u8]) -> bool {
    ["7bit", "8bit", "binary"].iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
}

/// A field line, read in place.
#[derive(Clone, Copy)]
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Where the value stands in the form.
    at: u64,
}

impl<'a> Field<'a> {
    fn read(line: &'a [u8], at: u64) -> Result<Self, FormFault> {
        let fault = |kind, i: usize| FormFault::new(kind, at + i as u64);
        if matches!(line, [b' ' | b'\t', ..]) {
            return Err(fault(FormFaultKind::PartFieldFolded, 0));
        }
        let end = line.iter().take_while(|octet| is_token_octet(**octet)).count();
        let (name, rest) = line.split_at_checked(end).unwrap_or_default();
        let [b':', written @ ..] = rest else {
            return Err(fault(FormFaultKind::PartFieldName, end));
        };
        if name.is_empty() {
            return Err(fault(FormFaultKind::PartFieldName, 0));
        }
        if let Some(i) = written.iter().position(|octet| !is_value_octet(*octet)) {
            return Err(fault(FormFaultKind::PartFieldOctet, end + 1 + i));
        }
        let spaces = written.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
        Ok(Self { name, value: trim(written), at: at + (end + 1 + spaces) as u64 })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    fn media(&self) -> Result<String, FormFault> {
        let is_media = MediaType::parse(self.value).is_some();
        let text = str::from_utf8(self.value).ok().filter(|_| is_media);
        text.map(str::to_owned).ok_or(self.fault(FormFaultKind::PartType))
    }

    fn fault(&self, kind: FormFaultKind) -> FormFault {
        FormFault::new(kind, self.at)
    }
}

/// The name and the file name that a `Content-Disposition` has.
fn names(field: &Field<'_>, bytes_max: usize) -> Result<(String, Option<String>), FormFault> {
    let (mut name, mut file_name) = (None, None);
    let mut cursor = Cursor { text: field.value, i: 0, at: field.at };
    if !cursor.token().eq_ignore_ascii_case(b"form-data") {
        return Err(field.fault(FormFaultKind::DispositionSyntax));
    }
    while let Some((parameter, at)) = cursor.parameter_name()? {
        let value_at = cursor.here();
        let value = cursor.value()?;
        let held = if parameter.eq_ignore_ascii_case(b"name") {
            &mut name
        } else if parameter.eq_ignore_ascii_case(b"filename") {
            &mut file_name
        } else if parameter.eq_ignore_ascii_case(b"filename*") {
            return Err(FormFault::new(FormFaultKind::FileNameExtended, at));
        } else {
            continue;
        };
        let fault = |kind| FormFault::new(kind, value_at);
        if value.len() > bytes_max {
            return Err(fault(FormFaultKind::NameTooLong));
        }
        let text = String::from_utf8(value).map_err(|_| fault(FormFaultKind::NameText))?;
        if held.replace(text).is_some() {
            return Err(FormFault::new(FormFaultKind::ParameterRepeated, at));
        }
    }
    let name = name.ok_or(field.fault(FormFaultKind::NameMissing))?;
    Ok((name, file_name))
}

/// A reader of parameters.
struct Cursor<'a> {
    text: &'a [u8],
    i: usize,
    /// Where `text` stands in the form.
    at: u64,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        self.text.get(self.i..).unwrap_or_default()
    }

    fn here(&self) -> u64 {
        self.at + self.i as u64
    }

    fn token(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().take_while(|octet| is_token_octet(**octet)).count();
        self.i += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Passes over what stands between two parameters, and over the next one's name with its `=`; none at
    /// the end.
    fn parameter_name(&mut self) -> Result<Option<(&'a [u8], u64)>, FormFault> {
        let mut is_apart = false;
        while let [octet @ (b' ' | b'\t' | b';'), ..] = self.rest() {
            is_apart |= *octet == b';';
            self.i += 1;
        }
        if self.rest().is_empty() {
            return Ok(None);
        }
        let (at, name) = (self.here(), self.token());
        if !is_apart || name.is_empty() || self.rest().first() != Some(&b'=') {
            return Err(self.fault());
        }
        self.i += 1;
        Ok(Some((name, at)))
    }

    /// A token, or a quoted string with both sorts of escapes taken off.
    fn value(&mut self) -> Result<Vec<u8>, FormFault> {
        let [b'"', ..] = self.rest() else {
            let token = self.token();
            return if token.is_empty() { Err(self.fault()) } else { Ok(token.to_vec()) };
        };
        self.i += 1;
        let mut value = Vec::new();
        loop {
            let (octet, length) = match self.rest() {
                [] => return Err(self.fault()),
                [b'"', ..] => break,
                // Clients that send a path of Windows don't escape its backslashes.
                [b'\\', octet @ (b'"' | b'\\'), ..] => (*octet, 2),
                // These three, and only these, browsers escape with a percent sign; they leave the sign
                // itself as it is.
                [b'%', b'2', b'2', ..] => (b'"', 3),
                [b'%', b'0', b'A' | b'a', ..] => (b'\n', 3),
                [b'%', b'0', b'D' | b'd', ..] => (b'\r', 3),
                [octet, ..] => (*octet, 1),
            };
            value.push(octet);
            self.i += length;
        }
        self.i += 1;
        Ok(value)
    }

    fn fault(&self) -> FormFault {
        FormFault::new(FormFaultKind::DispositionSyntax, self.here())
    }
}
