//! Counting by callgrind.

use std::process::{self, Command};
use std::{env, fs};

/// How many instructions a process executes that runs the scenario this often.
pub(crate) fn count(name: &str, times: u32) -> Result<u64, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    let out = env::temp_dir().join(format!("counts-{}.out", process::id()));
    let ran = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(own)
        .args(["run", name, &times.to_string()])
        // What stands in the environment moves the stack, and with it what is aligned how.
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let profile = fs::read_to_string(&out);
    // It is a profile of nothing that anyone wants.
    let _ = fs::remove_file(&out);
    if !ran.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&ran.stderr)));
    }
    let profile = profile.map_err(|error| format!("{}: {error}", out.display()))?;
    total(&profile).ok_or_else(|| format!("{name}: callgrind wrote no total"))
}

fn total(profile: &str) -> Option<u64> {
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "))?;
    total.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read() {
        assert_eq!(total("version: 1\nevents: Ir\nfn=(1) main\n1 2\n\ntotals: 31\n"), Some(31));
        assert_eq!(total("summary: 31\n"), None);
    }
}
