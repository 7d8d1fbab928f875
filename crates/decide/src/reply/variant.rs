//! What an answer tells of negotiating: which variant it is, and by which fields another client may get another
//! one; or which variants there are.

use wherefore_message::alternative::{self, Alternative};
use wherefore_message::{Coding, FieldName, FieldSet, ResponseHead, Status, Value};

use crate::reply::Repeats;
use crate::variants::Variant;
use crate::variants::follow::Alone;

/// What is told of negotiating.
#[derive(Clone, Debug)]
pub struct Told {
    /// The fields of the request that had a part in it.
    pub vary: FieldSet,
    /// The variant that was chosen, if one was.
    pub sent: Option<SentVariant>,
    /// The variants that can be asked for by their own paths.
    pub alternatives: Vec<Alternative>,
}

/// The variant that was chosen.
#[derive(Clone, Debug)]
pub struct SentVariant {
    /// Its media type.
    pub media_type: Box<str>,
    /// Its languages, as a field's value.
    pub languages: Option<Box<str>>,
    /// Its content coding.
    pub coding: Option<Coding>,
    /// The path under which it alone stands, encoded; none where there is none.
    pub location: Option<Box<str>>,
}

impl SentVariant {
    /// This variant, and whether it stands alone too.
    #[must_use]
    pub fn new(variant: &Variant<'_>, alone: Alone) -> Self {
        let languages: Vec<_> = variant.languages.iter().map(|tag| tag.to_string()).collect();
        Self {
            media_type: variant.media_type.into(),
            languages: (!languages.is_empty()).then(|| languages.join(", ").into()),
            coding: variant.coding,
            location: (alone == Alone::Yes).then(|| variant.reference.encoded().into()),
        }
    }
}

/// Adds to a finished head what is told of negotiating.
pub fn tell(told: &Told, repeats: Repeats, head: &mut ResponseHead) {
    vary(told.vary, head);
    let Some(sent) = &told.sent else { return };
    let is_sent = matches!(head.status, Status::OK | Status::PARTIAL_CONTENT);
    // A 304 says which one the client has (RFC 9110 §15.4.5).
    if let Some(location) = &sent.location
        && (is_sent || head.status == Status::NOT_MODIFIED)
    {
        head.set(FieldName::ContentLocation, Value::Text(location.clone()));
    }
    if !is_sent {
        return;
    }
    // The type of several parts is that of none of them.
    let parts = head.value(FieldName::ContentType).is_some_and(is_of_parts);
    if !parts {
        head.set(FieldName::ContentType, Value::Text(sent.media_type.clone()));
    }
    if let Some(coding) = sent.coding {
        head.set(FieldName::ContentEncoding, Value::Static(coding.name()));
    }
    if let (Some(languages), Repeats::All) = (&sent.languages, repeats) {
        head.set(FieldName::ContentLanguage, Value::Text(languages.clone()));
    }
}

fn is_of_parts(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.starts_with("multipart/byteranges"))
}

/// Adds these fields to those by which answers differ already.
fn vary(fields: FieldSet, head: &mut ResponseHead) {
    let mut all = fields;
    for name in [FieldName::Accept, FieldName::AcceptEncoding, FieldName::AcceptLanguage] {
        let is_named = |value: &Value| value.to_string() == name.as_str();
        if head.value(FieldName::Vary).is_some_and(is_named) {
            all.insert(name);
        }
    }
    let has = |name| all.has(name);
    let (accept, coding) = (has(FieldName::Accept), has(FieldName::AcceptEncoding));
    let value = match (accept, coding, has(FieldName::AcceptLanguage)) {
        (false, false, false) => return,
        (true, false, false) => "Accept",
        (false, true, false) => "Accept-Encoding",
        (false, false, true) => "Accept-Language",
        (true, true, false) => "Accept, Accept-Encoding",
        (true, false, true) => "Accept, Accept-Language",
        (false, true, true) => "Accept-Encoding, Accept-Language",
        (true, true, true) => "Accept, Accept-Encoding, Accept-Language",
    };
    head.set(FieldName::Vary, Value::Static(value));
}

