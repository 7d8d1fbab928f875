//! The limits of messages and of the server, as one list of names for `--limit`.

use std::fmt::Write as _;

use wherefore_h1 as h1;
use wherefore_server::limits as server;

use crate::UsageError;

/// Every limit that can be set.
#[derive(Clone)]
pub(crate) struct Limits {
    pub(crate) wire: h1::Limits,
    pub(crate) server: server::Limits,
}

impl Limits {
    /// The presets, changed by each `NAME=VALUE`.
    pub(crate) fn read(
        settings: &[String],
        descriptors: u64,
        cores: usize,
    ) -> Result<Self, UsageError> {
        let mut limits = Self {
            wire: h1::Limits::default(),
            server: server::Limits::preset(descriptors, cores),
        };
        for setting in settings {
            let (name, value) = setting.split_once('=').ok_or_else(|| {
                UsageError(format!("--limit {setting}: a limit is set as NAME=VALUE"))
            })?;
            let said = if limits.wire.value(name).is_some() {
                limits.wire.set(name, value)
            } else if limits.server.value(name).is_some() {
                limits.server.set(name, value).map_err(|error| error.to_string())
            } else {
                Err(format!("there is no limit {name:?}{}", meant(name)))
            };
            said.map_err(|why| UsageError(format!("--limit {setting}: {why}")))?;
        }
        Ok(limits)
    }
}

/// The list of limits, as help shows it.
pub(crate) fn help() -> String {
    let mut out = String::from("Limits (--limit NAME=VALUE):\n");
    for info in h1::LIMITS {
        let preset = info.written(info.default).to_string();
        let _ = writeln!(out, "  {:<24} {:<10} {}", info.name, preset, info.about);
    }
    for info in server::LIMITS {
        let preset = info.default.describe(info.unit);
        let _ = writeln!(out, "  {:<24} {:<10} {}", info.name, preset, info.about);
    }
    out
}

/// Whether there is a limit of this name.
pub(crate) fn is_known(name: &str) -> bool {
    names().any(|known| known == name)
}

fn names() -> impl Iterator<Item = &'static str> {
    h1::LIMITS.iter().map(|info| info.name).chain(server::LIMITS.iter().map(|info| info.name))
}

/// The name that shares the longest beginning, or holds what was written, as a hint.
fn meant(written: &str) -> String {
    let shared =
        |name: &str| name.bytes().zip(written.bytes()).take_while(|(one, two)| one == two).count();
    match names().max_by_key(|name| shared(name)) {
        Some(name) if shared(name) >= 3 => {
            format!("; did you mean {name:?}? `wherefore serve --help` lists them all")
        }
        _ => "; `wherefore serve --help` lists them all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let mut seen = HashSet::new();
        assert!(names().all(|name| seen.insert(name)));
    }

    #[test]
    fn settings_are_read_or_complained_about() {
        let read = |text: &str| Limits::read(&[text.to_owned()], 1024, 1);
        assert_eq!(read("target-bytes=9KiB").unwrap().wire.target_bytes, 9 << 10);
        assert_eq!(read("connections=7").unwrap().server.connections, 7);
        for wrong in ["target-bytes", "target-bites=1", "target-bytes=fast", "connections=0", "=1"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("target-bites=1").err().unwrap().0.contains("target-bytes"));
    }
}
