//! From the keys to the model: each key changes it in its place, whatever contradicts itself over several keys
//! is complained about at its place, and no text makes it panic.

#![allow(clippy::unwrap_used, reason = "everything here is a test's")]

use wherefore_config::keys::scopes;
use wherefore_config::model::{Bounds, Model, model, needs_restart};
use wherefore_config::{Colours, Complaint, Report, Severity, Source, Span, read};
use wherefore_decide::policy::Sites;
use wherefore_message::authority::Authority;

/// What the files hold that a configuration names.
fn text_of(path: &str) -> Result<String, String> {
    match path {
        "missing.html" => Err("it is not there".to_owned()),
        _ => Ok(format!("<p>{path}")),
    }
}

fn made(text: &str) -> (Option<Model>, Report) {
    let (file, mut report) = read(Source::new("test.toml", text));
    let bounds = Bounds { content_bytes_max: 1 << 30, patch_bytes_max: 1 << 20 };
    let model = file.and_then(|file| model(&file, bounds, &mut text_of, &mut report));
    (model, report)
}

fn right(text: &str) -> Model {
    let (model, report) = made(text);
    model.unwrap_or_else(|| panic!("{}", report.drawn(Colours::None)))
}

/// A key and what it changes.
struct Change {
    table: &'static str,
    key: &'static str,
    /// Two files that differ in what is said of it.
    files: [String; 2],
    with: String,
    /// Where their models differ.
    place: &'static str,
}

fn changes() -> Vec<Change> {
    let (files, changes) = include_str!("changes.txt").split_once("\nKeys:").unwrap();
    let files: Vec<_> =
        files.split("\n= ").skip(1).map(|file| file.split_once('\n').unwrap()).collect();
    let lines = changes.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let columns: Vec<_> = line.split('|').map(str::trim).collect();
            let [table, key, file, with, without, place] = *columns else { panic!("{line}") };
            let (_, file) = files.iter().find(|(name, _)| *name == file).expect(file);
            let written = |text: &str| file.replace('@', &text.replace(" ; ", "\n"));
            let files = [written(with), written(without)];
            Change { table, key, files, with: with.to_owned(), place }
        })
        .collect()
}

#[test]
fn every_key_is_in_the_table() {
    let changes = changes();
    for scope in scopes() {
        for row in scope.rows {
            let is_tried = |change: &Change| (change.table, change.key) == (scope.name, row.name);
            assert!(
                changes.iter().any(is_tried),
                "{} of {} changes nothing here",
                row.name,
                scope.name
            );
        }
    }
    for Change { table, key, .. } in changes {
        let scope = scopes().into_iter().find(|scope| scope.name == table).unwrap();
        assert!(scope.row(key).is_some(), "{table} has no {key}");
    }
}

#[test]
fn every_key_changes_the_model_in_its_place() {
    for Change { table, key, files, with, place } in changes() {
        assert!(with.contains(key), "{key} does not stand in {with}");
        let [one, other] = files.map(|file| right(&file));
        let differs = leaves(&one, place) != leaves(&other, place);
        assert!(differs, "{key} of {table} does not change {place}\n{one:#?}");
    }
}

#[test]
fn places_are_found_in_the_model() {
    let model = right("[[site.a.route]]\npath = \"/\"\nfolder = \"x\"\ntrace = true");
    assert_eq!(leaves(&model, "routes.trace"), ["On,"]);
    assert!(leaves(&model, "routes.nothing").is_empty());
    assert!(leaves(&model, "folders.path").iter().any(|leaf| leaf == "\"x\","));
}

/// What stands at a place of the model, but for places in the file.
fn leaves(model: &Model, place: &str) -> Vec<String> {
    let place = format!(".{place}.");
    let mut way: Vec<(usize, &str)> = Vec::new();
    let mut found = Vec::new();
    let shown = format!("{model:#?}");
    for line in shown.lines() {
        let text = line.trim_start();
        let depth = line.len() - text.len();
        way.retain(|(other, _)| *other < depth);
        let is_name = |name: &&str| name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        let (name, value) = match text.split_once(": ").filter(|(name, _)| is_name(name)) {
            Some((name, value)) => (name, value),
            None => ("", text),
        };
        let names = way.iter().map(|(_, name)| *name).chain([name]).filter(|name| !name.is_empty());
        let path = format!(".{}.", names.collect::<Vec<_>>().join("."));
        if path.contains(&place) && !path.contains(".span.") {
            found.push(value.to_owned());
        }
        if value.ends_with(['{', '[', '(']) {
            way.push((depth, name));
        }
    }
    found
}

/// Files that contradict themselves: how bad that is, what is said of it, the file with its marks.
fn contradictions() -> Vec<(Severity, &'static str, &'static str)> {
    let files = include_str!("contradictions.txt").split("\n--- ").skip(1);
    files
        .map(|file| {
            let (head, text) = file.split_once('\n').unwrap();
            let (severity, what) = head.split_once(": ").unwrap();
            let is_error = severity == "error";
            (if is_error { Severity::Error } else { Severity::Warning }, what, text)
        })
        .collect()
}

/// The text without its marks, and the place between them.
fn marked(text: &str) -> (String, Span) {
    let start = text.find('«').unwrap();
    let end = text.find('»').unwrap() - '«'.len_utf8();
    (text.replace(['«', '»'], ""), Span { start, end })
}

fn only(report: &Report) -> Complaint {
    assert_eq!(report.complaints().len(), 1, "{}", report.drawn(Colours::None));
    report.complaints()[0].clone()
}

