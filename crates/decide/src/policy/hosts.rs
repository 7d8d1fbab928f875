//! Which site answers for which host (RFC 9110 §7.4).

use core::net::IpAddr;
use std::collections::HashMap;

use wherefore_message::authority::{Authority, HostKind};

use crate::policy::Site;
use crate::policy::router::ByOctets;

/// The longest host that can be a name, in octets (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 255;

/// Which hosts a site answers for.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Names and addresses, in lower case, those of IPv6 in brackets and as short as they can be;
    /// `*.example.org` stands for every name with one label more, as it does in certificates.
    pub names: Vec<Box<str>>,
    /// For whom it answers besides.
    pub default: Option<DefaultFor>,
}

/// For whom a default site answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultFor {
    /// For every host that no other site answers for.
    Everyone,
    /// For addresses, `localhost` and names under it: the guard against DNS rebinding of what listens on
    /// loopback only.
    Loopback,
}

impl Hosts {
    /// A site that answers for every host.
    #[must_use]
    pub const fn any() -> Self {
        Self { names: Vec::new(), default: Some(DefaultFor::Everyone) }
    }

    /// A site that answers for loopback's hosts and for these names.
    #[must_use]
    pub fn loopback<S: AsRef<str>>(names: &[S]) -> Self {
        let names = names.iter().map(|name| name.as_ref().to_ascii_lowercase().into());
        Self { names: names.collect(), default: Some(DefaultFor::Loopback) }
    }
}

/// All sites of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    sites: Vec<Site>,
    names: HashMap<Box<[u8]>, usize, ByOctets>,
    wildcards: HashMap<Box<[u8]>, usize, ByOctets>,
    default: Option<(usize, DefaultFor)>,
}

impl Sites {
    /// These sites. Where two name the same host, or are default sites, the first holds.
    #[must_use]
    pub fn new(sites: Vec<Site>) -> Self {
        let mut all = Self { sites, ..Self::default() };
        for (i, site) in all.sites.iter_mut().enumerate() {
            site.index = i;
            for name in &site.hosts.names {
                let name = name.as_bytes();
                let (map, name) = match name.strip_prefix(b"*.") {
                    Some(under) => (&mut all.wildcards, under),
                    None => (&mut all.names, name),
                };
                map.entry(name.into()).or_insert(i);
            }
            if let (None, Some(default)) = (all.default, site.hosts.default) {
                all.default = Some((i, default));
            }
        }
        all
    }

    /// Every site, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter()
    }

    /// Site number `index`.
    #[must_use]
    pub fn site(&self, index: usize) -> Option<&Site> {
        self.sites.get(index)
    }

    /// The site that answers for this host: the one that names it, else the one that names the wildcard
    /// over it, else the default site. A request that names no host (HTTP/1.0) goes to the
    /// default site, or to the only one.
    #[must_use]
    pub fn of(&self, authority: Option<&Authority<'_>>) -> Option<&Site> {
        let Some(authority) = authority.filter(|authority| !authority.host.is_empty()) else {
            let index = match (self.default, &*self.sites) {
                (Some((index, _)), _) => index,
                (None, [_]) => 0,
                (None, _) => return None,
            };
            return self.sites.get(index);
        };
        if let Some(index) = self.named(authority) {
            return self.sites.get(index);
        }
        let (index, default) = self.default?;
        let answers = match default {
            DefaultFor::Everyone => true,
            DefaultFor::Loopback => is_loopback(authority),
        };
        self.sites.get(index).filter(|_| answers)
    }

    fn named(&self, authority: &Authority<'_>) -> Option<usize> {
        if self.names.is_empty() && self.wildcards.is_empty() {
            return None;
        }
        if let HostKind::Address(IpAddr::V6(address)) = authority.kind {
            // One address has many spellings.
            return self.names.get(format!("[{address}]").as_bytes()).copied();
        }
        let host = authority.host.strip_suffix(b".").unwrap_or(authority.host);
        // Most clients write it as it is kept.
        if let Some(index) = self.names.get(host) {
            return Some(*index);
        }
        let mut lower = [0; HOST_BYTES_MAX];
        let lower = lower.get_mut(..host.len())?;
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        if let Some(index) = self.names.get(&*lower) {
            return Some(*index);
        }
        if self.wildcards.is_empty() || authority.kind != HostKind::Name {
            return None;
        }
        let dot = lower.iter().position(|octet| *octet == b'.').filter(|dot| *dot > 0)?;
        self.wildcards.get(lower.get(dot + 1..)?).copied()
    }
}

