//! File descriptors: how many the process may hold, and one kept back for the day they run out.

use std::fs::File;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many are counted where the system sets no limit.
const UNLIMITED: u64 = 1 << 20;

/// Raises the number of descriptors that the process may hold (RLIMIT_NOFILE) as far as it may without
/// asking anyone, and returns it. Where it may not be raised, it stays as it was.
pub fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    // Where the hard limit is not stated, the soft one is left alone: some systems refuse infinity here.
    let raised = match limit.maximum {
        Some(maximum) => {
            let wanted = Rlimit { current: Some(maximum), maximum: Some(maximum) };
            setrlimit(Resource::Nofile, wanted).is_ok().then_some(maximum)
        }
        None => None,
    };
    raised.or(limit.current).unwrap_or(UNLIMITED)
}

/// One descriptor held only to be let go: with it a server that has no other left can still take a
/// waiting client from the queue and close the connection, where the client would otherwise hang.
#[derive(Debug)]
pub struct Reserve(Option<File>);

impl Reserve {
    /// Takes one.
    ///
    /// # Errors
    /// If there is none to be had.
    pub fn hold() -> io::Result<Self> {
        Ok(Self(Some(open_nothing()?)))
    }

    /// Lets go of the descriptor; says whether there was one to let go.
    pub fn release(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Takes it back, if one is to be had.
    pub fn restore(&mut self) {
        if self.0.is_none() {
            self.0 = open_nothing().ok();
        }
    }
}

fn open_nothing() -> io::Result<File> {
    File::open("/dev/null")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_what_is_allowed() {
        let raised = raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current.unwrap_or(UNLIMITED), raised);
        assert!(limit.maximum.is_none_or(|maximum| maximum == raised));
        assert_eq!(raise_limit(), raised);
    }

    #[test]
    fn a_reserve_is_let_go_once_and_taken_back() {
        let mut reserve = Reserve::hold().unwrap();
        assert!(reserve.release());
        assert!(!reserve.release());
        reserve.restore();
        assert!(reserve.release());
    }
}
