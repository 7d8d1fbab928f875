//! Upstreams that no one here wrote: nginx and Node, and WebSocket between Node and others. Where a program is missing its
//! test says so and passes; with `CI` set it fails. On Debian they are the packages nginx, nodejs and chromium.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use super::clients::{program, run, shown};
use crate::support::nginx::Nginx;
use crate::support::node::Node;
use crate::support::server::eventually;
use crate::support::{Client, Configured, Reply, routes};

/// A gateway to this upstream.
fn before(url: &str) -> Configured {
    routes(&[&format!("{{ path = \"/*\", gateway = \"{url}\" }}")])
}

fn ask(address: SocketAddr, request: &str) -> Reply {
    let mut client = Client::connect(address);
    client.send(request);
    client.reply_to(request)
}

#[test]
fn files_of_nginx_are_as_they_are_without_us() {
    let Some(nginx) = Nginx::start("location /secret { return 403; }") else { return };
    let content: String = (0..200_000).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    nginx.file("folder/large.txt", &content);
    nginx.file("empty", "");
    let gateway = before(&nginx.url());
    let tag = ask(nginx.address, "GET /folder/large.txt HTTP/1.1\nHost: localhost\n\n");
    let (tag, date) = (tag.field("etag").unwrap(), tag.field("last-modified").unwrap());
    for (method, path, fields, status) in [
        ("GET", "/folder/large.txt", String::new(), 200),
        ("HEAD", "/folder/large.txt", String::new(), 200),
        ("GET", "/empty", String::new(), 200),
        ("GET", "/missing", String::new(), 404),
        ("GET", "/secret", String::new(), 403),
        ("DELETE", "/empty", String::new(), 405),
        ("GET", "/folder", String::new(), 301),
        ("GET", "/folder/large.txt", "Range: bytes=5-9\n".to_owned(), 206),
        ("GET", "/folder/large.txt", "Range: bytes=-3\n".to_owned(), 206),
        ("GET", "/folder/large.txt", "Range: bytes=900000-\n".to_owned(), 416),
        ("GET", "/folder/large.txt", format!("Range: bytes=1-2\nIf-Range: {tag}\n"), 206),
        ("GET", "/folder/large.txt", "Range: bytes=1-2\nIf-Range: \"other\"\n".to_owned(), 200),
        ("GET", "/folder/large.txt", format!("If-None-Match: {tag}\n"), 304),
        ("HEAD", "/folder/large.txt", format!("If-None-Match: {tag}\n"), 304),
        ("GET", "/folder/large.txt", format!("If-Modified-Since: {date}\n"), 304),
        ("GET", "/folder/large.txt", "If-Match: \"other\"\n".to_owned(), 412),
    ] {
        let request = format!("{method} {path} HTTP/1.1\nHost: localhost\n{fields}\n");
        let (direct, through) = (ask(nginx.address, &request), gateway.ask(&request));
        assert_eq!((direct.status, through.status), (status, status), "{request}");
        assert!(direct.content == through.content, "{request}");
        for name in [
            "accept-ranges",
            "content-length",
            "content-range",
            "content-type",
            "etag",
            "last-modified",
        ] {
            assert_eq!(direct.field(name), through.field(name), "{name}: {request}");
        }
    }
    // Where the upstream is told its own host, it leads to itself.
    let gateway = routes(&[&format!(
        "{{ path = \"/*\", gateway = {{ to = \"{}\", host = \"upstream\" }} }}",
        nginx.url()
    )]);
    let moved = gateway.ask("GET /folder HTTP/1.1\nHost: localhost\n\n");
    assert_eq!((moved.status, moved.field("location")), (301, Some("http://localhost/folder/")));
}

