//! How many instructions one operation takes, held to figures that are kept in the repository.
//!
//! Time on a shared machine says little; instructions are the same on every run. Each scenario runs
//! under callgrind N times and 2 N times: the difference over N is what one operation takes, and
//! whatever comes before and after it, the start of the process included, falls out.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

mod decide;
mod exchange;
mod figures;
mod h1;
mod requests;
mod scenario;
mod site;
mod valgrind;

use std::env;
use std::process::ExitCode;

use figures::{Figures, Toolchain};
use scenario::{SCENARIOS, Scenario};

/// How far a figure may be from the one that is kept, in thousandths.
const TOLERANCE_PER_MILLE: u64 = 30;

/// How much more a request among many routes may take than one among few, in thousandths.
const ROUTES_PER_MILLE: u64 = 50;

const USAGE: &str = "\
Usage: counts check             hold every scenario to the figure that is kept
       counts update            keep the figures of now
       counts run NAME TIMES    run one scenario, to be looked at under a profiler";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *arguments {
        ["check"] => check(),
        ["update"] => update(),
        ["run", name, times] => run(name, times),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<(), String> {
    let (kept, toolchain) = (Figures::kept()?, Toolchain::present()?);
    if kept.toolchain != toolchain {
        println!("not checked: the figures are those of {}, this is {toolchain}", kept.toolchain);
        return Ok(());
    }
    let present = measure(toolchain)?;
    print_both(&kept, &present);
    let ratio = |name| present.of(name).unwrap_or_default().max(1);
    let (few, many) = (ratio("exchange-few-routes"), ratio("exchange-many-routes"));
    if many * 1000 > few * (1000 + ROUTES_PER_MILLE) {
        return Err(format!(
            "a request among 11,000 routes takes {many} instructions, and {few} among ten: that is more than \
             {ROUTES_PER_MILLE} in 1000 more"
        ));
    }
    let names = kept.differing(&present, TOLERANCE_PER_MILLE);
    if names.is_empty() {
        return Ok(());
    }
    Err(format!(
        "not what is kept, by more than {TOLERANCE_PER_MILLE} in 1000: {}\n\
         If that is as it should be, say why in the commit and keep the new figures: \
         bench/counts/check --update",
        names.join(", ")
    ))
}

fn update() -> Result<(), String> {
    let present = measure(Toolchain::present()?)?;
    // The first time there is nothing to hold them against.
    if let Ok(kept) = Figures::kept() {
        print_both(&kept, &present);
    }
    present.keep()
}

fn run(name: &str, times: &str) -> Result<(), String> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.ok_or_else(|| {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        format!("no scenario is named {name}; there are {}", names.join(", "))
    })?;
    let times = times.parse().map_err(|error| format!("{times}: {error}"))?;
    (scenario.run)(times);
    Ok(())
}

fn measure(toolchain: Toolchain) -> Result<Figures, String> {
    let count = |scenario: &Scenario| {
        let times = scenario.times;
        let (once, twice) =
            (valgrind::count(scenario.name, times)?, valgrind::count(scenario.name, 2 * times)?);
        let each = twice.saturating_sub(once) / u64::from(times);
        Ok((scenario.name.to_owned(), each))
    };
    let instructions = SCENARIOS.iter().map(count).collect::<Result<_, String>>()?;
    Ok(Figures { toolchain, instructions })
}

fn print_both(kept: &Figures, present: &Figures) {
    println!("{:<24} {:>10} {:>10} {:>7}", "instructions", "kept", "now", "ratio");
    for (name, now) in &present.instructions {
        match kept.of(name) {
            Some(before) => {
                let ratio = *now as f64 / before as f64;
                println!("{name:<24} {before:>10} {now:>10} {ratio:>7.3}");
            }
            None => println!("{name:<24} {:>10} {now:>10} {:>7}", "-", "-"),
        }
    }
}
