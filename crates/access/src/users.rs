//! Who there is: the texts of an htpasswd file and of a file of groups.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::Asker;
use crate::password::{Kind, Stored};

/// The longest text that is read, in octets.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many different costs the hashes of one file may have.
///
/// A wrong attempt pays each of them once, so that the time it takes says nothing of the user: a file
/// is to move from one cost to another, not to collect them.
pub const KINDS_MAX: usize = 4;

/// The longest name of a user or a group, in octets.
pub const NAME_BYTES_MAX: usize = 255;

/// The most groups of one file: each request that asks for one looks through those of its user.
pub const GROUPS_MAX: usize = 1024;

/// The most complaints that are told at once.
pub const COMPLAINTS_MAX: usize = 100;

/// Users with their hashes and groups.
#[derive(Default)]
pub struct Users {
    pub(crate) users: HashMap<String, User>,
    /// Each cost that a hash has, once.
    pub(crate) kinds: Vec<Kind>,
}

pub(crate) struct User {
    pub(crate) asker: Asker,
    pub(crate) stored: Stored,
    /// The hash as written.
    pub(crate) text: String,
}

/// One thing that is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The text.
    pub text: Text,
    /// The line, from 1; 0 for the whole text.
    pub line: usize,
    /// What is wrong, without secrets.
    pub what: String,
}

/// The texts that users are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// Of an htpasswd file: `user:hash`, and perhaps `:comment`.
    Passwords,
    /// Of a file of groups: `group: user user`.
    Groups,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.what),
            line => write!(f, "line {line}: {}", self.what),
        }
    }
}

impl Users {
    /// Reads an htpasswd file and, where there is one, a file of groups. Groups may name users that are
    /// in another file. Empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with either, in order; of more than [`COMPLAINTS_MAX`] the first.
    pub fn read(passwords: &str, groups: &str) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Complaints::default();
        let mut users = Self::default();
        if has_room(Text::Passwords, passwords, &mut complaints) {
            users.read_passwords(passwords, &mut complaints);
        }
        if has_room(Text::Groups, groups, &mut complaints) {
            users.read_groups(groups, &mut complaints);
        }
        if complaints.0.is_empty() { Ok(users) } else { Err(complaints.0) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.users.len()
    }

    fn read_passwords(&mut self, text: &str, complaints: &mut Complaints) {
        for (line, words) in lines(text) {
            let mut complain = |what| complaints.add(Text::Passwords, line, what);
            let Some((name, rest)) = words.split_once(':') else {
                complain("there is no colon: a line is user:hash".to_owned());
                continue;
            };
            if let Some(what) = wrong_with(name) {
                complain(format!("the user's name {what}"));
                continue;
            }
            let text = rest.split(':').next().unwrap_or_default();
            let stored = match Stored::parse(text) {
                Ok(stored) => stored,
                Err(fault) => {
                    complain(fault.to_string());
                    continue;
                }
            };
            // One more than may be is kept, so that it is complained about once.
            if self.kinds.len() <= KINDS_MAX && !self.kinds.contains(&stored.kind) {
                self.kinds.push(stored.kind);
                if self.kinds.len() > KINDS_MAX {
                    let what = "the hashes up to here have five different costs, four are the most";
                    complain(format!("{what}: hash some passwords anew"));
                }
            }
            let asker = Asker { name: name.to_owned(), groups: Vec::new() };
            let user = User { asker, stored, text: text.to_owned() };
            if self.users.insert(name.to_owned(), user).is_some() {
                complain(format!("the user {name} is there before"));
            }
        }
    }

    fn read_groups(&mut self, text: &str, complaints: &mut Complaints) {
        // A group may stand on several lines, and a user twice in one.
        let mut groups: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (line, words) in lines(text) {
            let mut complain = |what| complaints.add(Text::Groups, line, what);
            let Some((group, members)) = words.split_once(':') else {
                complain("there is no colon: a line is group: user user".to_owned());
                continue;
            };
            let group = group.trim();
            if let Some(what) = wrong_with(group) {
                complain(format!("the group's name {what}"));
                continue;
            }
            groups.entry(group).or_default().extend(members.split_whitespace());
            if groups.len() > GROUPS_MAX {
                complain(format!("this is one group more than {GROUPS_MAX}, which are the most"));
                return;
            }
        }
        for (group, members) in groups {
            for member in members {
                let user = self.users.get_mut(member);
                user.into_iter().for_each(|user| user.asker.groups.push(group.to_owned()));
            }
        }
    }
}

/// What is wrong, as far as it is told.
#[derive(Default)]
struct Complaints(Vec<Complaint>);

