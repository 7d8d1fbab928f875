//! A service that tells at its end how many answers it gave again.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wherefore_server::admission::{Admitted, Refusal};
use wherefore_server::core::{Arrival, Handler};
use wherefore_server::service::Service;

/// What serves the connections of one core, and adds to a sum of all cores when it ends.
pub struct Counted {
    service: Rc<Service>,
    again: Arc<AtomicU64>,
}

impl Counted {
    pub fn new(service: Rc<Service>, again: &Arc<AtomicU64>) -> Self {
        Self { service, again: Arc::clone(again) }
    }
}

impl Handler for Counted {
    fn connection(&self, arrival: Arrival, admitted: Admitted) -> impl Future<Output = ()> {
        self.service.connection(arrival, admitted)
    }

    fn refused(&self, arrival: Arrival, refusal: Refusal) {
        self.service.refused(arrival, refusal);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.again.fetch_add(self.service.given_again(), Ordering::Relaxed);
    }
}
