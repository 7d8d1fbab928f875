//! The keys as a page for people, made from their rows.

use core::fmt::Write as _;

use crate::keys::scopes;
use crate::kind::{Absent, Choice, Kind, Row, Scope, Shape};
use crate::model::{STRICT, USUAL};

/// `docs/configuration.md`: every table with its keys.
#[must_use]
pub fn configuration_markdown() -> String {
    let mut page = String::from(
        "# The configuration\n\nEvery key of the file, which is TOML. Made from the code by `cargo test`: change the rows, not this page.\n\n\
         Where a list is asked for, a single value will do. Durations (`\"5s\"`) and sizes (`\"10MiB\"`) carry their unit. Relative paths begin where the file stands. What is looked at when the server starts, and not when it reads the file again, says so: *at the start*.\n",
    );
    for scope in scopes() {
        let _ = write!(page, "\n## {}\n\n{}\n\n", title(&scope), scope.about);
        if scope.choice != Choice::None {
            let names: Vec<_> = scope.keys().filter(|row| row.is_choice).map(code).collect();
            let _ = writeln!(page, "It has one of {}.\n", names.join(", "));
        }
        page.push_str(
            "| key | what it is for | its value | as in | if absent | section |\n|---|---|---|---|---|---|\n",
        );
        for row in scope.rows {
            line(&scope, row, &mut page);
        }
        if let Some(shared) = scope.shared {
            let _ = writeln!(
                page,
                "\nBesides, it may have each key of [{}](#{}).",
                title(shared),
                anchor(shared)
            );
        }
    }
    security_fields(&mut page);
    page
}

/// What the sets of `security-fields` hold.
fn security_fields(page: &mut String) {
    page.push_str(
        "\n## The sets of security fields\n\n\
         What the words of [`security-fields`](#a-policy.security-fields) stand for. `X-Content-Type-Options: nosniff` \
         goes with every answer anyway, and `Strict-Transport-Security` with those by HTTPS alone. `headers` sets single \
         fields otherwise; a table in place of the word is a set of one's own.\n\n\
         | field | `\"usual\"`: hardly any site is hurt | `\"strict\"`: for a site that needs nothing from elsewhere |\n\
         |---|---|---|\n",
    );
    let value = |set: &[(&str, &str)], name: &str| {
        let found = set.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| "–".to_owned(), |(_, value)| format!("`{value}`"))
    };
    for (name, _) in STRICT {
        let _ = writeln!(page, "| `{name}` | {} | {} |", value(USUAL, name), value(STRICT, name));
    }
}

fn line(scope: &Scope, row: &Row, page: &mut String) {
    let absent = match row.absent {
        Absent::Nothing if row.is_choice => String::new(),
        Absent::Nothing => "–".to_owned(),
        Absent::Default(value) => format!("`{value}`"),
        Absent::Refused => "has to be there".to_owned(),
    };
    let mut about = row.about.to_owned();
    if !row.with.is_empty() {
        let others: Vec<_> = row.with.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(about, "; beside {}", others.join(" or "));
    }
    if row.is_of_start {
        about.push_str("; *at the start*");
    }
    let example = match row.kind.shape {
        Shape::Table(_) | Shape::Named(..) if row.example == "{}" => String::new(),
        _ => format!("`{} = {}`", row.name, row.example),
    };
    let spec = row.spec.map(|spec| spec.to_string()).unwrap_or_default();
    let id = format!("{}.{}", anchor(scope), row.name);
    let _ = writeln!(
        page,
        "| <a id=\"{id}\"></a>`{}` | {} | {} | {} | {} | {spec} |",
        row.name,
        about.replace('|', "\\|"),
        kind(&row.kind),
        example.replace('|', "\\|"),
        absent.replace('|', "\\|"),
    );
}

/// A kind in words, with links to the tables that it may be.
fn kind(kind: &Kind) -> String {
    match kind.shape {
        Shape::Table(scope) => format!("[{}](#{})", scope.name, anchor(scope)),
        Shape::List(of) => format!("a list, each {}", self::kind(of)),
        Shape::Named(name, of) => format!("a table from {} to {}", name.name, self::kind(of)),
        Shape::Either(kinds) => kinds.iter().map(self::kind).collect::<Vec<_>>().join(", or "),
        Shape::Word([word]) => format!("`\"{word}\"`"),
        Shape::Word(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
            format!("one of {}", words.join(", "))
        }
        Shape::Boolean | Shape::Number | Shape::Text(_) | Shape::Moment => kind.name.to_owned(),
    }
}

fn code(row: &Row) -> String {
    format!("`{}`", row.name)
}

fn title(scope: &Scope) -> String {
    let mut letters = scope.name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a heading is called in links.
fn anchor(scope: &Scope) -> String {
    scope.name.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::schema;
    use wherefore_message::spec::CURRENT_RFCS;

    /// `UPDATE_DOCS=1 cargo test -p wherefore-config` writes them anew.
    #[test]
    fn the_pages_are_what_the_rows_say() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let pages = [
            ("configuration.md", configuration_markdown()),
            ("configuration.schema.json", schema()),
        ];
        for (name, made) in pages {
            let path = format!("{docs}/{name}");
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == made, "{path} is not what the keys say; UPDATE_DOCS=1 writes it anew");
        }
    }

    #[test]
    fn the_stricter_set_has_every_field_of_the_other() {
        for (name, _) in USUAL {
            assert!(STRICT.iter().any(|(other, _)| other == name), "{name}");
        }
    }

    #[test]
    fn sections_are_of_current_rfcs() {
        for row in scopes().iter().flat_map(Scope::keys) {
            if let Some(spec) = row.spec {
                assert!(CURRENT_RFCS.contains(&spec.rfc), "{}: {spec}", row.name);
            }
        }
    }

    #[test]
    fn links_lead_to_headings() {
        let page = configuration_markdown();
        let anchors: Vec<_> = scopes().iter().map(anchor).collect();
        let mut links = 0;
        for link in page.split("](#").skip(1) {
            let target = link.split(')').next().unwrap();
            if page.contains(&format!("<a id=\"{target}\">")) {
                continue;
            }
            assert!(anchors.iter().any(|anchor| anchor == target), "{target}");
            links += 1;
        }
        assert!(links > 10);
    }
}
