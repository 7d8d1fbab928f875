//! What is counted.

use wherefore_message::Status;

use crate::{decide, exchange, h1};

/// Something that is done again and again.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// How often it is done to be counted.
    pub(crate) times: u32,
    /// Does it this often, and says with which status it ended.
    pub(crate) run: fn(u32) -> Status,
    /// The status that it ends with.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test holds it to its word"))]
    pub(crate) ends: Status,
}

const fn row(name: &'static str, run: fn(u32) -> Status, ends: Status) -> Scenario {
    Scenario { name, times: 1000, run, ends }
}

/// All of them, from the rules alone to whole exchanges.
pub(crate) const SCENARIOS: &[Scenario] = &[
    row("decide-get", decide::get, Status::OK),
    row("decide-get-browser", decide::get_browser, Status::OK),
    row("decide-304", decide::not_modified, Status::NOT_MODIFIED),
    row("decide-206", decide::part, Status::PARTIAL_CONTENT),
    row("decide-404", decide::missing, Status::NOT_FOUND),
    row("decide-put-if-match", decide::put, Status::NO_CONTENT),
    row("h1-get", h1::get, Status::OK),
    row("h1-get-new", h1::get_new, Status::OK),
    row("h1-get-browser", h1::get_browser, Status::OK),
    row("h1-get-browser-new", h1::get_browser_new, Status::OK),
    row("h1-get-browser-next", h1::get_browser_next, Status::OK),
    row("h1-get-browser-elsewhere", h1::get_browser_elsewhere, Status::OK),
    row("h1-ask", h1::ask, Status::OK),
    row("h1-ask-new", h1::ask_new, Status::OK),
    Scenario { times: 200, ..row("h1-chunked-64k", h1::chunked, Status::NO_CONTENT) },
    row("exchange-get", exchange::get, Status::OK),
    row("exchange-get-browser", exchange::get_browser, Status::OK),
    row("exchange-few-routes", exchange::get_among_few, Status::OK),
    row("exchange-many-routes", exchange::get_among_many, Status::OK),
    row("exchange-304-browser", exchange::not_modified, Status::NOT_MODIFIED),
    row("exchange-206", exchange::part, Status::PARTIAL_CONTENT),
    row("exchange-404", exchange::missing, Status::NOT_FOUND),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_does_what_it_is_named_for() {
        for scenario in SCENARIOS {
            assert_eq!((scenario.run)(2), scenario.ends, "{}", scenario.name);
        }
    }
}
