//! Upstreams, as an operator sees them: how each is, and whether it is sent anything.

use std::fmt::Write as _;
use std::sync::Arc;

use wherefore_gateway::{Address, Health, Service, Standing};

use super::words::{ListForm, REPLY_BYTES_MAX, Reply, UpstreamName};
use crate::configuration::{Configuration, Current};
use crate::gateway::Gateway;
use crate::{line, notice};

/// Says how all upstreams are.
pub(super) fn list(current: &Current, form: ListForm) -> Reply {
    let configuration = current.load();
    let rows: Vec<Row<'_>> = rows(&configuration).collect();
    let text = match form {
        ListForm::Text => text(&rows),
        ListForm::Json => json(&rows),
    };
    // Each line takes a space before it, and a word follows: half of them would be told as if it were all.
    if text.len() + text.lines().count() + "failed\n".len() > REPLY_BYTES_MAX {
        return Reply::failed("there are more upstreams than one reply holds");
    }
    Reply::done(&text)
}

/// Takes an upstream out of service, or back into it, in every gateway that has it.
pub(super) fn set_service(current: &Current, name: &UpstreamName, service: Service) -> Reply {
    let is_meant = |address: &Address| address.is_meant_by(name.as_str());
    if current.set_service(is_meant, service) == 0 {
        let name = name.as_str();
        return Reply::failed(&format!(
            "no upstream is called {name}: see `wherefore upstreams list`"
        ));
    }
    let configuration = current.load();
    let mut reply = Reply::done("");
    for row in rows(&configuration).filter(|row| is_meant(row.address)) {
        reply.add(&row.told());
    }
    for gateway in distinct(&configuration).filter(|gateway| !has_any_in_service(gateway)) {
        reply.add(&format!(
            "no upstream of {} is in service: requests are answered 503",
            gateway.name
        ));
    }
    reply.lines().for_each(|line| notice!("{line}"));
    reply
}

/// An upstream of a gateway.
struct Row<'a> {
    gateway: &'a str,
    address: &'a Address,
    standing: Standing,
}

impl Row<'_> {
    /// What it is sent.
    const fn state(&self) -> &'static str {
        match (self.standing.service, self.standing.in_flight) {
            (Service::In, _) => "in",
            (Service::Drained, 0) => "drained",
            (Service::Drained, _) => "draining",
        }
    }

    const fn health(&self) -> &'static str {
        match self.standing.health {
            Health::Healthy { .. } => "healthy",
            Health::Unhealthy { .. } => "unhealthy",
            Health::Trial { .. } => "trial",
        }
    }

    /// What it has come to, for who changed it.
    fn told(&self) -> String {
        let Self { gateway, address, standing } = self;
        match self.state() {
            "in" => format!("{address} of {gateway} is in service"),
            state => format!(
                "{address} of {gateway} is {state}, requests in flight: {}",
                standing.in_flight
            ),
        }
    }
}

fn rows(configuration: &Configuration) -> impl Iterator<Item = Row<'_>> {
    distinct(configuration).flat_map(|gateway| {
        let upstreams = &gateway.upstreams;
        upstreams.members().enumerate().filter_map(|(index, member)| {
            let standing = upstreams.standing(index)?;
            Some(Row { gateway: &gateway.name, address: &member.address, standing })
        })
    })
}

/// The gateways, but for those that share their upstreams with one before them.
fn distinct(configuration: &Configuration) -> impl Iterator<Item = &Gateway> {
    let gateways = &configuration.gateways;
    gateways.iter().enumerate().filter_map(|(index, gateway)| {
        let is_same = |other: &Arc<Gateway>| Arc::ptr_eq(&other.upstreams, &gateway.upstreams);
        let is_new = !gateways.iter().take(index).any(is_same);
        is_new.then_some(&**gateway)
    })
}

fn has_any_in_service(gateway: &Gateway) -> bool {
    let upstreams = &gateway.upstreams;
    let mut standings =
        (0..upstreams.members().len()).filter_map(|index| upstreams.standing(index));
    standings.any(|standing| standing.service == Service::In)
}

/// A table, its columns as wide as what is in them.
fn text(rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return "there are no gateways".to_owned();
    }
    let heads = ["GATEWAY", "UPSTREAM", "STATE", "HEALTH", "IN FLIGHT"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let in_flight = row.standing.in_flight.to_string();
        let (address, health) = (row.address.to_string(), row.health().to_owned());
        [row.gateway.to_owned(), address, row.state().to_owned(), health, in_flight]
    });
    let table: Vec<[String; 5]> = [heads].into_iter().chain(cells).collect();
    let mut widths = [0; 5];
    for line in &table {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in &table {
        let mut written = String::new();
        for (width, cell) in widths.iter().zip(line) {
            // A string takes everything.
            let _ = write!(written, "{cell:width$}  ");
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

/// An array, an object a line.
fn json(rows: &[Row<'_>]) -> String {
    let objects = rows.iter().map(|row| {
        let mut object = Vec::new();
        line::string(&mut object, "gateway", Some(row.gateway.as_bytes()));
        line::string(&mut object, "upstream", Some(row.address.to_string().as_bytes()));
        line::string(&mut object, "state", Some(row.state().as_bytes()));
        line::string(&mut object, "health", Some(row.health().as_bytes()));
        // Each member begins with a comma.
        let members = String::from_utf8_lossy(object.get(1..).unwrap_or_default());
        format!("{{{members},\"in_flight\":{}}}", row.standing.in_flight)
    });
    let objects: Vec<String> = objects.collect();
    format!("[\n{}\n]", objects.join(",\n"))
}
