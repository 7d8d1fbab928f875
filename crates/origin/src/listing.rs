//! The list of a folder's members, for people and for programs. Every name is escaped.

use std::fmt::Write as _;

use wherefore_decide::choose::ListingForm;
use wherefore_message::date::HttpDate;
use wherefore_message::escape;
use wherefore_message::path::{Path, encode_segment};
use wherefore_store::{Listing, Member, MemberKind};

/// Dot-files are not served, so they are not listed.
fn shown(listing: &Listing) -> impl Iterator<Item = &Member> {
    listing.members.iter().filter(|member| !member.name.starts_with(b"."))
}

pub(crate) fn render(path: Path<'_>, listing: &Listing, form: ListingForm) -> String {
    match form {
        ListingForm::Html => html(path, listing),
        ListingForm::Json => json(path, listing),
    }
}

fn html(path: Path<'_>, listing: &Listing) -> String {
    let name = String::from_utf8_lossy(path.bytes()).into_owned();
    let title = escape::html(&name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<table>\n\
         <thead><tr><th scope=\"col\">Name</th><th scope=\"col\">Size</th>\
         <th scope=\"col\">Modified</th></tr></thead>\n<tbody>\n"
    );
    if !path.is_root() {
        page.push_str("<tr><td><a href=\"../\">..</a></td><td></td><td></td></tr>\n");
    }
    for member in shown(listing) {
        let slash = if member.kind == MemberKind::Folder { "/" } else { "" };
        let href = encode_segment(&member.name);
        let shown = String::from_utf8_lossy(&member.name);
        let size = match member.kind {
            MemberKind::Folder => "–".to_owned(),
            MemberKind::File => readable_size(member.length),
        };
        let _ = writeln!(
            page,
            "<tr><td><a href=\"./{}{slash}\">{}{slash}</a></td><td>{size}</td><td>{}</td></tr>",
            escape::html(&href),
            escape::html(&shown),
            date(member),
        );
    }
    page.push_str("</tbody>\n</table>\n");
    if listing.truncated {
        page.push_str("<p>There are more members than are listed here.</p>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
padding:0 1rem;color:#1c1c1c;background:#fff}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}\
td:nth-child(n+2){color:#595959;white-space:nowrap}h1{overflow-wrap:anywhere}\
a{color:#0b57d0;overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}\
th,td{border-color:#333}td:nth-child(n+2){color:#a6a6a6}a{color:#8ab4f8}}";

fn json(path: Path<'_>, listing: &Listing) -> String {
    let mut out = String::from("{\"path\":");
    escape::json(&String::from_utf8_lossy(path.bytes()), &mut out);
    out.push_str(",\"members\":[");
    for (i, member) in shown(listing).enumerate() {
        out.push_str(if i > 0 { ",\n" } else { "\n" });
        out.push_str("{\"name\":");
        escape::json(&String::from_utf8_lossy(&member.name), &mut out);
        let slash = if member.kind == MemberKind::Folder { "/" } else { "" };
        out.push_str(",\"href\":");
        escape::json(&format!("./{}{slash}", encode_segment(&member.name)), &mut out);
        match member.kind {
            MemberKind::Folder => out.push_str(",\"kind\":\"folder\""),
            MemberKind::File => {
                let _ = write!(out, ",\"kind\":\"file\",\"length\":{}", member.length);
            }
        }
        let _ = write!(out, ",\"modified\":\"{}\"}}", date(member));
    }
    let _ = writeln!(out, "\n],\"truncated\":{}}}", listing.truncated);
    out
}

fn date(member: &Member) -> HttpDate {
    HttpDate::from_unix(u64::try_from(member.modified.seconds).unwrap_or(0))
}

fn readable_size(octets: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = (u64::BITS - octets.leading_zeros()).saturating_sub(1) as usize / 10;
    if power == 0 {
        return format!("{octets} B");
    }
    // In tenths, so that no float is needed.
    let tenths = (u128::from(octets) * 10) >> (power * 10);
    format!("{}.{} {}", tenths / 10, tenths % 10, units.get(power).unwrap_or(&"EiB"))
}

#[cfg(test)]
mod tests {
    use wherefore_store::Stamp;

    use super::*;

    fn listing(names: &[&[u8]]) -> Listing {
        let member = |name: &&[u8]| Member {
            name: name.to_vec(),
            kind: MemberKind::File,
            length: 1536,
            modified: Stamp { seconds: 784_111_777, nanos: 0 },
        };
        Listing { members: names.iter().map(member).collect(), truncated: false }
    }

    #[test]
    fn hostile_names_stay_names() {
        let names: [&[u8]; 4] = [b"<script>.html", b"a\"b", b"javascript:alert(1)", b".hidden"];
        let page = html(Path::ROOT, &listing(&names));
        assert!(!page.contains("<script>"));
        assert!(page.contains("href=\"./javascript"));
        assert!(page.contains("&lt;script&gt;.html"));
        assert!(!page.contains("hidden"));
        let text = json(Path::ROOT, &listing(&names));
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["members"][0]["name"], "<script>.html");
        assert_eq!(parsed["members"].as_array().unwrap().len(), 3);
    }

    /// An ampersand may stand in a path as it is, but not in HTML: `&lt;` there is another name.
    #[test]
    fn links_lead_to_names_that_look_like_html() {
        let page = html(Path::ROOT, &listing(&[b"a&lt;b", b"c&copy=d"]));
        assert!(page.contains("href=\"./a&amp;lt;b\">a&amp;lt;b</a>"));
        assert!(page.contains("href=\"./c&amp;copy=d\">c&amp;copy=d</a>"));
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(readable_size(0), "0 B");
        assert_eq!(readable_size(1023), "1023 B");
        assert_eq!(readable_size(1536), "1.5 KiB");
        assert_eq!(readable_size(u64::MAX), "15.9 EiB");
    }
}
