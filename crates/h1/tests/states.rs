//! The connection's states as they are documented, and laws about all of them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use wherefore_h1::exchange::{Happening, Persistence, Receiving, Sending, State, next};

/// Every state that can be reached from a fresh connection, in the order in which it is found.
fn reachable() -> Vec<State> {
    let mut found = vec![State::START];
    let mut i = 0;
    while let Some(state) = found.get(i).copied() {
        for happening in Happening::ALL {
            if let Some(to) = next(state, happening)
                && !found.contains(&to)
            {
                found.push(to);
            }
        }
        i += 1;
    }
    found
}

fn name(state: State) -> String {
    let State { receiving, sending, persistence } = state;
    format!("{receiving:?} / {sending:?} / {persistence:?}")
}

fn document() -> String {
    let states = reachable();
    let all = Receiving::ALL.len() * Sending::ALL.len() * 2;
    let mut text = String::from(
        "# The states of an HTTP/1.1 connection in the server role\n\n\
         Printed from `next` in `crates/h1/src/exchange.rs` by `crates/h1/tests/states.rs`; run that test\n\
         with `UPDATE_DOCS=1` to print it again. A state is what the peer's message is at, what our answer\n\
         is at, and whether the connection persists (RFC 9112 §9).\n\n",
    );
    writeln!(text, "{} of {all} states can be reached.\n", states.len()).unwrap();
    text.push_str("| receiving / sending / persistence | happening | leads to |\n|---|---|---|\n");
    for state in states {
        for happening in Happening::ALL {
            if let Some(to) = next(state, happening) {
                let to = if to == state { "the same".to_owned() } else { name(to) };
                writeln!(text, "| {} | {happening:?} | {to} |", name(state)).unwrap();
            }
        }
    }
    text
}

#[test]
fn the_document_is_what_the_function_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/h1-states.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, document()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == document(), "docs/h1-states.md is out of date: run with UPDATE_DOCS=1");
}

#[test]
fn every_state_can_end_and_nothing_happens_after_the_end() {
    for state in reachable() {
        let mut seen = BTreeSet::from([name(state)]);
        let mut open = vec![state];
        let mut ends = false;
        while let Some(state) = open.pop() {
            ends |= state.sending == Sending::Closed;
            for to in Happening::ALL.into_iter().filter_map(|happening| next(state, happening)) {
                if seen.insert(name(to)) {
                    open.push(to);
                }
            }
        }
        assert!(ends, "{} never ends", name(state));
        if state.sending == Sending::Closed {
            assert_eq!(seen.len(), 1, "something happens after {}", name(state));
        }
    }
}

#[test]
fn what_closes_never_persists_again_and_what_broke_always_closes() {
    for state in reachable() {
        if matches!(state.receiving, Receiving::Broken | Receiving::Closed) {
            assert_eq!(state.persistence, Persistence::Close, "{}", name(state));
        }
        for to in Happening::ALL.into_iter().filter_map(|happening| next(state, happening)) {
            let reopened =
                state.persistence == Persistence::Close && to.persistence == Persistence::Keep;
            assert!(!reopened, "{} to {}", name(state), name(to));
        }
    }
}

#[test]
fn an_answer_is_owed_from_the_head_on_and_only_then() {
    for state in reachable() {
        for happening in Happening::ALL {
            let Some(to) = next(state, happening) else { continue };
            if state.sending == Sending::Idle && to.sending == Sending::Owed {
                assert!(matches!(happening, Happening::HeadEnds | Happening::Fault));
            }
            if to.sending == Sending::Idle {
                assert!(matches!(happening, Happening::Turn | Happening::HeadBegins), "{state:?}");
            }
        }
    }
}

#[test]
fn every_variant_is_reached_and_everything_happens_somewhere() {
    let states = reachable();
    for receiving in Receiving::ALL {
        assert!(states.iter().any(|state| state.receiving == receiving), "{receiving:?}");
    }
    for sending in Sending::ALL {
        assert!(states.iter().any(|state| state.sending == sending), "{sending:?}");
    }
    for happening in Happening::ALL {
        assert!(states.iter().any(|state| next(*state, happening).is_some()), "{happening:?}");
    }
}
