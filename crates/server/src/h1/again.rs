//! What was answered this second is answered again to whoever asks the same: no rule is asked, nothing is looked up.

use super::H1;
use crate::answer::Answer;
use crate::given::{Epoch, Known, Written};
use crate::shutdown::State;

impl H1<'_> {
    /// What is known of what the request asks.
    pub(super) fn known(&self, epoch: Epoch) -> Known {
        let service = self.service;
        if service.core.shutdown.state() != State::Running {
            return Known::Never;
        }
        let request = self.server.request(self.input.head());
        service.given.borrow_mut().ask(&request, epoch)
    }

    /// Gives an answer again, if it is still good. Says how many octets of content that were.
    pub(super) fn again(&mut self, index: usize, answer: &mut Answer) -> Option<u64> {
        let service = self.service;
        let mut given = service.given.borrow_mut();
        let (kept, path, octets) = given.answer(index)?;
        let configuration = service.configuration.get();
        let is_good = service.core.clock.now() < kept.ground.until
            && configuration
                .origin(kept.ground.origin)
                .is_some_and(|origin| origin.generation_of(path) == kept.ground.generation);
        if !is_good {
            given.drop_answer(index);
            return None;
        }
        self.drop_sent();
        let start = self.output.len();
        if !self.server.send_again(octets, self.output) {
            return None;
        }
        if kept.is_numbered() {
            let number = service.core.random.request_id();
            kept.renumber(&number, self.output.get_mut(start..).unwrap_or_default());
            answer.id = Some(number);
        }
        (answer.trail, answer.verdict) = (kept.trail, Some(kept.verdict));
        answer.head.status = kept.verdict.status;
        let content_bytes = kept.content_bytes;
        given.count_again();
        Some(content_bytes)
    }

    /// Keeps the answer that stands at the end of the output, if others may get it.
    ///
    /// It was asked for in `epoch`: where that is over, it may have been decided by another second than it was dated.
    pub(super) fn keep(
        &mut self,
        (number, epoch): (u64, Epoch),
        answer: &Answer,
        content_bytes: u64,
    ) {
        let (Some(ground), Some(verdict)) = (answer.ground, answer.verdict) else { return };
        let written = self.output.get(self.answer_at..).unwrap_or_default();
        let is_all = written.starts_with(b"HTTP/1.1 ") && self.server.closes().is_none();
        if !is_all || answer.head.status != verdict.status || epoch != self.epoch() {
            return;
        }
        let request = self.server.request(self.input.head());
        self.service.given.borrow_mut().keep(
            (&request, number),
            epoch,
            (ground, &answer.ground_path),
            &Written {
                trail: answer.trail,
                verdict,
                octets: written,
                content_bytes,
                number: answer.id,
            },
        );
    }

    /// The second and the configuration that hold now.
    pub(super) fn epoch(&self) -> Epoch {
        let service = self.service;
        let configuration = service.configuration.generation();
        Epoch { second: service.core.clock.unix_seconds(), configuration }
    }
}
