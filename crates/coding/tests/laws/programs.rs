//! What other people's programs make of it, as far as they are there.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use wherefore_message::Coding;

use crate::{decode, encode, levels, made};

const PROGRAMS: [(Coding, &str); 3] =
    [(Coding::Gzip, "gzip"), (Coding::Brotli, "brotli"), (Coding::Zstd, "zstd")];

#[test]
fn programs_decode_what_is_encoded_and_the_other_way_round() {
    let content = made(11, 3, 150_000);
    let mut there = 0;
    for (coding, program) in PROGRAMS {
        let Some(coded) = run(program, "-c", &content) else {
            println!("{program} is not here");
            continue;
        };
        there += 1;
        assert!(decode(coding, 150_000, [&coded[..]]).as_ref() == Ok(&content), "{program}");
        for level in levels().filter(|level| level.coding() == coding) {
            let coded = encode(level, [&content[..]]);
            assert!(run(program, "-dc", &coded).as_ref() == Some(&content), "{level:?}");
        }
    }
    assert!(there > 0, "not one of the programs is here, not even gzip");
}

/// What the program makes of `input`; none if there is no such program.
fn run(program: &str, option: &str, input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.arg(option).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // A program that gives up early closes its input; its answer tells.
        scope.spawn(move || stdin.write_all(input));
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success(), "{program} {option}: {}", out.status);
        Some(out.stdout)
    })
}