#[test]
fn what_node_answers_comes_as_it_says_it() {
    let script = "
        const held = [];
        const events = [];
        server.on('request', (request, response) => {
            switch (request.url) {
            case '/hints':
                response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
                response.end('hinted');
                break;
            case '/trailers':
                response.writeHead(200, { Trailer: 'X-Sum' });
                response.write('one');
                response.write('two');
                response.addTrailers({ 'X-Sum': '6' });
                response.end();
                break;
            case '/held':
                held.push(response);
                response.once('close', () => held.splice(held.indexOf(response), 1));
                break;
            case '/release':
                if (held.length === 0) { response.statusCode = 409; response.end(); break; }
                held.forEach(each => each.end('at last'));
                response.end('released');
                break;
            case '/events':
                response.writeHead(200, { 'Content-Type': 'text/event-stream' });
                response.write('data: first\\n\\n');
                events.push(response);
                break;
            case '/event':
                events.forEach(each => each.write('data: next\\n\\n'));
                response.end();
                break;
            default: {
                const sum = crypto.createHash('sha256');
                let length = 0;
                request.on('data', data => { sum.update(data); length += data.length; });
                request.on('end', () => response.end(length + ' ' + sum.digest('hex')));
            }}
        });";
    let Some(node) = Node::start(script) else { return };
    let gateway = before(&node.url());
    let get = |path: &str| gateway.ask(&format!("GET {path} HTTP/1.1\nHost: localhost\n\n"));

    let hinted = get("/hints");
    assert_eq!((hinted.interim.as_slice(), hinted.text()), (&[103][..], "hinted"));

    let mut client = gateway.connect();
    client.send("GET /trailers HTTP/1.1\nHost: localhost\nTE: trailers\nConnection: TE\n\n");
    assert_eq!(client.head().field("transfer-encoding"), Some("chunked"));
    let mut content = Vec::new();
    loop {
        let size = usize::from_str_radix(&client.line(), 16).unwrap();
        if size == 0 {
            break;
        }
        content.extend(client.exactly(size));
        assert_eq!(client.line(), "");
    }
    assert_eq!(content, b"onetwo");
    assert_eq!([client.line(), client.line()], ["X-Sum: 6", ""]);

    let mut slow = gateway.connect();
    slow.send("GET /held HTTP/1.1\nHost: localhost\n\n");
    eventually("the answer is released", || get("/release").status == 200);
    assert_eq!(slow.reply("GET").text(), "at last");

    let mut events = gateway.connect();
    events.send("GET /events HTTP/1.1\nHost: localhost\n\n");
    assert_eq!(events.head().field("content-type"), Some("text/event-stream"));
    assert_eq!([events.line(), events.line()], ["d", "data: first\n\n"]);
    assert_eq!(get("/event").status, 200);
    assert_eq!([events.line(), events.line()], ["c", "data: next\n\n"]);

    let content = "x".repeat(3_000_000);
    let put = format!(
        "PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    );
    let mut client = gateway.connect();
    client.send_octets(put.as_bytes());
    assert!(client.reply("PUT").text().starts_with("3000000 "));
}

/// A WebSocket server that says back what it is told, by RFC 6455, and a page that talks to it. What a browser shows is
/// complete once `/over` is asked for.
const WEB_SOCKET: &str = r#"
    const page = `<!doctype html><title>echo</title><p id="said"></p><script>
        const socket = new WebSocket('ws://' + location.host + '/echo');
        const long = 'long '.repeat(200000);
        const said = [];
        const say = text => {
            said.push(text);
            document.getElementById('said').textContent = said.join('; ');
        };
        socket.binaryType = 'arraybuffer';
        socket.onopen = () => { say('open'); socket.send('hello'); };
        socket.onmessage = ({ data }) => {
            if (data === 'hello') { say('text'); socket.send(new Uint8Array([0, 255, 10])); }
            else if (data instanceof ArrayBuffer) { say('octets ' + new Uint8Array(data)); socket.send(long); }
            else if (data === long) { say('long'); socket.close(4000, 'enough'); }
            else say('wrong: ' + data.length);
        };
        socket.onerror = () => say('error');
        socket.onclose = event => { say('closed ' + event.code + ' ' + event.reason); fetch('/over'); };
    </script><img src="/held">`;
    let held = [];
    let isOver = false;
    server.on('request', (request, response) => {
        if (request.url === '/over') { isOver = true; held.forEach(each => each.end()); response.end(); }
        else if (request.url === '/held') { if (isOver) response.end(); else held.push(response); }
        else { response.setHeader('Content-Type', 'text/html'); response.end(page); }
    });
    server.on('upgrade', (request, socket, head) => {
        const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
        const accept = crypto.createHash('sha1').update(key).digest('base64');
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            'Sec-WebSocket-Accept: ' + accept + '\r\n\r\n');
        let unread = head;
        const frame = () => {
            if (unread.length < 2) return false;
            let length = unread[1] & 127, at = 2;
            if (length === 126) { if (unread.length < 4) return false; length = unread.readUInt16BE(2); at = 4; }
            if (length === 127) { if (unread.length < 10) return false; length = Number(unread.readBigUInt64BE(2)); at = 10; }
            if (unread.length < at + 4 + length) return false;
            const mask = unread.subarray(at, at + 4);
            const content = Buffer.from(unread.subarray(at + 4, at + 4 + length));
            for (let i = 0; i < length; i++) content[i] ^= mask[i & 3];
            const head = Buffer.alloc(10);
            head[0] = unread[0];
            let size = 2;
            if (length < 126) head[1] = length;
            else if (length < 65536) { head[1] = 126; head.writeUInt16BE(length, 2); size = 4; }
            else { head[1] = 127; head.writeBigUInt64BE(BigInt(length), 2); size = 10; }
            socket.write(Buffer.concat([head.subarray(0, size), content]));
            if ((unread[0] & 15) === 8) socket.end();
            unread = unread.subarray(at + 4 + length);
            return true;
        };
        const take = () => { while (frame()); };
        socket.on('data', data => { unread = Buffer.concat([unread, data]); take(); });
        socket.on('error', () => {});
        take();
    });