impl Complaints {
    fn add(&mut self, text: Text, line: usize, what: String) {
        if self.0.len() < COMPLAINTS_MAX {
            self.0.push(Complaint { text, line, what });
        }
    }
}

/// How many there are of what, and no secrets.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.count()).field("kinds", &self.kinds).finish()
    }
}

fn has_room(text: Text, octets: &str, complaints: &mut Complaints) -> bool {
    let fits = octets.len() <= TEXT_BYTES_MAX;
    if !fits {
        complaints.add(text, 0, format!("the text is longer than {TEXT_BYTES_MAX} octets"));
    }
    fits
}

/// The lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn wrong_with(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > NAME_BYTES_MAX {
        Some("is longer than 255 octets")
    } else if name.chars().any(char::is_control) {
        Some("has a control character, which no client can send")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ONE: &str =
        "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const TWO: &str = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn users_and_groups() {
        let passwords =
            format!("\u{feff}# staff\r\n\r\nanna:{ONE}\r\n  bert:{TWO}:Bert's own\nzoë:{ONE}\n");
        let groups = "# who may\nstaff: anna bert nobody\nadmins:anna\n\nstaff: zoë anna\nempty:\n";
        let users = Users::read(&passwords, groups).unwrap();
        assert_eq!((users.count(), users.kinds.len()), (3, 2));
        assert_eq!(users.users["anna"].asker.groups, ["admins", "staff"]);
        assert_eq!(users.users["zoë"].asker.groups, ["staff"]);
        assert_eq!(users.users["bert"].text, TWO);
        let shown = format!("{users:?}");
        assert!(!shown.contains("anna") && !shown.contains("c29t"), "{shown}");
    }

    #[test]
    fn every_complaint_has_its_line() {
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        let passwords = format!(
            "anna\n:{ONE}\nbert:$apr1$x$y\n\nanna:{ONE}\nanna:{TWO}\na\tb:{ONE}\n{long}:{ONE}\ncarl:$2y$20$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
        );
        let complaints = Users::read(&passwords, "staff anna\n:x").unwrap_err();
        let places: Vec<_> = complaints.iter().map(|c| (c.text, c.line)).collect();
        let (p, g) = (Text::Passwords, Text::Groups);
        assert_eq!(
            places,
            [(p, 1), (p, 2), (p, 3), (p, 6), (p, 7), (p, 8), (p, 9), (g, 1), (g, 2)]
        );
        assert!(complaints[2].to_string().starts_with("line 3: Apache's MD5 (apr1) is not taken"));
        assert!(complaints[6].to_string().contains("a cost of 20 is above 14"));
    }

    #[test]
    fn costs_are_not_collected() {
        let file = |kinds: usize| {
            let line = |i: usize| format!("user{i}:{}\n", ONE.replace("t=1", &format!("t={i}")));
            (1..=kinds).map(line).collect::<String>()
        };
        assert_eq!(Users::read(&file(KINDS_MAX), "").unwrap().kinds.len(), KINDS_MAX);
        let complaints = Users::read(&file(KINDS_MAX + 2), "").unwrap_err();
        assert_eq!(complaints.iter().map(|c| c.line).collect::<Vec<_>>(), [KINDS_MAX + 1]);
    }

    #[test]
    fn texts_are_bounded() {
        let long = "#".repeat(TEXT_BYTES_MAX + 1);
        assert_eq!(Users::read(&long, &long).unwrap_err().len(), 2);
        assert_eq!(Users::read(&long[1..], "").unwrap().count(), 0);
        let groups = |count| (0..count).map(|i| format!("g{i}: anna\n")).collect::<String>();
        assert!(Users::read("", &groups(GROUPS_MAX)).is_ok());
        let complaints = Users::read("", &groups(GROUPS_MAX + 9)).unwrap_err();
        assert_eq!(complaints.iter().map(|c| c.line).collect::<Vec<_>>(), [GROUPS_MAX + 1]);
        assert_eq!(Users::read(&"x\n".repeat(1000), "").unwrap_err().len(), COMPLAINTS_MAX);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(passwords in "([a-z]{0,3}(:|\n|\\$2b\\$|\\PC)){0,12}", groups in "([a-z]{0,3}[: \n]){0,12}") {
            if let Err(complaints) = Users::read(&passwords, &groups) {
                prop_assert!(!complaints.is_empty());
                let count = |text| match text { Text::Passwords => passwords.lines().count(), Text::Groups => groups.lines().count() };
                prop_assert!(complaints.iter().all(|complaint| complaint.line <= count(complaint.text)));
            }
        }
    }
}
