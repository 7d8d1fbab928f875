//! 404 Not Found (RFC 9110 §15.5.5): nothing is there, and nothing is known to have been.

use crate::support::start;

#[test]
fn nothing_is_there() {
    let server = start(&[]);
    let reply = server.ask("GET /nothing HTTP/1.1\nHost: localhost\n\n");
    reply.is(404, "missing");
    assert!(reply.has("date"));
    assert!(server.log_line("/nothing").contains(" 404 "));
}