"#;

const SAID: &str = "open; text; octets 0,255,10; long; closed 4000 enough";

#[test]
fn chromium_talks_to_node_by_web_socket() {
    let (Some(node), home) = (Node::start(WEB_SOCKET), TempDir::new().unwrap()) else { return };
    let gateway = before(&node.url());
    let Some(page) = shown(home.path(), &format!("http://localhost:{}/", gateway.address.port()))
    else {
        return;
    };
    assert!(page.contains(SAID), "{page}");
    assert!(gateway.log_line("GET /echo ").contains(" 101 "));
}

#[test]
fn node_talks_to_node_by_web_socket() {
    let (Some(node), home) = (Node::start(WEB_SOCKET), TempDir::new().unwrap()) else { return };
    let gateway = before(&node.url());
    let Some(command) = program(&["node", "nodejs"], home.path()) else { return };
    // The page's script, with a document that is no more than what it says.
    let script = format!(
        "const location = {{ host: 'localhost:{}' }};
         const document = {{ getElementById: () => paragraph }};
         const paragraph = {{}};
         (async () => {{
             const page = await (await fetch('http://' + location.host + '/')).text();
             const fetched = globalThis.fetch;
             globalThis.fetch = () => console.log(paragraph.textContent);
             eval(page.match(/<script>([^]*)<.script>/)[1]);
         }})();",
        gateway.address.port()
    );
    // In older ones it has to be asked for.
    let said = run(command, &["--experimental-websocket", "-e", &script]);
    assert_eq!(said.trim(), SAID);
}

/// Says which requests came by the gateway, and answers what it was told.
const ECHO: &str = "
    let count = 0;
    server.on('request', (request, response) => {
        if (request.url === '/count') return response.end(String(count));
        count += 1;
        let content = '';
        request.on('data', data => content += data);
        request.on('end', () => response.end(request.method + ' ' + request.url + ' ' + content));
    });";

#[test]
fn upstreams_that_are_killed_and_restarted_lose_nothing() {
    // At addresses of their own, so that nobody else is given their ports meanwhile.
    let addresses = [2, 3].map(|last| {
        let any = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0));
        TcpListener::bind(any).unwrap().local_addr().unwrap()
    });
    let start = |address| Node::start_at(address, ECHO);
    let [Some(first), Some(second)] = addresses.map(start) else { return };
    let mut nodes = [Some(first), Some(second)];
    let gateway = routes(&[&format!(
        "{{ path = \"/*\", gateway = {{ to = [\"http://{}\", \"http://{}\"], buffer = \"64KiB\", \
         unhealthy-time = \"100ms\", retry-percent = 100 }} }}",
        addresses[0], addresses[1]
    )]);
    let count = |address| {
        let reply = ask(address, "GET /count HTTP/1.1\nHost: localhost\n\n");
        reply.text().parse::<usize>().unwrap()
    };
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..8 {
            let (gateway, is_over, answered) = (&gateway, &is_over, &answered);
            scope.spawn(move || ask_on(gateway.address, number, is_over, answered));
        }
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..6 {
                let at = round % 2;
                // Each is asked before the other goes: the gateway knows again that it is well.
                for address in addresses {
                    let before = count(address);
                    eventually("it is asked", || count(address) > before);
                }
                nodes[at] = None;
                let before = answered.load(Ordering::Relaxed);
                eventually("the other answers alone", || {
                    answered.load(Ordering::Relaxed) > before + 100
                });
                nodes[at] = start(addresses[at]);
            }
        }));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    });
    assert!(answered.load(Ordering::Relaxed) > 600);
}

/// Asks one request after the other, in turn to read and to write, each of which is to be answered.
fn ask_on(address: SocketAddr, number: usize, is_over: &AtomicBool, answered: &AtomicUsize) {
    let mut client = Client::connect(address);
    let mut turn = 0;
    while !is_over.load(Ordering::Relaxed) {
        turn += 1;
        let target = format!("/{number}/{turn}");
        let (method, content) =
            if turn % 2 == 0 { ("GET", String::new()) } else { ("PUT", target.repeat(100)) };
        let length = content.len();
        let request = format!(
            "{method} {target} HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\n{content}"
        );
        client.send(&request);
        let reply = client.reply(method);
        assert_eq!(reply.status, 200, "{method} {target}: {reply:?}");
        assert_eq!(reply.text(), format!("{method} {target} {content}"));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
