//! The whole configuration as it holds: every key with its value, defaults included, and where each came
//! from. What is shown is TOML again, and means the same.

use core::fmt::Write as _;

use crate::keys::{File, Route, Server, Site};
use crate::source::Source;
use crate::table::{Keys, Provenance, shown_key};

/// Where the comments that say where a value came from begin.
const COMMENT_COLUMN: usize = 60;

/// The configuration in full.
#[must_use]
pub fn show(file: &File, source: &Source) -> String {
    let mut out = Shown { text: String::new(), source };
    let server = file.server.as_ref().map(|set| &set.value);
    out.table("[server]", &server.map_or_else(Server::defaults, Server::resolved), &[]);
    for (name, users) in file.users.iter().flat_map(|set| &set.value.0) {
        out.table(&format!("[users.{}]", shown_key(name.value.as_str())), &users.value, &[]);
    }
    for (name, tokens) in file.tokens.iter().flat_map(|set| &set.value.0) {
        let header = format!("[tokens.{}]", shown_key(name.value.as_str()));
        out.table(&header, &tokens.value.resolved(), &[]);
    }
    for (name, limit) in file.limits.iter().flat_map(|set| &set.value.0) {
        let header = format!("[limits.{}]", shown_key(name.value.as_str()));
        out.table(&header, &limit.value.resolved(), &[]);
    }
    for (name, gateway) in file.gateway.iter().flat_map(|set| &set.value.0) {
        let header = format!("[gateway.{}]", shown_key(name.value.as_str()));
        out.table(&header, &gateway.value.resolved(), &[]);
    }
    for (host, site) in file.site.iter().flat_map(|set| &set.value.0) {
        let host = shown_key(&host.value.to_string());
        out.site(&host, &site.value);
    }
    out.text
}

struct Shown<'s> {
    text: String,
    source: &'s Source,
}

impl Shown<'_> {
    fn site(&mut self, host: &str, site: &Site) {
        let resolved = site.resolved();
        self.table(&format!("[site.{host}]"), &resolved, &["route"]);
        for route in site.route.iter().flat_map(|set| &set.value.0) {
            let policies = route.value.policies.over(&site.policies);
            let route = Route { policies, ..route.value.clone() }.resolved();
            self.table(&format!("[[site.{host}.route]]"), &route, &[]);
        }
    }

    /// A table under its header, a key on a line, but for those that have headers of their own.
    fn table<K: Keys>(&mut self, header: &str, keys: &K, apart: &[&str]) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(header);
        self.text.push('\n');
        let mut shown: Vec<&str> = Vec::new();
        keys.each(&mut |row, write, from| {
            // A default that means nothing without another key is not shown without it.
            let is_idle = from == Provenance::Default
                && !row.with.is_empty()
                && !row.with.iter().any(|other| shown.contains(other));
            if is_idle || apart.contains(&row.name) {
                return;
            }
            shown.push(row.name);
            let start = self.text.len();
            let _ = write!(self.text, "{} = ", row.name);
            write(&mut self.text);
            let chars = self.text.get(start..).unwrap_or_default().chars().count();
            self.text.push_str(&" ".repeat(COMMENT_COLUMN.saturating_sub(chars)));
            let place = |span| self.source.position(span).line;
            let name = self.source.name();
            let _ = match from {
                Provenance::Default => writeln!(self.text, " # default"),
                Provenance::Written(span) => writeln!(self.text, " # {name}:{}", place(span)),
                Provenance::Inherited(span) => {
                    writeln!(self.text, " # {name}:{}, from the site", place(span))
                }
            };
        });
    }
}
