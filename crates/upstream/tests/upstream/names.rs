//! Names: whose word counts, and how long.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use wherefore_message::Cause;
use wherefore_upstream::{ConnectError, ConnectSettings, Connector, Endpoint, Peer};

use crate::dns::{NameServer, Says};
use crate::peers::{LONG, plain};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const HOUR: u32 = 60 * 60;

/// A name server, a connector that asks it alone, and a listener.
struct Setup {
    names: NameServer,
    settings: ConnectSettings,
    listener: TcpListener,
}

fn setup() -> Setup {
    let names = NameServer::start();
    let settings = ConnectSettings {
        name_servers: vec![names.address],
        hosts: PathBuf::from("/there/is/no/such/file"),
        ..ConnectSettings::default()
    };
    Setup { names, settings, listener: TcpListener::bind("127.0.0.1:0").unwrap() }
}

impl Setup {
    fn connector(&self) -> Connector {
        Connector::new(&self.settings).unwrap()
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    /// The address that it came to, if it came to one.
    async fn connect(&self, connector: &Connector, host: &str) -> Result<Peer, ConnectError> {
        let target = plain(Endpoint::Name { host: host.into(), port: self.port() });
        let stream = connector.connect(&target, &LONG).await?;
        Ok(stream.peer().clone())
    }

    fn here(&self) -> Peer {
        Peer::Ip((HERE, self.port()).into())
    }
}

#[tokio::test]
async fn a_name_is_asked_for_again_when_its_time_is_over() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![ELSEWHERE], 0));
    let error = setup.connect(&connector, "a.test").await.unwrap_err();
    let elsewhere = (ELSEWHERE, setup.port()).into();
    assert_eq!((error.cause, error.address), (Cause::Refused, Some(elsewhere)));
    setup.names.says("a.test", Says::Four(vec![HERE], 0));
    assert_eq!(setup.connect(&connector, "a.test").await.unwrap(), setup.here());
}

#[tokio::test]
async fn until_then_it_is_not() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![HERE], HOUR));
    for _ in 0..3 {
        assert_eq!(setup.connect(&connector, "a.test").await.unwrap(), setup.here());
    }
    assert_eq!(setup.names.asked("a.test"), 2, "once for each family");
}

#[tokio::test]
async fn no_word_is_taken_for_longer_than_the_settings_say() {
    let mut setup = setup();
    setup.settings.name_kept_time_max = Duration::ZERO;
    setup.settings.name_missed_time_max = Duration::ZERO;
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![HERE], HOUR));
    setup.connect(&connector, "a.test").await.unwrap();
    setup.names.says("a.test", Says::None(HOUR));
    for _ in 0..2 {
        let error = setup.connect(&connector, "a.test").await.unwrap_err();
        assert_eq!(error.cause, Cause::NameNotFound, "{error}");
    }
    setup.names.says("a.test", Says::Four(vec![HERE], HOUR));
    assert_eq!(setup.connect(&connector, "a.test").await.unwrap(), setup.here());
}

#[tokio::test]
async fn that_there_is_no_such_name_is_remembered_too() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::None(HOUR));
    for _ in 0..3 {
        let error = setup.connect(&connector, "a.test").await.unwrap_err();
        assert_eq!((error.cause, error.address), (Cause::NameNotFound, None));
        assert!(error.detail.contains("a.test"), "{error}");
    }
    assert_eq!(setup.names.asked("a.test"), 2, "once for each family");
}

#[tokio::test]
async fn who_can_not_tell_is_asked_again() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Failure);
    let error = setup.connect(&connector, "a.test").await.unwrap_err();
    assert_eq!(error.cause, Cause::NameNotFound, "{error}");
    setup.names.says("a.test", Says::Four(vec![HERE], HOUR));
    assert_eq!(setup.connect(&connector, "a.test").await.unwrap(), setup.here());
}

