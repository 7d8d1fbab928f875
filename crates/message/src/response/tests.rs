use super::*;

fn relayed(head: &ResponseHead) -> Vec<(String, String)> {
    let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
    head.relayed().map(|(name, value)| (text(name), text(value))).collect()
}

fn head(lines: &[(&str, &str)]) -> ResponseHead {
    let mut head = ResponseHead::new(Status::OK);
    for (name, value) in lines {
        head.relay(name.as_bytes(), value.as_bytes());
    }
    head
}

#[test]
fn relayed_lines_are_written_as_they_came() {
    let head = head(&[("date", "x"), ("X-A", ""), ("set-cookie", "a=b"), ("set-cookie", "c=d")]);
    let written = b"date: x\r\nX-A: \r\nset-cookie: a=b\r\nset-cookie: c=d\r\n";
    assert_eq!(head.relayed_written(), written);
    assert!(head.present().has(FieldName::Date) && head.present().has(FieldName::SetCookie));
    assert_eq!(head.relayed_values(FieldName::SetCookie).count(), 2);
    assert_eq!(head.fields().count(), 0);
}

#[test]
fn what_is_the_connections_or_no_line_is_not_taken() {
    let mut head = ResponseHead::new(Status::OK);
    for name in OF_THE_CONNECTION.iter() {
        head.relay(name.as_str().to_lowercase().as_bytes(), b"x");
    }
    for (name, value) in
        [("", "x"), ("a b", "x"), ("a:", "x"), ("a", "x\r\nb: c"), ("a", "\0"), ("a\r\n", "x")]
    {
        head.relay(name.as_bytes(), value.as_bytes());
    }
    assert!(head.relayed_written().is_empty() && head.present().is_empty());
}

#[test]
fn what_is_set_replaces_what_was_relayed() {
    let mut head = head(&[("Server", "a"), ("X-B", "1"), ("ETag", "\"x\""), ("server", "b")]);
    head.set(FieldName::Server, Value::Static("ours"));
    assert_eq!(relayed(&head), [("X-B".into(), "1".into()), ("ETag".into(), "\"x\"".into())]);
    assert_eq!(head.relayed_written(), b"X-B: 1\r\nETag: \"x\"\r\n");
    assert!(head.present().has(FieldName::Server));
    head.remove(FieldName::ETag);
    assert!(!head.present().has(FieldName::ETag));
    head.relay(b"x-b", b"2");
    head.relay(b"Vary", b"Origin");
    let lines = Arc::new(Lines::new([("x-B", "3")]).unwrap());
    head.add_lines(&lines);
    assert_eq!(relayed(&head), [("Vary".into(), "Origin".into())]);
    head.relay(b"server", b"c");
    head.remove_relayed(b"SERVER");
    assert!(head.present().has(FieldName::Server), "our own line stays");
    assert_eq!(head.relayed_values(FieldName::Server).count(), 0);
    head.remove_relayed(b"vary");
    assert!(!head.present().has(FieldName::Vary));
}

#[test]
fn a_reset_head_is_ours_and_empty() {
    let mut head = head(&[("A", "b")]);
    head.author = Author::Upstream;
    head.reset(Status::NOT_FOUND);
    assert_eq!((head.author, head.relayed().count()), (Author::Ours, 0));
}
