//! Every group and every rule, for those who print, draw, count and check them.

use crate::rule::{Group, Info};
use crate::{
    access, act, allowance, asked, asker, conditions, content, elsewhere, find, forward, gate,
    hints, inbox, later, negotiate, payment, preflight, ranges, read, screen, target, upstream,
};

macro_rules! groups {
    ($( $name:ident $text:literal $stage:ident $facts:ty; )*) => {
        /// The groups of rules, in the order in which they are asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum GroupId { $(
            #[doc = $text]
            $name,
        )* }

        impl GroupId {
            /// Every group, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// What the group asks about, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $text),* } }

            /// The stage that it belongs to.
            #[must_use]
            pub const fn stage(self) -> &'static str {
                match self { $(Self::$name => stringify!($stage)),* }
            }

            /// Its rules, in order.
            #[must_use]
            pub fn rules(self) -> Vec<&'static Info> {
                match self {
                    $(Self::$name => <$facts as Group>::RULES.iter().map(|rule| rule.info).collect()),*
                }
            }
        }
    };
}

groups! {
    Wire "whether the message can be read, and there is room for it" screen screen::Wire;
    Target "whether the target is one of ours, and can be read" screen target::TargetFacts<'static>;
    Gate "whether the route is open to this client" admit gate::GateFacts<'static>;
    ClientLimits "whether this client asks for more than its share" admit allowance::ClientLimitFacts<'static>;
    Preflight "whether a browser asks for a script of another origin" admit preflight::PreflightFacts<'static>;
    Asker "who asks, and whether that one may" admit asker::AskerFacts<'static>;
    Asked "whether somebody else lets it in" admit asked::AskedFacts<'static>;
    UserLimits "whether this user asks for more than its share" admit allowance::UserLimitFacts<'static>;
    Price "whether the price is paid" admit allowance::PriceFacts<'static>;
    Payment "whether it is paid for now" admit payment::PaymentFacts<'static>;
    Access "whether this method, from this sender, may be asked here" admit access::AccessFacts<'static>;
    Elsewhere "whether it stands here" admit elsewhere::ElsewhereFacts<'static>;
    Content "what the head says of the content" admit content::ContentFacts<'static>;
    Hints "what the client is told before the page" admit hints::HintFacts<'static>;
    Find "what is there, and what can be done with it" find find::FindFacts<'static>;
    Inbox "whether the inbox takes it" find inbox::InboxFacts<'static>;
    Forward "whether the gateway may forward it" find forward::ForwardFacts<'static>;
    Monitor "whether what was accepted for later is known" find later::MonitorFacts<'static>;
    Negotiate "which of its variants is sent" choose negotiate::NegotiateFacts<'static>;
    Conditions "the client's preconditions" conditions conditions::ConditionFacts<'static>;
    Ranges "the part that is asked for" ranges ranges::RangeFacts<'static>;
    Read "what a reading is answered with" plan read::ReadFacts;
    Invite "whether the content has to be invited" plan act::InviteFacts<'static>;
    Act "what the act met" outcome act::ActFacts;
    Upstream "what came of asking an upstream" outcome upstream::UpstreamFacts;
    Submitted "what became of what was posted" outcome inbox::SubmittedFacts<'static>;
    Later "what became of what is to be delivered later" outcome later::LaterFacts;
}

/// How many groups there are.
pub const GROUPS: usize = GroupId::ALL.len();

/// The rule of this name.
#[must_use]
pub fn find_rule(id: &str) -> Option<&'static Info> {
    GroupId::ALL.iter().flat_map(|group| group.rules()).find(|info| info.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use wherefore_message::spec::CURRENT_RFCS;
    use wherefore_message::status::{REGISTRY, Use};

    use super::*;

    #[test]
    fn ids_are_unique_sections_current_and_questions_asked() {
        let mut ids = HashSet::new();
        for info in GroupId::ALL.iter().flat_map(|group| group.rules()) {
            assert!(ids.insert(info.id), "{} stands twice", info.id);
            assert!(CURRENT_RFCS.contains(&info.spec.rfc), "{}", info.id);
            assert!(info.asks.ends_with('?'), "{} asks nothing: {}", info.id, info.asks);
            assert!(
                (!info.may.is_empty() || info.id == "relayed") && !info.shown_by.is_empty(),
                "{}",
                info.id
            );
        }
    }

    /// What no rule answers yet, and what will: each leaves this list with the role that sends it.
    const LATER: &[(u16, &str)] = &[
        (104, "resumable uploads"),
        (207, "WebDAV"),
        (226, "delta encoding"),
        (407, "the forward proxy"),
        (423, "WebDAV"),
        (424, "WebDAV"),
        (425, "TLS early data"),
        (508, "WebDAV"),
        (511, "the portal"),
    ];

    #[test]
    fn every_registered_status_is_a_rule_s_or_later_or_never_sent_for_a_reason() {
        let answered: HashSet<u16> = GroupId::ALL
            .iter()
            .flat_map(|group| group.rules())
            .flat_map(|info| info.may.iter().map(|status| status.code()))
            .collect();
        for row in REGISTRY {
            let code = row.status.code();
            let later = LATER.iter().any(|(other, _)| *other == code);
            let never = matches!(row.sent, Use::Relayed(_));
            let count = [answered.contains(&code), later, never].iter().filter(|x| **x).count();
            assert_eq!(count, 1, "{code}: answered, later or never, exactly one of them");
        }
    }
}