// The clock goes on only where nothing else is to be done: nobody waits for it.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_late() {
    let setup = setup();
    setup.names.says("a.test", Says::Nothing);
    let error = setup.connect(&setup.connector(), "a.test").await.unwrap_err();
    assert_eq!(error.cause, Cause::NameLate, "{error}");
}

#[tokio::test]
async fn addresses_are_tried_in_turn() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![ELSEWHERE, HERE], HOUR));
    for _ in 0..4 {
        assert_eq!(setup.connect(&connector, "a.test").await.unwrap(), setup.here());
    }
    let mut setup = setup;
    setup.settings.addresses_max = 1;
    let connector = setup.connector();
    let mut refused = 0;
    for _ in 0..4 {
        refused += usize::from(setup.connect(&connector, "a.test").await.is_err());
    }
    assert_eq!(refused, 2, "each of two is the first half the time");
}

#[tokio::test]
async fn ipv6_is_asked_for() {
    let setup = setup();
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
    let setup = Setup { listener, ..setup };
    setup.names.says("six.test", Says::Six(vec![Ipv6Addr::LOCALHOST], HOUR));
    let peer = setup.connect(&setup.connector(), "six.test").await.unwrap();
    assert_eq!(peer, Peer::Ip((Ipv6Addr::LOCALHOST, setup.port()).into()));
}

#[tokio::test]
async fn the_machines_own_list_goes_first() {
    let mut setup = setup();
    let folder = TempDir::new().unwrap();
    setup.settings.hosts = folder.path().join("hosts");
    fs::write(&setup.settings.hosts, "# ours\n127.0.0.1 here.test here\n").unwrap();
    let connector = setup.connector();
    for name in ["here.test", "here", "localhost"] {
        assert_eq!(setup.connect(&connector, name).await.unwrap(), setup.here(), "{name}");
        assert_eq!(setup.names.asked(name), 0, "{name}");
    }
}

#[tokio::test]
async fn the_systems_settings_may_be_missing_or_empty() {
    let folder = TempDir::new().unwrap();
    let mut setup = setup();
    setup.settings.name_servers.clear();
    for text in [None, Some(""), Some("options edns0\n")] {
        setup.settings.resolv_conf = folder.path().join("resolv.conf");
        if let Some(text) = text {
            fs::write(&setup.settings.resolv_conf, text).unwrap();
        }
        let target = plain(Endpoint::Ip((HERE, setup.port()).into()));
        setup.connector().connect(&target, &LONG).await.unwrap();
    }
    setup.settings.resolv_conf = folder.path().to_owned();
    let error = Connector::new(&setup.settings).unwrap_err().to_string();
    assert!(error.starts_with(&folder.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn what_is_no_name_is_not_found() {
    let setup = setup();
    let long = "a".repeat(300);
    for host in ["", "a..b", long.as_str(), "with space"] {
        let error = setup.connect(&setup.connector(), host).await.unwrap_err();
        assert_eq!(error.cause, Cause::NameNotFound, "{host}: {error}");
    }
}

/// What a core does: it has a loop of its own.
fn on_a_core<T>(work: impl Future<Output = T>) -> T {
    let core = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    core.block_on(work)
}

#[test]
fn a_core_that_ends_or_stands_still_takes_no_names_with_it() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![HERE], 0));
    let standing = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    standing.block_on(setup.connect(&connector, "a.test")).unwrap();
    for _ in 0..3 {
        let peer = on_a_core(setup.connect(&connector, "a.test")).unwrap();
        assert_eq!(peer, setup.here());
    }
    standing.block_on(setup.connect(&connector, "a.test")).unwrap();
}

#[test]
fn all_cores_ask_at_once() {
    let setup = setup();
    let connector = setup.connector();
    setup.names.says("a.test", Says::Four(vec![HERE], HOUR));
    std::thread::scope(|scope| {
        let core = || on_a_core(setup.connect(&connector, "a.test")).unwrap();
        let cores: Vec<_> = (0..8).map(|_| scope.spawn(core)).collect();
        for core in cores {
            assert_eq!(core.join().unwrap(), setup.here());
        }
    });
}
