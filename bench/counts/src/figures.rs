//! The figures that are kept, and what they hold for.

use std::fmt;
use std::fs;
use std::process::Command;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/figures.tsv");

/// The compiler and the machine: another of either makes other instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toolchain {
    rustc: String,
    host: String,
    /// The widest vectors, by which libraries choose their code when they run.
    vectors: String,
}

/// Instructions an operation, by scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) toolchain: Toolchain,
    pub(crate) instructions: Vec<(String, u64)>,
}

impl Toolchain {
    /// Those in use.
    pub(crate) fn present() -> Result<Self, String> {
        let out = Command::new("rustc").arg("-vV").output();
        let out = out.map_err(|error| format!("rustc: {error}"))?;
        let said = String::from_utf8_lossy(&out.stdout);
        let host = said.lines().find_map(|line| line.strip_prefix("host: "));
        match (said.lines().next(), host) {
            (Some(rustc), Some(host)) => Ok(Self {
                rustc: rustc.to_owned(),
                host: host.to_owned(),
                vectors: vectors().to_owned(),
            }),
            _ => Err(format!("rustc -vV said {said:?}")),
        }
    }
}

fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "avx2";
    }
    "usual"
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} with {} vectors", self.rustc, self.host, self.vectors)
    }
}

impl Figures {
    /// Those in the repository.
    pub(crate) fn kept() -> Result<Self, String> {
        let text = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
        Self::parse(&text).ok_or_else(|| format!("{FILE} can't be read; counts update writes it"))
    }

    /// Puts these into the repository.
    pub(crate) fn keep(&self) -> Result<(), String> {
        fs::write(FILE, self.to_string()).map_err(|error| format!("{FILE}: {error}"))
    }

    pub(crate) fn of(&self, name: &str) -> Option<u64> {
        let of_name = self.instructions.iter().find(|(other, _)| other == name);
        of_name.map(|(_, count)| *count)
    }

    /// The scenarios that are not in both, or whose figures are further apart than `per_mille`
    /// thousandths of these.
    pub(crate) fn differing(&self, present: &Self, per_mille: u64) -> Vec<String> {
        let names = self.instructions.iter().chain(&present.instructions).map(|(name, _)| name);
        let mut differing: Vec<String> = Vec::new();
        for name in names {
            let is_near = match (self.of(name), present.of(name)) {
                (Some(kept), Some(now)) => kept.abs_diff(now) * 1000 <= kept * per_mille,
                (None, _) | (_, None) => false,
            };
            if !is_near && !differing.contains(name) {
                differing.push(name.clone());
            }
        }
        differing
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut rustc, mut host, mut vectors) = (None, None, None);
        let mut instructions = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            match line.split_once('\t')? {
                ("compiler", name) => rustc = Some(name.to_owned()),
                ("host", name) => host = Some(name.to_owned()),
                ("vectors", name) => vectors = Some(name.to_owned()),
                (name, count) => instructions.push((name.to_owned(), count.parse().ok()?)),
            }
        }
        let toolchain = Toolchain { rustc: rustc?, host: host?, vectors: vectors? };
        Some(Self { toolchain, instructions })
    }
}

/// As it stands in the file.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Instructions an operation. Written by bench/counts/check --update.")?;
        let Toolchain { rustc, host, vectors } = &self.toolchain;
        writeln!(f, "compiler\t{rustc}\nhost\t{host}\nvectors\t{vectors}")?;
        for (name, count) in &self.instructions {
            writeln!(f, "{name}\t{count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::SCENARIOS;

    fn figures(of: &[(&str, u64)]) -> Figures {
        let [rustc, host, vectors] = ["rustc 1", "x", "wide"].map(str::to_owned);
        let toolchain = Toolchain { rustc, host, vectors };
        let instructions = of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Figures { toolchain, instructions }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = figures(&[("a", 1), ("b", 20)]);
        assert_eq!(Figures::parse(&written.to_string()), Some(written));
        assert_eq!(Figures::parse("compiler\tr\nhost\th\na\tmany\n"), None);
        assert_eq!(Figures::parse("a\t1\n"), None);
    }

    #[test]
    fn a_figure_may_be_a_little_off_and_no_more() {
        let kept = figures(&[("a", 1000), ("b", 1000), ("c", 1000), ("d", 1000), ("gone", 1)]);
        let now = figures(&[("a", 1030), ("b", 1031), ("c", 970), ("d", 969), ("new", 1)]);
        assert_eq!(kept.differing(&now, 30), ["b", "d", "gone", "new"]);
        assert_eq!(kept.differing(&kept, 30), [""; 0]);
    }

    #[test]
    fn every_scenario_is_kept() {
        let kept = Figures::kept().unwrap();
        let names: Vec<_> = kept.instructions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>());
    }
}
