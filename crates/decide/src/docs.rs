//! The rules as a page and as a drawing, made from the rows that are asked.

use core::fmt::Write as _;

use wherefore_message::Status;
use wherefore_message::status::{Caching, REGISTRY, Use};

use crate::catalogue::GroupId;
use crate::rule::Info;

/// `docs/rules.md`: every rule in order, then every status with who answers it.
#[must_use]
pub fn rules_markdown() -> String {
    let mut page = String::from(
        "# The rules\n\nEvery request is asked these questions, in this order; the first that says \
         no answers. Made from the code by `cargo test`: change the rows, not this page.\n",
    );
    for group in GroupId::ALL {
        let _ = write!(page, "\n## {}: {}\n\n", group.stage(), group.title());
        page.push_str("| rule | asks | may answer | section | looks at | shown by |\n");
        page.push_str("|---|---|---|---|---|---|\n");
        for info in group.rules() {
            let _ = writeln!(
                page,
                "| <a id=\"{id}\"></a>`{id}` | {} | {} | {} | {} | {} |",
                info.asks,
                codes(info.may),
                info.spec,
                needs(info),
                cell(info.shown_by),
                id = info.id,
            );
        }
    }
    page.push_str("\n# The statuses\n\n");
    page.push_str(
        "| status | section | must carry | may carry | must not | cached | answered by |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|\n");
    for row in REGISTRY {
        let by: Vec<_> =
            answering(row.status).iter().map(|info| format!("`{}`", info.id)).collect();
        let who = match row.sent {
            Use::Relayed(why) => format!("never: {why}"),
            Use::Ours if by.is_empty() => "a role to come".to_owned(),
            Use::Ours => by.join(", "),
        };
        let caching = match row.caching {
            Caching::Heuristic => "by guess too",
            Caching::Explicit => "if told",
            Caching::Never => "never",
            Caching::Apart => "–",
        };
        let names = |set: wherefore_message::FieldSet| {
            set.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let [must, may, must_not] = [row.must, row.may, row.must_not].map(names);
        let _ = writeln!(
            page,
            "| {} | {} | {must} | {may} | {must_not} | {caching} | {who} |",
            row.status, row.spec
        );
    }
    page
}

/// `docs/rules.dot`: the groups as boxes, the rules in their order, the answers as leaves.
#[must_use]
pub fn rules_dot() -> String {
    let mut dot = String::from(
        "// Made from the code by `cargo test`.\ndigraph rules {\n  rankdir=TB; node [shape=box, \
         fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\"];\n",
    );
    let mut before: Option<&str> = None;
    for (i, group) in GroupId::ALL.iter().enumerate() {
        let _ = writeln!(
            dot,
            "  subgraph cluster_{i} {{\n    label=\"{}: {}\";",
            group.stage(),
            group.title()
        );
        for info in group.rules() {
            let _ = writeln!(dot, "    \"{}\" [label=\"{}\\n{}\"];", info.id, info.asks, info.spec);
        }
        dot.push_str("  }\n");
        for info in group.rules() {
            if let Some(before) = before {
                let _ = writeln!(dot, "  \"{before}\" -> \"{}\";", info.id);
            }
            for status in info.may {
                let code = status.code();
                let _ = writeln!(dot, "  \"{}\" -> \"{code}\" [style=dashed];", info.id);
            }
            before = Some(info.id);
        }
    }
    dot.push_str("}\n");
    dot
}

/// The rules that may answer this status, in order.
#[must_use]
pub fn answering(status: Status) -> Vec<&'static Info> {
    GroupId::ALL
        .iter()
        .flat_map(|group| group.rules())
        .filter(|info| info.may.contains(&status))
        .collect()
}

fn codes(statuses: &[Status]) -> String {
    if statuses.is_empty() {
        return "the upstream's".to_owned();
    }
    statuses.iter().map(|status| status.code().to_string()).collect::<Vec<_>>().join(", ")
}

fn needs(info: &Info) -> String {
    info.needs.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p wherefore-decide` writes them anew.
    #[test]
    fn the_pages_are_what_the_rows_say() {
        let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        for (name, made) in [("rules.md", rules_markdown()), ("rules.dot", rules_dot())] {
            let path = format!("{docs}/{name}");
            if std::env::var_os("UPDATE_DOCS").is_some() {
                std::fs::write(&path, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(kept == made, "{path} is not what the rules say; UPDATE_DOCS=1 writes it anew");
        }
    }
}
