//! Media ranges as operators write them.

use super::MediaType;

/// A media range without parameters (RFC 9110 §12.5.1): `text/html`, `text/*`, or `*/*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRange {
    /// In lower case; none for `*`.
    main: Option<String>,
    sub: Option<String>,
}

impl TypeRange {
    /// Reads a range; none if it is anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let range = MediaType::parse(text.as_bytes())?;
        let part = |octets: &[u8]| match octets {
            b"*" => Some(None),
            _ if octets.contains(&b'*') => None,
            _ => Some(Some(String::from_utf8_lossy(octets).to_ascii_lowercase())),
        };
        let (main, sub) = (part(range.main)?, part(range.sub)?);
        let is_whole = !text.contains(';') && text.trim() == text;
        (is_whole && (main.is_some() || sub.is_none())).then_some(Self { main, sub })
    }

    /// Whether `media_type` is in it, whatever its parameters.
    #[must_use]
    pub fn covers(&self, media_type: &MediaType<'_>) -> bool {
        let is = |wanted: &Option<String>, held: &[u8]| {
            wanted.as_ref().is_none_or(|wanted| held.eq_ignore_ascii_case(wanted.as_bytes()))
        };
        is(&self.main, media_type.main) && is(&self.sub, media_type.sub)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_range_covers() {
        let covers = |range: &str, media_type: &str| {
            let media_type = MediaType::parse(media_type.as_bytes()).unwrap();
            TypeRange::parse(range).unwrap().covers(&media_type)
        };
        assert!(covers("image/*", "IMAGE/bmp") && covers("Application/PDF", "application/pdf;a=b"));
        assert!(covers("*/*", "video/mp4"));
        assert!(!covers("image/*", "text/html") && !covers("text/html", "text/plain"));
    }

    #[test]
    fn what_is_no_range() {
        for wrong in
            ["", "text", "*", "*/html", "te*/html", "text/h*", "text/*;q=1", "text/html;", " a/b"]
        {
            assert!(TypeRange::parse(wrong).is_none(), "{wrong}");
        }
    }
}
