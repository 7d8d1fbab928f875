//! A panic in one request ends that request alone.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use wherefore_message::Status;

use crate::notice;

/// The future panicked.
pub(crate) struct Panicked;

/// Drives a future where it stands, for it may be large; a panic in it ends it alone.
pub(crate) fn unwinding<F: Future>(
    mut future: Pin<&mut F>,
) -> impl Future<Output = Result<F::Output, Panicked>> {
    poll_fn(move |cx| poll_unwinding(future.as_mut(), cx))
}

/// What the future left half-done is dropped with it; what it shares with others (caches, pools) is
/// changed in single steps, so that a panic between them leaves it whole.
fn poll_unwinding<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => {
            notice!("a request panicked; it is answered {}", Status::INTERNAL_SERVER_ERROR);
            Poll::Ready(Err(Panicked))
        }
    }
}
