//! The page for those who come from elsewhere, and what the rules are shown by: every key in them is one.

use std::fs;
use std::path::Path;

use wherefore_config::keys::scopes;
use wherefore_config::{Source, read};
use wherefore_decide::catalogue::GroupId;

use crate::ROOT;
use crate::support::server::command;

/// What stands before a setting, for each kind of table that may hold it.
const TABLES: &[&str] = &[
    "[server]\n",
    "[site.a]\n",
    "[[site.a.route]]\npath = \"/a\"\nfolder = \"a\"\n",
    "[[site.a.route]]\npath = \"/{rest*}\"\n",
    "[[site.a.route]]\nfolder = \"a\"\n",
    "[[site.a.route]]\npath = \"/a\"\nredirect = \"/b\"\n",
    "[limits.a]\n",
    "[limits.a]\nrate = \"1/hour\"\n",
    "[users.a]\n",
    "[tokens.a]\n",
    "[server]\ntrusted-proxies = \"::1/128\"\n",
    "[server]\nuser = \"a\"\n",
    "[site.a]\naliases = \"b\"\n",
    "[site.a]\nhttps = \"only\"\n",
    "[[site.a.route]]\npath = \"/a\"\nfolder = \"a\"\nwritable = true\n",
    "[[site.a.route]]\npath = \"/a\"\ngateway = \"http://a\"\n",
    "[gateway.a]\n",
    "[gateway.a]\nto = \"http://a\"\n",
    "[gateway.a]\nto = \"http://a\"\nbalance = \"hash\"\n",
];

fn page() -> String {
    fs::read_to_string(Path::new(ROOT).join("docs/from-nginx-and-caddy.md")).unwrap()
}

/// What stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The text of the page's last two columns and of its lists: all that is said of what is here.
fn of_here(page: &str) -> String {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows = rows.map(|row| row.splitn(3, " | ").skip(1).collect::<Vec<_>>().join(" | "));
    let lists = page.lines().filter(|line| line.starts_with("- `")).map(str::to_owned);
    rows.chain(lists).collect::<Vec<_>>().join("\n")
}

fn is_right(text: &str) -> bool {
    read(Source::new("page", text)).1.is_usable()
}

fn can_stand_somewhere(setting: &str) -> bool {
    if setting.starts_with('[') {
        return is_right(&format!("{setting}\nhtpasswd = \"a\"\n"))
            || is_right(&format!("{setting}\njwks = \"a\"\n"))
            || is_right(&format!("{setting}\nrate = \"1/hour\"\n"))
            || is_right(&format!("{setting}\nto = \"http://a\"\n"))
            || is_right(setting);
    }
    TABLES.iter().any(|before| is_right(&format!("{before}{setting}\n")))
        || is_right(&format!("[limits]\na = {{ {setting} }}\n"))
}

#[test]
fn what_is_said_to_be_here_can_be_written() {
    let here = of_here(&page());
    let mut seen = 0;
    let mut wrong = Vec::new();
    for span in spans(&here) {
        if span.contains(" = ") || span.starts_with('[') {
            seen += 1;
            if !can_stand_somewhere(span) {
                wrong.push(span.to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 60, "the page is not read: {seen}");
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    for page in [page(), readme] {
        let mut blocks = page.split("```toml\n").skip(1).peekable();
        assert!(blocks.peek().is_some());
        for block in blocks {
            let block = block.split("```").next().unwrap();
            assert!(is_right(block), "{block}");
        }
    }
    for wrong in ["no-such-key = 1", "listen = 80", "path = \"docs\"", "[sites.a]"] {
        assert!(!can_stand_somewhere(wrong), "{wrong}");
    }
}

#[test]
fn words_with_hyphens_are_keys() {
    let known = |name: &str| scopes().iter().any(|scope| scope.row(name).is_some());
    let is_word = |word: &&str| {
        word.contains('-') && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-')
    };
    let here = of_here(&page());
    let words: Vec<&str> = spans(&here).filter(is_word).collect();
    assert!(!words.is_empty());
    for word in words {
        assert!(known(word), "{word} is no key");
    }
}

#[test]
fn limits_of_the_server_are_those_that_there_are() {
    let help = command().args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known: Vec<&str> =
        help.lines().filter_map(|line| line.trim_start().split(' ').next()).collect();
    let here = of_here(&page());
    let mut named = 0;
    for span in spans(&here).filter_map(|span| span.strip_prefix("limits = {")) {
        for setting in span.trim_end_matches('}').split(',') {
            let name = setting.split('=').next().unwrap().trim();
            assert!(known.contains(&name), "{name} is no limit");
            named += 1;
        }
    }
    assert!(named > 5, "{named}");
}

#[test]
fn commands_are_those_that_there_are() {
    let page = page();
    let named: Vec<&str> =
        spans(&page).filter_map(|span| span.strip_prefix("wherefore ")).collect();
    assert!(named.len() > 5);
    for command_line in named {
        let words = command_line.split(' ');
        let words: Vec<&str> = words
            .take_while(|word| word.bytes().all(|c| c.is_ascii_lowercase() || c == b'-'))
            .collect();
        let out = command().args(&words).arg("--help").output().unwrap();
        assert!(out.status.success(), "wherefore {command_line}");
        let help = String::from_utf8(out.stdout).unwrap();
        let usage = format!("Usage: wherefore {}", words.join(" "));
        assert!(help.contains(&usage), "{usage} is not in\n{help}");
    }
}

#[test]
fn rules_are_shown_by_keys_that_there_are() {
    let mut seen = 0;
    for info in GroupId::ALL.iter().flat_map(|group| group.rules()) {
        let setting = info.shown_by.split(" on a ").next().unwrap();
        let settings = setting.split(", and ").next().unwrap();
        for setting in settings.split(" and ").filter(|setting| setting.contains(" = ")) {
            let key = setting.split(" = ").next().unwrap();
            if key.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-') {
                seen += 1;
                assert!(can_stand_somewhere(setting), "{}: {setting}", info.id);
            }
        }
    }
    assert!(seen > 5, "{seen}");
}