#[test]
fn what_contradicts_itself_is_complained_about_at_its_place() {
    let all = contradictions();
    assert!(all.len() > 30, "{}", all.len());
    for (severity, what, text) in all {
        let (text, place) = marked(text);
        let (model, report) = made(&text);
        assert_eq!(model.is_some(), severity == Severity::Warning, "{text}");
        let complaint = only(&report);
        assert!(complaint.what.contains(what), "{complaint:?}");
        assert_eq!(
            (complaint.severity, complaint.span),
            (severity, place),
            "{complaint:?}\n{text}"
        );
    }
}

#[test]
fn circles_of_several_routes_are_complained_about_at_each() {
    let route = |path: &str, keys: &str| format!("[[site.a.route]]\npath = \"{path}\"\n{keys}\n");
    let circle = [
        route("/a", "redirect = \"/b?x=1\""),
        route("/b", "see-other = \"/%61\""),
        route("/c", "redirect = \"/a\""),
    ];
    let (_, report) = made(&circle.concat());
    assert_eq!(report.complaints().len(), 2, "{}", report.drawn(Colours::None));
    for fine in
        ["redirect = \"https://a/a\"", "redirect = \"/b/{path}\"", "redirect = \"/elsewhere\""]
    {
        right(&route("/a", fine));
    }
}

#[test]
fn what_does_not_contradict_itself_is_taken() {
    for fine in [
        // One folder may be read under one path and written to under another, and told once how.
        "[[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\n\
         [[site.a.route]]\npath = \"/b\"\nfolder = \"x\"\nwritable = true\nquota = \"5B\"\nlinks = \"refuse\"",
        "[[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\n[[site.a.route]]\npath = \"/b\"\nfolder = \"x/y\"\nwritable = true",
        "[[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\nwritable = true\n[[site.a.route]]\npath = \"/b\"\nfolder = \"xy\"\nwritable = true",
        "[[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\nlinks = \"refuse\"\n[[site.a.route]]\npath = \"/b\"\nfolder = \"x/y\"\nlinks = \"follow\"",
        "[server]\nlisten = [\"127.0.0.1:0\", \"127.0.0.1:0\"]",
        "[site.\"*.a\"]\n[site.\"b.a\"]",
    ] {
        let (model, report) = made(fine);
        assert!(
            model.is_some() && report.complaints().is_empty(),
            "{}",
            report.drawn(Colours::None)
        );
    }
    let shared = right(
        "[[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\n[[site.b.route]]\npath = \"/b\"\nfolder = \"./x/../x\"\n[[site.b.route]]\npath = \"/c\"\nfolder = \"x/.\"",
    );
    assert_eq!(shared.folders.len(), 2, "{:?}", shared.folders);
}

/// A route has what its site says, unless it says otherwise itself.
#[test]
fn policies_of_a_site_hold_for_its_routes() {
    let text = "[site.a]\nmaintenance = true\nheaders = { X-A = \"b\" }\nhide = true\nauth = { networks = \"::1\" }\n\
                [[site.a.route]]\npath = \"/a\"\nfolder = \"x\"\n\
                [[site.a.route]]\npath = \"/b\"\nfolder = \"x\"\nmaintenance = false\nauth = false\ncache-control = \"no-cache\"";
    let model = right(text);
    let [one, two] = model.sites[0].routes() else { panic!("two routes") };
    assert!(one.gate.maintenance.is_some() && one.gate.from.is_some());
    assert!(two.gate.maintenance.is_none() && two.gate.from.is_none());
    assert!(one.dress.lines.is_some() && one.dress.known.is_empty());
    assert!(two.dress.lines.is_some() && two.dress.known.len() == 1);
}

#[test]
fn routes_stand_where_it_is_said() {
    let text = "[site.a]\n\n[[site.a.route]]\nfolder = \"x\"\npath = \"/a\"\n[site.\"*.b\"]\naliases = \"c\"";
    let model = right(text);
    let source = Source::new("test.toml", text);
    let [first, second] = &*model.places else { panic!("two sites") };
    assert_eq!(source.position(first.host).line, 1);
    assert_eq!(first.routes.iter().map(|span| source.at(*span)).collect::<Vec<_>>(), ["\"/a\""]);
    assert_eq!((source.at(second.host), second.routes.len()), ("\"*.b\"", 0));
    let sites = Sites::new(model.sites);
    let answers = |host: &str| {
        sites
            .of(Some(&Authority::parse(host.as_bytes()).unwrap()))
            .map(|site| site.name.to_string())
    };
    assert_eq!(answers("x.b").as_deref(), Some("*.b"));
    assert_eq!(answers("x.y.b"), None);
}

#[test]
fn what_a_restart_alone_changes_is_told_at_its_place() {
    let files = |one: &str, two: &str| {
        let [one, two] = [one, two].map(|text| read(Source::new("test.toml", text)).0.unwrap());
        needs_restart(&one, &two)
    };
    let new = "[server]\nlisten = \"[::1]:80\"\ntrusted-proxies = \"::1\"";
    let told = files("[server]\nlisten = \"[::1]:81\"", new);
    let [(key, complaint)] = &*told else { panic!("{told:?}") };
    assert_eq!(*key, "listen");
    assert_eq!(
        (complaint.severity, complaint.span),
        (Severity::Warning, Span { start: 18, end: 28 })
    );
    assert_eq!(files(new, "[site.a]").len(), 1);
    assert_eq!(files("[server]\nlisten = \"127.0.0.1:8080\"", "[site.a]"), []);
    assert_eq!(files("", "[server]\nlimits = { target-bytes = 9 }")[0].0, "limits");
    assert_eq!(files("", "[later]\npending = 9\nmonitors = \"/m/\"")[0].0, "pending");
}