fn is_loopback(authority: &Authority<'_>) -> bool {
    match authority.kind {
        HostKind::Address(_) => true,
        HostKind::Name => authority.is_named("localhost") || is_under_localhost(authority.host),
    }
}

/// Names under `localhost` are loopback's too (RFC 6761 §6.3), and no one else can own them.
fn is_under_localhost(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    let tail = b".localhost";
    host.len() > tail.len() && host[host.len() - tail.len()..].eq_ignore_ascii_case(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(hosts: &[(&[&str], Option<DefaultFor>)]) -> Sites {
        let site = |i: usize, (names, default): &(&[&str], Option<DefaultFor>)| {
            let names = names.iter().map(|name| (*name).into()).collect();
            Site::new(&i.to_string(), Hosts { names, default: *default }, Vec::new())
        };
        Sites::new(hosts.iter().enumerate().map(|(i, hosts)| site(i, hosts)).collect())
    }

    fn asked(sites: &Sites, host: &str) -> Option<String> {
        let authority = Authority::parse(host.as_bytes()).unwrap();
        sites.of(Some(&authority)).map(|site| site.name.to_string())
    }

    #[test]
    fn names_then_the_wildcard_of_one_label_then_the_default() {
        let all = sites(&[
            (&["example.org", "www.example.org"], None),
            (&["*.example.org"], None),
            (&["*.deep.example.org", "192.0.2.1", "[2001:db8::1]"], None),
            (&[], Some(DefaultFor::Everyone)),
        ]);
        for (host, wanted) in [
            ("example.org", "0"),
            ("Example.ORG.:8080", "0"),
            ("www.example.org", "0"),
            ("a.example.org", "1"),
            ("A.example.org.", "1"),
            ("a.b.example.org", "3"),
            (".example.org", "3"),
            ("deep.example.org", "1"),
            ("x.deep.example.org", "2"),
            ("x.y.deep.example.org", "3"),
            ("192.0.2.1:80", "2"),
            ("[2001:db8:0:0::1]:80", "2"),
            ("192.0.2.2", "3"),
            ("other.net", "3"),
            ("xexample.org", "3"),
        ] {
            assert_eq!(asked(&all, host).as_deref(), Some(wanted), "{host}");
        }
        assert_eq!(all.of(None).map(|site| &*site.name), Some("3"));
    }

    #[test]
    fn without_a_default_nobody_answers_for_other_hosts() {
        let two = sites(&[(&["a.org"], None), (&["b.org"], None)]);
        assert_eq!(asked(&two, "c.org"), None);
        assert!(two.of(None).is_none());
        assert_eq!(sites(&[(&["a.org"], None)]).of(None).map(|site| &*site.name), Some("0"));
        let long = format!("{}.org", "a".repeat(300));
        assert_eq!(asked(&two, &long), None);
    }

    #[test]
    fn on_loopback_only_what_no_one_else_can_name() {
        let all = sites(&[(&["dev.test"], Some(DefaultFor::Loopback))]);
        for host in ["127.0.0.1:1", "[::1]", "localhost", "a.localhost.", "dev.test"] {
            assert_eq!(asked(&all, host).as_deref(), Some("0"), "{host}");
        }
        for host in ["evil.example", "notlocalhost", "localhost.evil.example"] {
            assert_eq!(asked(&all, host), None, "{host}");
        }
    }
}
