//! The requests that are written beside an example, with the answers that they get: as `curl -v` shows
//! them, so that people can read them too. The list of the examples says how they are written.

use std::path::Path;

use crate::support::server::command;
use crate::support::{Client, Reply};

/// The host that is asked where a request names none.
const HOST: &str = "localhost";
/// What a field's value is where there is to be no such field.
const ABSENT: &str = "(none)";

/// One thing that is done, and what is to come of it.
#[derive(Debug)]
pub struct Step {
    /// The line on which it begins.
    pub line: usize,
    what: What,
}

#[derive(Debug)]
enum What {
    Ask(Exchange),
    Run(Command),
}

/// A command of the program itself, and what it is to print.
#[derive(Debug)]
struct Command {
    arguments: Vec<String>,
    printed: Vec<String>,
}

/// A request, and what is to come of it.
#[derive(Debug)]
struct Exchange {
    method: String,
    /// The request as it is sent.
    request: String,
    answers: Vec<Expected>,
}

/// An answer, of which only what matters is said.
#[derive(Debug, Default)]
struct Expected {
    status: u16,
    fields: Vec<(String, String)>,
    content: Vec<String>,
}

/// Reads what is written in a file; or says in which line something is wrong.
pub fn steps(text: &str) -> Result<Vec<Step>, (usize, &'static str)> {
    let mut all = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines().chain([""])) {
        match line {
            "" if block.is_empty() => {}
            "" => all.push(step(&std::mem::take(&mut block))?),
            comment if comment.starts_with("# ") => {}
            _ => block.push((number, line)),
        }
    }
    Ok(all)
}

fn step(block: &[(usize, &str)]) -> Result<Step, (usize, &'static str)> {
    let (line, first) = block[0];
    let what = match first.strip_prefix("$ wherefore ") {
        Some(arguments) => What::Run(command_of(arguments, &block[1..])?),
        None => What::Ask(exchange(block)?),
    };
    Ok(Step { line, what })
}

fn command_of(arguments: &str, rest: &[(usize, &str)]) -> Result<Command, (usize, &'static str)> {
    let printed = rest.iter().map(|(line, text)| {
        let text = text.strip_prefix("<< ").ok_or((*line, "a command only prints"))?;
        Ok(text.to_owned())
    });
    Ok(Command {
        arguments: arguments.split(' ').map(str::to_owned).collect(),
        printed: printed.collect::<Result<_, _>>()?,
    })
}

fn exchange(block: &[(usize, &str)]) -> Result<Exchange, (usize, &'static str)> {
    let (line, first) = block[0];
    let first = first.strip_prefix("> ").ok_or((line, "a request comes first"))?;
    let (method, target) = first.split_once(' ').ok_or((line, "a method and a target"))?;
    let mut exchange =
        Exchange { method: method.to_owned(), request: String::new(), answers: Vec::new() };
    let (mut fields, mut content) = (String::new(), None::<String>);
    for &(line, text) in &block[1..] {
        let (mark, rest) = text.split_once(' ').unwrap_or((text, ""));
        match mark {
            ">" => fields.push_str(&format!("{rest}\n")),
            ">>" => {
                content = Some(match content {
                    None => rest.to_owned(),
                    Some(before) => before + "\r\n" + rest,
                });
            }
            "<" => match (rest.split_once(": "), rest.parse(), exchange.answers.last_mut()) {
                (Some((name, value)), _, Some(answer)) => {
                    answer.fields.push((name.to_owned(), value.to_owned()));
                }
                (None, Ok(status), _) => {
                    exchange.answers.push(Expected { status, ..Expected::default() });
                }
                (..) => return Err((line, "a status first, then fields")),
            },
            "<<" => {
                let answer = exchange.answers.last_mut().ok_or((line, "a status first"))?;
                answer.content.push(rest.to_owned());
            }
            _ => return Err((line, "a line begins with >, >>, < or <<")),
        }
    }
    if exchange.answers.is_empty() {
        return Err((line, "there is no answer to it"));
    }
    let lower = fields.to_ascii_lowercase();
    if !lower.starts_with("host:") && !lower.contains("\nhost:") {
        fields.push_str(&format!("Host: {HOST}\n"));
    }
    if let Some(content) = &content {
        fields.push_str(&format!("Content-Length: {}\n", content.len()));
    }
    let head = format!("{method} {target} HTTP/1.1\n{fields}\n").replace('\n', "\r\n");
    exchange.request = head + &content.unwrap_or_default();
    Ok(exchange)
}

impl Step {
    /// Asks the server, by a connection of its own that `connect` makes, or runs the command in the
    /// folder of the example.
    pub fn carry_out(
        &self,
        folder: &Path,
        connect: impl FnOnce() -> Client,
    ) -> Result<Option<Client>, String> {
        match &self.what {
            What::Ask(exchange) => {
                let mut client = connect();
                exchange.carry_out(&mut client)?;
                Ok(Some(client))
            }
            What::Run(command) => command.carry_out(folder).map(|()| None),
        }
    }
}

