//! Requests as programs send them.

/// As a load generator sends it: what it must say, and no more.
pub(crate) const PLAIN: &[u8] = b"GET /docs/page.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// As a browser sends it: 15 field lines.
pub(crate) const BROWSER: &[u8] = b"\
    GET /docs/page.html HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: none\r\n\
    Sec-Fetch-Mode: navigate\r\n\
    Sec-Fetch-User: ?1\r\n\
    Sec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\r\n";

pub(crate) const MISSING: &[u8] = b"GET /docs/no.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// The same fields as a request had before, with another target.
pub(crate) fn elsewhere(request: &[u8]) -> Vec<u8> {
    let rest = request.strip_prefix(b"GET /docs/page.html").unwrap_or(request);
    [b"GET /docs/pictures/one.png?size=2", rest].concat()
}

/// The same lines in the other order: none stands where it stood.
pub(crate) fn turned(request: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(request);
    let (start, fields) = text.trim_end().split_once("\r\n").unwrap_or_default();
    let fields: Vec<&str> = fields.split("\r\n").collect();
    let turned: String = fields.iter().rev().map(|line| format!("{line}\r\n")).collect();
    format!("{start}\r\n{turned}\r\n").into_bytes()
}

/// `request` with one more line.
pub(crate) fn with(request: &[u8], line: &str) -> Vec<u8> {
    let head = request.strip_suffix(b"\r\n").unwrap_or(request);
    [head, line.as_bytes(), b"\r\n\r\n"].concat()
}
