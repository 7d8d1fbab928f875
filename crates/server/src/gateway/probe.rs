//! Probes: upstreams under active health checks are asked at intervals whether they are well. Each group is looked after by
//! whichever core finds a probe due.

use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use wherefore_gateway::Probed;
use wherefore_h1::Millis;
use wherefore_message::{Announced, Method};

use super::ask::status_of;
use super::errand::{Errand, ErrandContent, Messenger};
use super::forwarded::Forwarded;
use super::{Gateway, Probe};
use crate::service::Service;
use crate::shutdown::State;

/// How often a core looks whether a probe is due: so late it may be.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Probes for as long as there is a service.
pub(crate) async fn probe(service: Weak<Service>) {
    loop {
        sleep(LOOK_INTERVAL).await;
        let Some(service) = service.upgrade() else { return };
        if service.core.shutdown.state() != State::Running {
            return;
        }
        for gateway in &service.configuration.get().gateways {
            let Some(how) = &gateway.probe else { continue };
            let now = Millis(service.core.clock.now().0);
            while let Some(member) = gateway.upstreams.take_probe(now) {
                let (service, gateway) = (Rc::clone(&service), Arc::clone(gateway));
                let how = how.clone();
                spawn_local(async move { once(&service, &gateway, &how, member).await });
            }
        }
    }
}

/// Asks one upstream, and notes how it is.
async fn once(service: &Service, gateway: &Arc<Gateway>, how: &Probe, member: usize) {
    let errand = Errand {
        method: Method::Get,
        target: how.path.as_bytes(),
        lines: b"User-Agent: wherefore-probe\r\nAccept: */*\r\n",
        host: how.host.as_deref().map(str::as_bytes),
        content: ErrandContent::Nothing,
    };
    let forwarded = Forwarded::of_errand(gateway, &errand, Announced::Nothing);
    let Some(mut messenger) = Messenger::new(service, errand, Announced::Nothing, 0) else {
        return;
    };
    let asked = status_of(service, &mut messenger, &forwarded, member);
    let status = timeout(how.time, asked).await.ok().flatten();
    let probed = match status {
        Some(status) if how.is_met_by(status) => Probed::Healthy,
        Some(_) | None => Probed::Unhealthy,
    };
    gateway.upstreams.probed(member, probed, Millis(service.core.clock.now().0));
}
