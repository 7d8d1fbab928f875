//! What a core knows already is sent without an allocation, be it stored or encoded, or a whole answer that is given
//! again: so nothing is encoded anew.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "shared by several test binaries")]

#[path = "support/counted.rs"]
mod counted;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use counted::Counted;
use wherefore_decide::policy::{
    Compress, ContentPolicy, Folder, Hosts, Pattern, Resource, Route, Site,
};
use wherefore_origin::Origin;
use wherefore_server::admit::Kept;
use wherefore_server::configuration::{Configuration, Current};
use wherefore_server::core::{Ends, Server};
use wherefore_server::limits::Limits;
use wherefore_server::ring::Io;
use wherefore_server::service::Service;
use wherefore_server::shutdown::Shutdown;
use wherefore_server::{core, listen};
use wherefore_store::{CreateFolders, MemoryStore, Store};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    // On the server's core, not where the test asks.
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    if COUNTED.with(Cell::get) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed on to the system's allocator unchanged; counting allocates nothing, since
// the cell is initialised in place and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `realloc`, and the block is the system's.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];
const SHORT: &str = "some text, and more of it ";
const SHORT_BYTES: usize = SHORT.len() * 2_000;
/// Above how many octets no answer is kept to be given again.
const KEPT_BYTES_MAX: usize = 4 << 10;

const HITS: u64 = 100;
/// How often so many are asked for: what else a core does meanwhile, its timers for one, is not done every time.
const SERIES: u64 = 5;

/// How many allocations the core makes for so many answers at least, once it knows them, and how long one is.
fn allocations(stream: &mut TcpStream, target: &str, accept: &str) -> (u64, usize) {
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {accept}\r\n\r\n");
    let mut room = [0; 64 << 10];
    // All answers are alike.
    let mut expected = 0;
    for _ in 0..3 {
        stream.write_all(request.as_bytes()).unwrap();
        expected = read_answer(stream, &mut room);
    }
    let series = |_| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..HITS {
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_exact(&mut room[..expected]).unwrap();
        }
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    let fewest = (0..SERIES).map(series).min().unwrap();
    (fewest, expected)
}

/// Reads an answer whose length is known; how long it is with its head.
fn read_answer(stream: &mut TcpStream, room: &mut [u8]) -> usize {
    let mut filled = 0;
    loop {
        filled += stream.read(&mut room[filled..]).unwrap();
        if let Some(end) = room[..filled].windows(4).position(|four| four == b"\r\n\r\n") {
            let head = std::str::from_utf8(&room[..end + 2]).unwrap();
            let length = head.split("Content-Length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if filled == end + 4 + length {
                return filled;
            }
        }
    }
}

/// Serves text that becomes short once it is encoded, `/short.txt`, and such that does not, `/long.txt`, to whoever asks
/// by this connection. Says how many answers were given again.
fn given_again(ask: impl FnOnce(&mut TcpStream)) -> u64 {
    let store = MemoryStore::new();
    // Digits of squares repeat themselves too seldom to become short.
    let long: String = (0..SHORT_BYTES as u64 / 16).map(|i| (i * i * 7_919).to_string()).collect();
    for (name, text) in
        [("/short.txt", SHORT.repeat(SHORT_BYTES / SHORT.len())), ("/long.txt", long)]
    {
        let mut staged = store.stage(b"/", None).unwrap();
        staged.write(text.as_bytes()).unwrap();
        store.replace(name.as_bytes(), staged, CreateFolders::No, &mut |_| true).unwrap();
    }
    let resource = Resource::Folder(Folder::read_only(0));
    let content = ContentPolicy::up_to(0, 0);
    let route = Route {
        compress: Some(Arc::new(Compress::usual())),
        ..Route::new(Pattern::everything(), resource, content)
    };
    let site = Site::new("hits", Hosts::any(), vec![route]);
    let origin = Arc::new(Origin::new(Arc::new(store), None));
    let current = Current::new(Configuration::of_folder(site, origin));
    let kept = Kept::new([7; 64], None, None);
    let listeners =
        listen::bind("127.0.0.1:0".parse().unwrap(), NonZeroUsize::new(1).unwrap()).unwrap();
    let (address, shutdown) = (listeners.address, Shutdown::new());
    let mut limits = Limits::preset(1024, 1);
    limits.set("cache-recheck", "1h").unwrap();
    let server = Server {
        listeners: vec![listeners],
        limits,
        log: None,
        shutdown: Arc::clone(&shutdown),
        ends: Ends::OnShutdown,
        io: Io::default(),
    };
    let again = Arc::new(AtomicU64::new(0));
    let serving = thread::spawn({
        let again = Arc::clone(&again);
        move || {
            let service = |core| {
                COUNTED.with(|counted| counted.set(true));
                let wire = wherefore_h1::Limits::default();
                let service = Service::new(core, Arc::clone(&current), Arc::clone(&kept), wire);
                Counted::new(service, &again)
            };
            core::run(server, service, || ()).unwrap();
        }
    });
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    ask(&mut stream);
    shutdown.stop();
    serving.join().unwrap();
    again.load(Ordering::Relaxed)
}

/// One test, since what is counted is one number: nothing else may allocate meanwhile.
#[test]
fn hits_take_no_allocation_whichever_way_they_go() {
    let from_memory = given_again(|stream| {
        let (plain, whole) = allocations(stream, "/short.txt", "identity");
        assert!(plain == 0 && whole > SHORT_BYTES, "{plain} for {whole} octets");
        for coding in CODINGS {
            let (encoded, length) = allocations(stream, "/long.txt", coding);
            assert!(length > 2 * KEPT_BYTES_MAX && length < SHORT_BYTES, "{coding}: {length}");
            assert_eq!(encoded, 0, "{coding}");
        }
    });
    assert_eq!(from_memory, 0, "answers that are as long are not kept");

    let given_again = given_again(|stream| {
        for coding in CODINGS {
            let (encoded, length) = allocations(stream, "/short.txt", coding);
            assert!(length < KEPT_BYTES_MAX, "{coding}: {length}");
            assert_eq!(encoded, 0, "{coding}");
        }
    });
    // All but the first two of each second.
    let hits = HITS * SERIES * CODINGS.len() as u64;
    assert!(given_again > hits / 2, "{given_again} of {hits} were given again");
    // What is counted is counted: a file that is not known yet takes some.
    assert!(ALLOCATIONS.load(Ordering::Relaxed) > 0);
}
