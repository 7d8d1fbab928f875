//! A process that settles is killed at any moment: what it had acknowledged is spent, nothing is spent
//! twice, and nothing stays reserved.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use wherefore_state::{BalanceBounds, Balances, Credited};

const FOLDER: &str = "WHEREFORE_KILL_TEST_FOLDER";
const ROUNDS: u64 = 12;
const THREADS: u64 = 4;
const PAID: u64 = 1_000_000;

fn open(folder: &Path) -> Balances {
    Balances::open(folder, BalanceBounds::default()).unwrap()
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let name = format!("wherefore-state-kill-{}", std::process::id());
    let folder = Scratch(std::env::temp_dir().join(name));
    fs::create_dir(&folder.0).unwrap();
    let (mut paid, mut spent) = (0, 0);
    for round in 0..ROUNDS {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_writer", "--ignored", "--nocapture"])
            .env(FOLDER, &folder.0)
            .env("ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let (mut credited, mut settled) = (0, 0);
        for line in lines {
            // The first may stand behind what the test's own frame says.
            match line.unwrap().rsplit(' ').next() {
                Some("begun") => {}
                Some("credited") => credited += 1,
                Some("settled") => settled += 1,
                _ => continue,
            }
            // In the first round, while it makes the file.
            if credited + settled == round * 2 {
                // What it does from here on until the signal arrives is left to chance.
                writer.kill().unwrap();
            }
        }
        assert!(!writer.wait().unwrap().success());

        let balances = open(&folder.0);
        let is_credited = balances.available(b"account") > paid - spent;
        assert!(is_credited || credited == 0, "an acknowledged payment is there");
        let payment = balances.credit(b"account", PAID, &round.to_le_bytes()).unwrap();
        assert_eq!(payment == Credited::Before, is_credited);
        paid += PAID;
        let more = paid - spent - balances.available(b"account");
        assert!((settled..=settled + THREADS).contains(&more), "{more} of {settled} are spent");
        spent += more;
        let all = balances.reserve(b"account", paid - spent).unwrap();
        balances.cancel(all);
    }
    assert!(spent > 0);
}

#[test]
#[ignore = "the process to be killed: the other test runs it"]
fn the_writer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let round: u64 = std::env::var("ROUND").unwrap().parse().unwrap();
    writeln!(std::io::stdout(), "begun").unwrap();
    let balances = open(&folder);
    balances.credit(b"account", PAID, &round.to_le_bytes()).unwrap();
    writeln!(std::io::stdout(), "credited").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Ends by itself should nobody kill it.
                for _ in 0..10_000 {
                    let reservation = balances.reserve(b"account", 1).unwrap();
                    balances.settle(reservation).unwrap();
                    writeln!(std::io::stdout(), "settled").unwrap();
                }
            });
        }
    });
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
