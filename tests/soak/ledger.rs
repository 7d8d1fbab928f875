//! What clients saw, held against what the log says of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use serde_json::Value;

use super::content::Ask;

/// What a client saw of a request.
#[derive(Debug)]
pub struct Seen {
    pub status: Option<u16>,
    /// One of these has to be the cause; there is to be none where none is here.
    pub causes: Vec<&'static str>,
}

/// What is expected of the log.
#[derive(Debug)]
enum Expected {
    Line(Seen),
    /// The client left: the server may not have heard of it at all.
    Anything,
}

#[derive(Default)]
pub struct Ledger {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    asked: u64,
    expected: HashMap<u64, Expected>,
    lines: HashMap<u64, Value>,
    counts: BTreeMap<String, u64>,
    faults: Vec<String>,
    /// The requests that something was wrong with.
    wrong: HashSet<u64>,
}

impl Ledger {
    /// A request of which a client saw the end.
    pub fn saw(&self, ask: &Ask, seen: Seen) {
        self.expect(ask, Expected::Line(seen));
    }

    /// A request whose client has left.
    pub fn left(&self, ask: &Ask) {
        self.expect(ask, Expected::Anything);
    }

    /// Something is wrong.
    pub fn fault(&self, ask: &Ask, what: &str) {
        self.book.lock().unwrap().fault(ask.key, &format!("{}: {what}", ask.target()));
    }

    /// Lines of the log have come.
    pub fn lines(&self, lines: Vec<String>) {
        let mut book = self.book.lock().unwrap();
        for line in lines {
            book.line(&line);
        }
    }

    /// Whether every line has come that has to.
    pub fn is_settled(&self) -> bool {
        let book = self.book.lock().unwrap();
        book.expected.values().all(|expected| matches!(expected, Expected::Anything))
    }

    /// What is wrong, and lines that nobody asked for.
    pub fn faults(&self) -> Vec<String> {
        let book = self.book.lock().unwrap();
        let unasked = book.lines.values().map(|line| format!("nobody asked for {line}"));
        book.faults.iter().cloned().chain(unasked).collect()
    }

    /// How often what came.
    pub fn summary(&self) -> String {
        let book = self.book.lock().unwrap();
        let counts: Vec<_> =
            book.counts.iter().map(|(what, count)| format!("  {what}: {count}")).collect();
        format!("{} requests\n{}", book.asked, counts.join("\n"))
    }

    fn expect(&self, ask: &Ask, expected: Expected) {
        let mut book = self.book.lock().unwrap();
        book.asked += 1;
        match book.lines.remove(&ask.key) {
            Some(line) => book.settle(ask.key, &expected, &line),
            None => {
                book.expected.insert(ask.key, expected);
            }
        }
    }
}

impl Book {
    fn line(&mut self, line: &str) {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(ask) = line["target"].as_str().and_then(Ask::of) else {
            self.fault(0, &format!("nobody asked for {line}"));
            return;
        };
        match self.expected.remove(&ask.key) {
            Some(expected) => self.settle(ask.key, &expected, &line),
            None => {
                if let Some(other) = self.lines.insert(ask.key, line) {
                    self.fault(ask.key, &format!("logged twice: {other}"));
                }
            }
        }
    }

    fn settle(&mut self, key: u64, expected: &Expected, line: &Value) {
        let (status, cause) = (line["status"].as_u64(), line["cause"].as_str());
        let told = |text: &Value| text.as_str().unwrap_or("-").to_owned();
        let status_text = status.map_or("-".to_owned(), |status| status.to_string());
        let what = format!("{status_text} {} {}", told(&line["rule"]), told(&line["cause"]));
        *self.counts.entry(what).or_default() += 1;
        if self.wrong.contains(&key) {
            eprintln!("{key:016x} was logged as {line}");
        }
        if let Expected::Line(seen) = expected {
            let is_cause = match cause {
                None => seen.causes.is_empty(),
                Some(cause) => seen.causes.contains(&cause),
            };
            if status != seen.status.map(u64::from) || !is_cause {
                self.fault(key, &format!("{seen:?} was seen, but {line} logged"));
            }
        }
    }

    fn fault(&mut self, key: u64, what: &str) {
        let what = format!("{key:016x} {what}");
        eprintln!("WRONG: {what}");
        self.wrong.insert(key);
        if self.faults.len() < 100 {
            self.faults.push(what);
        }
    }
}