impl Command {
    fn carry_out(&self, folder: &Path) -> Result<(), String> {
        let out = command().args(&self.arguments).current_dir(folder).output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout);
        match self.printed.iter().find(|part| !said.contains(part.as_str())) {
            _ if !out.status.success() => Err(String::from_utf8_lossy(&out.stderr).into_owned()),
            Some(part) => Err(format!("{part:?} is not in {said:?}")),
            None => Ok(()),
        }
    }
}

impl Exchange {
    /// Sends the request, and holds each answer against what is to come. A request whose last answer is an
    /// interim one is left as it is.
    fn carry_out(&self, client: &mut Client) -> Result<(), String> {
        client.send_octets(self.request.as_bytes());
        for answer in &self.answers {
            let reply = match answer.status {
                100..=199 => client.head(),
                _ => client.reply(&self.method),
            };
            answer.is_met_by(&reply).map_err(|what| format!("{what}, in\n{reply:?}"))?;
        }
        Ok(())
    }
}

impl Expected {
    fn is_met_by(&self, reply: &Reply) -> Result<(), String> {
        if reply.status != self.status || !reply.interim.is_empty() {
            return Err(format!("it is {}, not {}", reply.status, self.status));
        }
        for (name, wanted) in &self.fields {
            let found = reply.fields.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let found: Vec<&str> = found.map(|(_, value)| value.as_str()).collect();
            let is_met = match wanted.as_str() {
                ABSENT => found.is_empty(),
                wanted => is_like(wanted, &found.join(", ")) && !found.is_empty(),
            };
            if !is_met {
                return Err(format!("{name} is {found:?}, not {wanted:?}"));
            }
        }
        let content = String::from_utf8_lossy(&reply.content);
        match self.content.iter().find(|part| !content.contains(part.as_str())) {
            Some(part) => Err(format!("{part:?} is not in {content:?}")),
            None => Ok(()),
        }
    }
}

/// Whether a value is as it is written, where `...` stands for anything.
fn is_like(written: &str, value: &str) -> bool {
    let mut parts = written.split("...");
    let Some(mut rest) = value.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn what_is_written_is_read() {
    let text =
        "# About it.\n> PUT /a\n> X: y\n>> one\n>> two\n< 100\n< 201\n< Location: /a\n<< b c\n";
    let all = steps(text).unwrap();
    let [Step { line: 2, what: What::Ask(put) }] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        put.request,
        "PUT /a HTTP/1.1\r\nX: y\r\nHost: localhost\r\nContent-Length: 8\r\n\r\none\r\ntwo"
    );
    assert_eq!(put.answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [100, 201]);
    assert_eq!(put.answers[1].fields, [("Location".to_owned(), "/a".to_owned())]);
    assert_eq!(put.answers[1].content, ["b c"]);
    for (wrong, line) in [
        ("< 200\n", 1),
        ("> GET\n", 1),
        ("> GET /\n", 1),
        ("> GET /\n< X: y\n", 2),
        ("> GET /\n< 200\nX: y\n", 3),
        ("> GET /\n<< text\n", 2),
        ("$ wherefore rules\n< 200\n", 2),
    ] {
        assert_eq!(steps(wrong).unwrap_err().0, line, "{wrong}");
    }
}

#[test]
fn what_is_not_met_is_said() {
    let reply = |status, fields: &[(&str, &str)], content: &str| Reply {
        version: "HTTP/1.1".to_owned(),
        status,
        phrase: String::new(),
        fields: fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        content: content.into(),
        interim: Vec::new(),
    };
    let all = steps("> GET /\n< 200\n< A: b...\n< C: (none)\n<< text\n").unwrap();
    let What::Ask(exchange) = &all[0].what else { panic!("{all:?}") };
    let expected = &exchange.answers[0];
    assert_eq!(expected.is_met_by(&reply(200, &[("a", "bc")], "a text")), Ok(()));
    for wrong in [
        reply(404, &[("A", "b")], "text"),
        reply(200, &[], "text"),
        reply(200, &[("A", "c")], "text"),
        reply(200, &[("A", "b"), ("C", "")], "text"),
        reply(200, &[("A", "b")], "tex"),
    ] {
        assert!(expected.is_met_by(&wrong).is_err(), "{wrong:?}");
    }
    let run = |text: &str| match &steps(text).unwrap()[0].what {
        What::Run(command) => command.carry_out(Path::new(".")),
        What::Ask(_) => panic!("{text}"),
    };
    assert_eq!(run("$ wherefore rules 412\n<< if-match\n"), Ok(()));
    assert!(run("$ wherefore rules 412\n<< if-matches\n").is_err());
    assert!(run("$ wherefore no-such-command\n").is_err());
    for (written, value, is) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("...", "", true),
        ("a...", "b", false),
        ("...b...", "abc", true),
        ("a...a", "a", false),
        ("...b...c", "cb", false),
    ] {
        assert_eq!(is_like(written, value), is, "{written} {value}");
    }
}
