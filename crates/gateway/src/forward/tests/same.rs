//! What is written the short way is what the long way writes.

use wherefore_message::token::is_token;

use super::*;

proptest! {
    #[test]
    fn what_was_kept_is_what_would_be_written(
        cases in vec(
            (
                (trusts(), select(vec!["203.0.113.9", "::1"]), any::<bool>(), any::<bool>()),
                select(vec!["a.example", "a.example:80", "b.example", "[::1]:80"]),
                select(vec![Forwarded::Both, Forwarded::Both, Forwarded::XForwarded, Forwarded::None]),
                select(vec!["", "", "Forwarded", "X-Forwarded-Host", "Server"]),
                hostile(),
            ),
            2..12,
        ),
    ) {
        let mut chain = Chain::new();
        for ((trust, peer, is_secure, is_hostile), host, forwarded, drop, hostile) in cases {
            let mut case = Case::new(trust);
            case.peer = peer.parse().unwrap();
            case.client = Client::at(case.peer);
            case.client.scheme = if is_secure { Scheme::Https } else { Scheme::Http };
            case.policy.forwarded = forwarded;
            case.policy.drop = Names::new(Some(drop).filter(|drop| !drop.is_empty()));
            let plain = request("GET", Version::HTTP_11, &[("Host", host)]);
            let request = if is_hostile { &hostile } else { &plain };
            let (mut kept, mut anew) = (b"x".to_vec(), b"x".to_vec());
            let view = request.view();
            case.write(&view, &mut chain, &mut kept);
            case.write(&view, &mut Chain::new(), &mut anew);
            prop_assert_eq!(String::from_utf8_lossy(&kept), String::from_utf8_lossy(&anew));
        }
    }

    #[test]
    fn lines_that_were_read_go_on_as_those_that_stand_in_no_message(
        lines in vec((names(), values(), select(vec![": ", ": ", ": ", ":", ":\t ", ":  "])), 0..16),
        trust in trusts(),
        replaces in any::<bool>(),
    ) {
        let mut wire = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: x-mine, TE\r\n".to_vec();
        for (name, value, between) in &lines {
            let known = FieldName::parse(name.as_bytes());
            let is_apart = OF_THE_CONNECTION.has(known) || known == FieldName::Host;
            if !is_apart && is_token(name.as_bytes()) && is_value(value.as_bytes()) {
                wire.extend_from_slice(format!("{name}{between}{value}\r\n").as_bytes());
            }
        }
        wire.extend_from_slice(b"\r\n");
        let mut server = Server::new(&Limits::default());
        let Ok((used, event)) = server.receive(&wire, Millis(0)) else {
            // An expectation that can't be met, or the like.
            return Err(TestCaseError::reject("no request"));
        };
        prop_assert_eq!((used, event), (wire.len(), Event::Head));
        let read = server.request(&wire);
        let mut apart = FieldLines::new();
        read.fields.iter().for_each(|(name, value)| apart.push(name, value));
        let mut case = Case::new(trust);
        if replaces {
            case.policy.drop = Names::new(["Accept", "a"]);
            case.policy.set = vec![("ETag".into(), "x".into()), ("X-Other".into(), "y".into())];
            case.policy.user_field = Some("X-Mine".into());
            case.policy.copied = Names::new(["X-Forwarded-User"]);
            case.copied = [("Cookie", "a=b"), ("x_mine", "c")].into_iter().collect();
            case.user = Some("anna");
        }
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let told = case.write(&read, &mut Chain::new(), &mut first);
        let other = Request { fields: apart.view(), ..read };
        let told_apart = case.write(&other, &mut Chain::new(), &mut second);
        prop_assert_eq!(String::from_utf8_lossy(&first), String::from_utf8_lossy(&second));
        prop_assert_eq!(told, told_apart);
    }
}
