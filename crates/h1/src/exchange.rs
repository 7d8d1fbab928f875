//! The states of a connection in the server role and what leads from one to the next: two sides, the
//! peer's message that is being received and the answer that is being sent, and whether the connection
//! persists after both (RFC 9112 §9). Everything that may happen is a row of [`next`]; what is not there
//! can't happen.

/// Where the request stands that is being received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receiving {
    /// Between messages: no octet of a head yet.
    Idle,
    /// A head has begun.
    Head,
    /// The head is complete; content follows or the end is still to be said.
    Content,
    /// All of it was received.
    End,
    /// It broke the protocol; nothing after the fault can be understood.
    Broken,
    /// The peer has closed its side.
    Closed,
}

/// Where the answer stands that is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sending {
    /// None is owed.
    Idle,
    /// One is owed; interim answers may go before it.
    Owed,
    /// Its head is sent; content follows or the end is still to be said.
    Content,
    /// All of it was sent.
    End,
    /// Nothing more will be sent.
    Closed,
}

/// Whether the connection persists after this exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// It does.
    Keep,
    /// It closes.
    Close,
}

/// A state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The peer's side.
    pub receiving: Receiving,
    /// Our side.
    pub sending: Sending,
    /// What comes after both.
    pub persistence: Persistence,
}

/// What may happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The first octet of a head arrived.
    HeadBegins,
    /// A head is complete and well-formed.
    HeadEnds,
    /// The content is complete, be it empty.
    ContentEnds,
    /// The peer broke the protocol or came too late.
    Fault,
    /// The peer closed its side.
    PeerCloses,
    /// It is settled that this exchange is the last.
    LastExchange,
    /// An interim answer is sent.
    Interim,
    /// The head of the final answer is sent.
    AnswerBegins,
    /// The final answer is complete.
    AnswerEnds,
    /// Both messages are complete: the next exchange may begin.
    Turn,
    /// We close.
    Close,
}

impl Receiving {
    /// Every variant, in order.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Head, Self::Content, Self::End, Self::Broken, Self::Closed];
}

impl Sending {
    /// Every variant, in order.
    pub const ALL: [Self; 5] = [Self::Idle, Self::Owed, Self::Content, Self::End, Self::Closed];
}

impl Happening {
    /// Every variant, in order.
    pub const ALL: [Self; 11] = [
        Self::HeadBegins,
        Self::HeadEnds,
        Self::ContentEnds,
        Self::Fault,
        Self::PeerCloses,
        Self::LastExchange,
        Self::Interim,
        Self::AnswerBegins,
        Self::AnswerEnds,
        Self::Turn,
        Self::Close,
    ];
}

impl State {
    /// A fresh connection.
    pub const START: Self =
        Self { receiving: Receiving::Idle, sending: Sending::Idle, persistence: Persistence::Keep };
}

/// The state that `happening` leads to; none if it can't happen in `state`.
#[must_use]
pub const fn next(state: State, happening: Happening) -> Option<State> {
    match happening {
        Happening::HeadBegins => match (state.receiving, state.sending) {
            (Receiving::Idle, Sending::Idle) => Some(receiving(state, Receiving::Head)),
            _ => None,
        },
        Happening::HeadEnds => match (state.receiving, state.sending) {
            (Receiving::Head, Sending::Idle) => {
                Some(sending(receiving(state, Receiving::Content), Sending::Owed))
            }
            _ => None,
        },
        Happening::ContentEnds => match (state.receiving, state.sending) {
            // After a closing answer nothing is read: the socket is closed in stages instead.
            (_, Sending::Closed) => None,
            (Receiving::Content, _) => Some(receiving(state, Receiving::End)),
            _ => None,
        },
        Happening::Fault => match (state.receiving, state.sending) {
            (_, Sending::Closed) => None,
            (Receiving::Head, Sending::Idle) => {
                Some(sending(receiving(closing(state), Receiving::Broken), Sending::Owed))
            }
            (Receiving::Content, _) => Some(receiving(closing(state), Receiving::Broken)),
            _ => None,
        },
        Happening::PeerCloses => match (state.receiving, state.sending) {
            (_, Sending::Closed) => None,
            // With nothing begun and nothing owed, and in the middle of a head, nobody is left to answer.
            (Receiving::Idle | Receiving::Head, _) => {
                Some(sending(receiving(closing(state), Receiving::Closed), Sending::Closed))
            }
            // It may have closed its side only; an answer that is owed is still sent (RFC 9112 §9.6).
            (Receiving::Content | Receiving::End, _) => {
                Some(receiving(closing(state), Receiving::Closed))
            }
            (Receiving::Broken | Receiving::Closed, _) => None,
        },
        Happening::LastExchange => match state.sending {
            Sending::Owed | Sending::Content | Sending::End => Some(closing(state)),
            Sending::Idle | Sending::Closed => None,
        },
        Happening::Interim => match state.sending {
            Sending::Owed => Some(state),
            Sending::Idle | Sending::Content | Sending::End | Sending::Closed => None,
        },
        Happening::AnswerBegins => match state.sending {
            Sending::Owed => Some(sending(state, Sending::Content)),
            Sending::Idle | Sending::Content | Sending::End | Sending::Closed => None,
        },
        Happening::AnswerEnds => match state.sending {
            Sending::Content => Some(sending(state, Sending::End)),
            Sending::Idle | Sending::Owed | Sending::End | Sending::Closed => None,
        },
        Happening::Turn => match (state.receiving, state.sending, state.persistence) {
            (Receiving::End, Sending::End, Persistence::Keep) => Some(State::START),
            _ => None,
        },
        Happening::Close => match state.sending {
            // An answer that is owed or under way is finished first, unless the caller breaks it off.
            Sending::Idle | Sending::End => Some(sending(closing(state), Sending::Closed)),
            Sending::Owed | Sending::Content | Sending::Closed => None,
        },
    }
}

const fn receiving(state: State, receiving: Receiving) -> State {
    State { receiving, ..state }
}

const fn sending(state: State, sending: Sending) -> State {
    State { sending, ..state }
}

const fn closing(state: State) -> State {
    State { persistence: Persistence::Close, ..state }
}