/// Adds the alternatives as links, as far as there are some.
pub(super) fn link(alternatives: &[Alternative], head: &mut ResponseHead) {
    if let Some(links) = alternative::links(alternatives) {
        head.push(FieldName::Link, Value::Text(links.into()));
    }
}

/// The answer that leaves the choice to a program: the list in JSON.
pub(super) fn choices(
    alternatives: &[Alternative],
    request_id: &str,
    head: &mut ResponseHead,
) -> String {
    head.push(FieldName::ContentType, Value::Static("application/json"));
    head.push(FieldName::Vary, Value::Static("Accept"));
    head.push(FieldName::XContentTypeOptions, Value::Static("nosniff"));
    head.push(FieldName::RequestId, Value::Text(request_id.into()));
    link(alternatives, head);
    alternative::to_json(alternatives)
}

#[cfg(test)]
mod tests {
    use wherefore_message::alternative::Reference;
    use wherefore_message::language::LanguageTag;

    use super::*;
    use crate::variants::Languages;

    fn told(alone: Alone) -> Told {
        let tag = |text: &'static str| LanguageTag::parse(text.as_bytes()).unwrap();
        let languages = Languages::NONE.with(tag("de")).unwrap().with(tag("fr")).unwrap();
        let variant = Variant {
            reference: Reference::Member(b"a b.html"),
            media_type: "text/html",
            languages,
            coding: Some(Coding::Gzip),
            source_quality: 1000,
            place: 0,
            length: None,
        };
        Told {
            vary: FieldSet::of(&[FieldName::AcceptLanguage]),
            sent: Some(SentVariant::new(&variant, alone)),
            alternatives: Vec::new(),
        }
    }

    /// The fields, a line each, of an answer that had these.
    fn fields(
        status: Status,
        had: &[(FieldName, Value)],
        alone: Alone,
        repeats: Repeats,
    ) -> Vec<String> {
        let mut head = ResponseHead::new(status);
        had.iter().for_each(|(name, value)| head.push(*name, value.clone()));
        tell(&told(alone), repeats, &mut head);
        let mut lines: Vec<_> =
            head.fields().map(|(name, value)| format!("{name}: {value}")).collect();
        lines.sort();
        lines
    }

    #[test]
    fn what_each_status_tells() {
        let whole = [
            "Content-Encoding: gzip",
            "Content-Language: de, fr",
            "Content-Location: a%20b.html",
            "Content-Type: text/html",
            "Vary: Accept-Language",
        ];
        assert_eq!(fields(Status::OK, &[], Alone::Yes, Repeats::All), whole);
        let mut rest = whole.to_vec();
        rest.remove(1);
        assert_eq!(fields(Status::PARTIAL_CONTENT, &[], Alone::Yes, Repeats::Required), rest);
        let mut unnamed = whole.to_vec();
        unnamed.remove(2);
        assert_eq!(fields(Status::OK, &[], Alone::No, Repeats::All), unnamed);
        assert_eq!(
            fields(Status::NOT_MODIFIED, &[], Alone::Yes, Repeats::All),
            ["Content-Location: a%20b.html", "Vary: Accept-Language"]
        );
        let explained = [(FieldName::Vary, Value::Static("Accept"))];
        assert_eq!(
            fields(Status::RANGE_NOT_SATISFIABLE, &explained, Alone::Yes, Repeats::All),
            ["Vary: Accept, Accept-Language"]
        );
        let parts = Value::Text("multipart/byteranges; boundary=x".into());
        let had =
            [(FieldName::ContentType, parts), (FieldName::Vary, Value::Static("Accept-Encoding"))];
        let lines = fields(Status::PARTIAL_CONTENT, &had, Alone::Yes, Repeats::Required);
        assert!(lines.iter().any(|line| line.starts_with("Content-Type: multipart/")), "{lines:?}");
        assert!(lines.contains(&"Vary: Accept-Encoding, Accept-Language".to_owned()));
    }

    #[test]
    fn nothing_is_told_where_nothing_was_asked() {
        let told = Told { vary: FieldSet::EMPTY, sent: None, alternatives: Vec::new() };
        let mut head = ResponseHead::new(Status::NOT_FOUND);
        tell(&told, Repeats::All, &mut head);
        assert_eq!(head.fields().count(), 0);
    }
}
