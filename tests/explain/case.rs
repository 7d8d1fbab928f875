//! One request, as it is sent and as it is explained.

use std::path::Path;

use crate::printed;
use crate::support::Running;

#[derive(Clone)]
pub struct Case {
    pub method: &'static str,
    pub target: &'static str,
    pub fields: Vec<String>,
    pub content: Option<&'static str>,
    /// The status that it is answered with, and the rule.
    pub wanted: (u16, &'static str),
    /// In how many ways it may end, as far as can be said without a server.
    pub ends: usize,
}

/// A status and a rule that answers with it.
pub type End = (u16, String);

pub fn case(method: &'static str, target: &'static str, status: u16, rule: &'static str) -> Case {
    let (fields, wanted) = (Vec::new(), (status, rule));
    Case { method, target, fields, content: None, wanted, ends: 1 }
}

impl Case {
    pub fn with(mut self, field: &str) -> Self {
        self.fields.push(field.trim_end().to_owned());
        self
    }

    pub fn bringing(mut self, content: &'static str) -> Self {
        self.content = Some(content);
        self
    }

    pub fn of(mut self, ends: usize) -> Self {
        self.ends = ends;
        self
    }

    /// It in words.
    pub fn name(&self) -> String {
        format!("{} {} {:?}", self.method, self.target, self.fields)
    }

    /// What the running server answers: its status, and the rule that its log names.
    pub fn sent(&self, server: &Running) -> End {
        let mut request = format!("{} {} HTTP/1.1\n", self.method, self.target);
        let has_host = self.fields.iter().any(|field| field.starts_with("Host:"));
        if !has_host {
            request.push_str("Host: localhost\n");
        }
        for field in &self.fields {
            request.push_str(&format!("{field}\n"));
        }
        if let Some(content) = self.content {
            request.push_str(&format!("Content-Length: {}\n", content.len()));
        }
        request.push_str(&format!("\n{}", self.content.unwrap_or_default()));
        let reply = server.ask(&request);
        let line = server.log_line(&format!("\"{} {} HTTP/1.1\"", self.method, self.target));
        let rule = line.rsplit(' ').nth(1).unwrap().to_owned();
        assert!(line.contains(&format!(" {} ", reply.status)), "{line}");
        (reply.status, rule)
    }

    /// What `explain` says of it, called with these arguments besides.
    pub fn explained(&self, arguments: &[&str], scratch: &Path) -> String {
        let mut all = vec!["explain", self.method, self.target];
        all.extend(arguments);
        for field in &self.fields {
            all.extend(["-H", field]);
        }
        let file = scratch.join("content");
        if let Some(content) = self.content {
            std::fs::write(&file, content).unwrap();
            all.extend(["--content", file.to_str().unwrap()]);
        }
        printed(&all)
    }
}

/// Every way in which an explained request may end.
pub fn ends(text: &str) -> Vec<End> {
    let ends = text.lines().filter_map(|line| line.trim_start().split_once("  because of "));
    ends.map(|(status, rule)| {
        let code = status.split(' ').next().unwrap().parse().unwrap();
        (code, rule.split(':').next().unwrap().to_owned())
    })
    .collect()
}
