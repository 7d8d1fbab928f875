//! Balances under races, over restarts, and with files that are not theirs.
#![allow(clippy::unwrap_used, reason = "every function here is a test's")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use wherefore_state::{
    BalanceBounds, Balances, CreditError, Credited, Insufficient, Reservation, StateError,
};

struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wherefore-balances-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("balances/balances.redb")
    }

    fn open(&self) -> Balances {
        self.open_within(BalanceBounds::default()).unwrap()
    }

    fn open_within(&self, bounds: BalanceBounds) -> Result<Balances, StateError> {
        Balances::open(&self.0, bounds)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn paid_in_reserved_settled_and_given_back() {
    let scratch = Scratch::new();
    let balances = scratch.open();
    assert_eq!(balances.reserve(b"a", 1).unwrap_err(), Insufficient { balance: 0 });
    assert_eq!(balances.credit(b"a", 10, b"p1").unwrap(), Credited::Now);
    assert_eq!(balances.credit(b"a", 10, b"p1").unwrap(), Credited::Before);
    assert_eq!(balances.available(b"a"), 10);

    let first = balances.reserve(b"a", 6).unwrap();
    assert_eq!((first.account(), first.amount()), (&b"a"[..], 6));
    assert_eq!(balances.reserve(b"a", 5).unwrap_err(), Insufficient { balance: 4 });
    let second = balances.reserve(b"a", 4).unwrap();
    balances.cancel(first);
    assert_eq!(balances.available(b"a"), 6);
    assert_eq!(balances.settle(second).unwrap(), 6);
    assert_eq!(balances.available(b"a"), 6);
    let all = balances.reserve(b"a", 6).unwrap();
    assert_eq!(balances.settle(all).unwrap(), 0);
    let nothing = balances.reserve(b"a", 0).unwrap();
    assert_eq!(balances.settle(nothing).unwrap(), 0);
    assert_eq!(balances.credit(b"a", 3, b"p2").unwrap(), Credited::Now);
    assert_eq!((balances.available(b"a"), balances.available(b"b")), (3, 0));
}

#[test]
fn a_payment_counts_once_and_for_one_account() {
    let scratch = Scratch::new();
    let balances = scratch.open();
    balances.credit(b"a", 10, b"p").unwrap();
    for (account, amount) in [(&b"b"[..], 10), (&b"a"[..], 11)] {
        let credited = balances.credit(account, amount, b"p");
        assert!(matches!(credited, Err(CreditError::Conflict)), "{credited:?}");
    }
    let over = balances.credit(b"a", u64::MAX - 9, b"q");
    assert!(matches!(over, Err(CreditError::Overflow)), "{over:?}");
    balances.credit(b"a", u64::MAX - 10, b"q").unwrap();
    assert_eq!(balances.available(b"a"), u64::MAX);
    let long = [b'x'; 257];
    assert!(matches!(balances.credit(&long, 1, b"r"), Err(CreditError::TooLong)));
    assert!(matches!(balances.credit(b"a", 1, &long), Err(CreditError::TooLong)));
    balances.credit(&long[1..], 1, &long[1..]).unwrap();
    drop(balances);
    let balances = scratch.open();
    assert_eq!(balances.credit(b"a", 10, b"p").unwrap(), Credited::Before);
    assert_eq!(balances.available(b"a"), u64::MAX);
}

#[test]
fn accounts_and_payments_are_bounded() {
    let scratch = Scratch::new();
    let balances = scratch.open_within(BalanceBounds { accounts_max: 2, payments_max: 4 }).unwrap();
    balances.credit(b"a", 1, b"1").unwrap();
    balances.credit(b"b", 1, b"2").unwrap();
    let is_full = |account: &[u8], payment: &[u8]| {
        matches!(balances.credit(account, 1, payment), Err(CreditError::Full))
    };
    assert!(is_full(b"c", b"3"));
    balances.settle(balances.reserve(b"a", 1).unwrap()).unwrap();
    balances.credit(b"c", 1, b"3").unwrap();
    balances.credit(b"c", 1, b"4").unwrap();
    assert!(is_full(b"c", b"5"));
    assert_eq!(balances.credit(b"a", 1, b"1").unwrap(), Credited::Before);
}

#[test]
fn racing_requests_spend_exactly_what_is_there() {
    const THREADS: usize = 64;
    const ROUNDS: usize = 4;
    const PRICE: u64 = 7;
    const ENOUGH_FOR: u64 = 100;
    let scratch = Scratch::new();
    let balances = scratch.open();
    // A little is left that buys nothing.
    balances.credit(b"a", PRICE * ENOUGH_FOR + 3, b"p").unwrap();
    let begin = Barrier::new(THREADS);
    let settled: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (balances, begin) = (&balances, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let mut settled = 0;
                    for round in 0..ROUNDS {
                        let Ok(reservation) = balances.reserve(b"a", PRICE) else { continue };
                        if (thread + round) % 5 == 0 {
                            balances.cancel(reservation);
                            continue;
                        }
                        balances.settle(reservation).unwrap();
                        settled += 1;
                    }
                    settled
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Those that were cancelled may have kept others from the last; it is there for who comes now.
    let mut rest = 0;
    while let Ok(reservation) = balances.reserve(b"a", PRICE) {
        balances.settle(reservation).unwrap();
        rest += 1;
    }
    assert_eq!(settled + rest, ENOUGH_FOR);
    drop(balances);
    assert_eq!(scratch.open().available(b"a"), 3);
}

#[test]
fn sixty_four_at_once_with_enough_for_ten() {
    let scratch = Scratch::new();
    let balances = scratch.open();
    balances.credit(b"a", 10, b"p").unwrap();
    let begin = Barrier::new(64);
    let settled = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64)
            .map(|_| {
                scope.spawn(|| {
                    begin.wait();
                    let reservation = balances.reserve(b"a", 1);
                    reservation.is_ok_and(|reservation| balances.settle(reservation).is_ok())
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(())).count()
    });
    assert_eq!(settled, 10);
    drop(balances);
    assert_eq!(scratch.open().available(b"a"), 0);
}

#[test]
fn what_was_reserved_when_it_was_closed_is_there_again() {
    let scratch = Scratch::new();
    let balances = scratch.open();
    balances.credit(b"a", 10, b"p").unwrap();
    let reservation = balances.reserve(b"a", 9).unwrap();
    drop(balances);
    assert_eq!(scratch.open().available(b"a"), 10);
    drop(reservation);
}

#[test]
fn it_belongs_to_one_and_to_the_owner() {
    let scratch = Scratch::new();
    let first = scratch.open();
    let second = scratch.open_within(BalanceBounds::default());
    let Err(StateError::Locked { pid, .. }) = second else { panic!("it is in use") };
    assert_eq!(pid, Some(std::process::id()));
    drop(first);
    scratch.open();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(scratch.file()), 0o600);
    assert_eq!(mode(scratch.0.join("balances")), 0o700);
}

#[test]
fn a_file_half_made_is_made_again() {
    let scratch = Scratch::new();
    drop(scratch.open());
    let made = scratch.file().with_extension("redb.new");
    fs::rename(scratch.file(), &made).unwrap();
    let content = fs::read(&made).unwrap();
    for length in [0, 9, 300, 4096, content.len()] {
        fs::write(&made, &content[..length]).unwrap();
        drop(scratch.open());
        fs::remove_file(scratch.file()).unwrap();
    }
}

#[test]
fn a_file_of_another_program_or_version_is_left_alone() {
    const ABOUT: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("wherefore");
    let scratch = Scratch::new();
    drop(scratch.open());
    let version = |version: Option<u64>| {
        let database = redb::Database::open(scratch.file()).unwrap();
        let write = database.begin_write().unwrap();
        match version {
            Some(version) => {
                write.open_table(ABOUT).unwrap().insert("balances", version).unwrap();
            }
            None => assert!(write.delete_table(ABOUT).unwrap()),
        }
        write.commit().unwrap();
    };
    version(Some(2));
    let error = scratch.open_within(BalanceBounds::default()).unwrap_err();
    assert!(matches!(&error, StateError::UnknownVersion { version, .. } if version == "2"));
    let name = scratch.file().display().to_string();
    let said = format!("{name} has the form of version 2, which this program can't read");
    assert_eq!(error.to_string(), said);
    version(Some(1));
    drop(scratch.open());
    version(None);
    let error = scratch.open_within(BalanceBounds::default()).unwrap_err();
    assert!(matches!(error, StateError::NotOurs { .. }), "{error}");
    for content in [&b""[..], b"red", b"something else"] {
        fs::write(scratch.file(), content).unwrap();
        let error = scratch.open_within(BalanceBounds::default()).unwrap_err();
        assert!(matches!(error, StateError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read(scratch.file()).unwrap(), content);
    }
}

/// Damage is an error or does not matter: it is never a panic, and never other money.
#[test]
fn a_damaged_file_is_noticed() {
    let scratch = Scratch::new();
    {
        let balances = scratch.open();
        for i in 0..20u8 {
            balances.credit(&[b'a', i], 1000 + u64::from(i), &[i]).unwrap();
        }
    }
    let sound = fs::read(scratch.file()).unwrap();
    let mut noticed = 0;
    for at in (0..sound.len()).step_by(97) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x20;
        fs::write(scratch.file(), &damaged).unwrap();
        match scratch.open_within(BalanceBounds::default()) {
            Ok(balances) => {
                for i in 0..20u8 {
                    assert_eq!(balances.available(&[b'a', i]), 1000 + u64::from(i), "at {at}");
                }
            }
            Err(error) => {
                noticed += 1;
                assert!(!matches!(error, StateError::Locked { .. }), "{error}");
            }
        }
    }
    assert!(noticed > 0);
    for length in (0..sound.len()).step_by(4093) {
        fs::write(scratch.file(), &sound[..length]).unwrap();
        assert!(scratch.open_within(BalanceBounds::default()).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn it_does_what_a_map_does(
        steps in proptest::collection::vec((0u8..6, 0u8..3, 0u8..8, 0u64..20), 1..40),
    ) {
        let scratch = Scratch::new();
        let mut balances = scratch.open();
        let mut model = [0u64; 3];
        let mut payments: Vec<(u8, u8, u64)> = Vec::new();
        let mut held: Vec<(u8, Reservation)> = Vec::new();
        for (what, account, payment, amount) in steps {
            let reserved = |held: &[(u8, Reservation)], account: u8| -> u64 {
                held.iter().filter(|(of, _)| *of == account).map(|(_, r)| r.amount()).sum()
            };
            match what {
                0 | 1 => {
                    let known = payments.iter().find(|known| known.0 == payment).copied();
                    let credited = balances.credit(&[account], amount, &[payment]);
                    match known {
                        None => {
                            prop_assert_eq!(credited.unwrap(), Credited::Now);
                            payments.push((payment, account, amount));
                            model[usize::from(account)] += amount;
                        }
                        Some(same) if same == (payment, account, amount) => {
                            prop_assert_eq!(credited.unwrap(), Credited::Before);
                        }
                        Some(_) => prop_assert!(matches!(credited, Err(CreditError::Conflict))),
                    }
                }
                2 | 3 => {
                    let free = model[usize::from(account)] - reserved(&held, account);
                    match balances.reserve(&[account], amount) {
                        Ok(reservation) => {
                            prop_assert!(amount <= free);
                            held.push((account, reservation));
                        }
                        Err(Insufficient { balance }) => {
                            prop_assert!(amount > free);
                            prop_assert_eq!(balance, free);
                        }
                    }
                }
                4 => {
                    if let Some((account, reservation)) = held.pop() {
                        model[usize::from(account)] -= reservation.amount();
                        let left = balances.settle(reservation).unwrap();
                        prop_assert_eq!(left, model[usize::from(account)]);
                    }
                }
                _ if payment < 4 => drop(held.pop()),
                _ => {
                    held.clear();
                    drop(balances);
                    balances = scratch.open();
                }
            }
            for account in 0..3u8 {
                let free = model[usize::from(account)] - reserved(&held, account);
                prop_assert_eq!(balances.available(&[account]), free);
            }
        }
    }
}
