//! HTTP/1.1 on a connection: the octets of a socket through the role that understands them, one
//! exchange after the other.

mod again;
mod carrier;

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::task::yield_now;
use wherefore_decide::Scheme;
use wherefore_decide::act::{Acted, Failure};
use wherefore_decide::plan;
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::screen::Wire;
use wherefore_h1::{After, CloseReason, Event, Late, Millis, Outgoing, Server, Unread};
use wherefore_message::problem::{self, ProblemForm};
use wherefore_message::response::Author;
use wherefore_message::{Fault, FieldName, Method, Version};
use wherefore_origin::read::Content;

use crate::answer::{Answer, explain};
use crate::buffer::Buffer;
use crate::carrier::Gone;
use crate::connection::{End, Pace, Place, Rhythm, SOON};
use crate::core::{Brought, Core};
use crate::exchange::exchange;
use crate::gateway::{Near, Relay, tunnel};
use crate::given::Known;
use crate::load::InFlight;
use crate::notice;
use crate::send::{self, Sender};
use crate::service::Service;
use crate::shutdown::State;
use crate::socket::Socket;
use crate::told::{Of, Told, write_line};
use crate::unwind::{Panicked, unwinding};
use crate::wheel::Deadline;

/// Answers that were made are sent when they come to this many octets, or nothing more is to be read.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// So many exchanges of one connection follow each other before others have their turn.
const EXCHANGES_A_TURN: u32 = 128;

/// The carrier of one connection's exchanges.
pub(crate) struct H1<'a> {
    pub(crate) service: &'a Service,
    pub(crate) server: &'a mut Server,
    pub(crate) input: &'a mut Buffer,
    pub(crate) output: &'a mut Vec<u8>,
    /// How many octets of the output have left.
    pub(crate) sent: usize,
    /// Where the answer that is being sent begins in the output.
    pub(crate) answer_at: usize,
    pub(crate) socket: &'a mut Socket,
    pub(crate) deadline: &'a Deadline,
    pub(crate) peer: IpAddr,
    pub(crate) rhythm: &'a mut Rhythm,
}

/// What came of waiting for more octets.
enum Filled {
    /// Some came.
    More,
    /// They did not come in time, and the client is to be told.
    Late(Fault),
    /// Nobody is there any more.
    Gone,
}

impl H1<'_> {
    /// Exchange after exchange, until nothing is left to do or the connection is over.
    pub(crate) async fn exchanges(
        &mut self,
        answer: &mut Answer,
        client: IpAddr,
        place: Place,
    ) -> End {
        // Something has come, or the connection is at its end; the role counts its time from here.
        let _ = self.server.receive(&[], self.now());
        if let Err(end) = self.first().await {
            return end;
        }
        let mut exchanges = 0_u32;
        loop {
            match self.server.receive(self.input.unread(), self.now()) {
                Ok((used, Event::Head)) => {
                    // Who asks on and takes all answers never has to be waited for.
                    exchanges += 1;
                    if exchanges.is_multiple_of(EXCHANGES_A_TURN) {
                        yield_now().await;
                    }
                    self.input.keep_head(used);
                    answer.clear();
                    if let Some(end) = self.one(answer, client, place).await {
                        return end;
                    }
                }
                Ok((used, Event::NeedMore)) => {
                    self.input.consume(used);
                    if self.flush().await.is_err() {
                        return End::Abort;
                    }
                    // Empty lines are no request, and put nothing off: the role counts them and the time.
                    let filled = if self.input.is_empty() && self.server.is_idle() {
                        match self.soon().await {
                            Some(filled) => filled,
                            None => return End::Idle,
                        }
                    } else {
                        self.fill().await
                    };
                    match filled {
                        Filled::More => {}
                        Filled::Late(fault) => return self.refuse(fault, answer, client).await,
                        Filled::Gone => return End::Close,
                    }
                }
                Ok((_, Event::Content(_) | Event::End | Event::Paused | Event::Closed(_))) => {
                    let _ = self.flush().await;
                    return End::Close;
                }
                Err(fault) => return self.refuse(fault, answer, client).await,
            }
        }
    }

    /// One exchange, from its head to what comes after it. Says how the connection ends, if it does.
    async fn one(&mut self, answer: &mut Answer, client: IpAddr, place: Place) -> Option<End> {
        let core = &self.service.core;
        let began = core.log.as_ref().map(|_| core.clock.micros());
        let began_at = core.clock.now();
        let in_flight = match place {
            Place::Admitted => core.load.try_enter(),
            Place::None => None,
        };
        let overload = match in_flight {
            Some(_) => None,
            None => {
                let seconds = core.load.retry_after(core.random.next_u64());
                Some(u32::try_from(seconds).unwrap_or(u32::MAX))
            }
        };
        let epoch = self.epoch();
        // Whoever was relayed to asks for more of that kind, and such answers are not kept.
        let is_relaying = answer.head.author == Author::Upstream;
        let is_asked = overload.is_none() && !is_relaying;
        let known = if is_asked { self.known(epoch) } else { Known::Never };
        if let Known::Answered(index) = known
            && let Some(octets) = self.again(index, answer)
        {
            ended(core, in_flight, began_at);
            return self.after(answer, (client, began), octets).await;
        }
        let wire = Wire { fault: None, overload };
        let come = {
            let exchange = pin!(exchange(self.service, self, &wire, answer));
            unwinding(exchange).await
        };
        match come {
            Ok(Ok(())) => {}
            Ok(Err(Gone)) => {
                self.log(answer, client, began, 0, Told::Nothing);
                return Some(End::Close);
            }
            Err(Panicked) => {
                self.server.close_after(CloseReason::OwnFault);
                self.panicked(answer);
            }
        }
        if overload.is_some() {
            self.server.close_after(CloseReason::Overloaded);
        }
        let sent = match answer.content {
            // A client that is slow to take what was made for it holds memory: their number is bounded.
            Content::Made(_) => {
                let sent = self.send(answer).await;
                ended(core, in_flight, began_at);
                sent
            }
            // One that is slow to take a file holds a connection, and keeps no other from being answered.
            // So it is with one that is encoded on the way: it has a memory of its own, which is bounded.
            Content::None
            | Content::Absent(_)
            | Content::File(..)
            | Content::Pieces(..)
            | Content::Encoding(_) => {
                ended(core, in_flight, began_at);
                self.send(answer).await
            }
        };
        // What was taken for as long as the request lasts is given back before the client can know its end.
        answer.taken = None;
        let octets = match sent {
            Ok(octets) => octets,
            Err(trouble) => {
                self.log(answer, client, began, trouble.octets, Told::Broken);
                // What came of an upstream's answer is the client's; that its end is missing shows by its framing.
                let is_kept = answer.cut.is_some() && self.flush().await.is_ok();
                let version = self.server.request(self.input.head()).version;
                let is_framed = version >= Version::HTTP_11;
                return Some(if is_kept && is_framed { End::Linger } else { End::Abort });
            }
        };
        if let Known::Asked(number) = known {
            self.keep((number, epoch), answer, octets);
        }
        self.after(answer, (client, began), octets).await
    }

    /// What follows an answer of which all is written.
    async fn after(
        &mut self,
        answer: &Answer,
        (client, began): (IpAddr, Option<u64>),
        octets: u64,
    ) -> Option<End> {
        self.log(answer, client, began, octets, Told::Whole);
        let after = self.server.finish_with(&answer.trailers, self.output);
        self.input.release_head();
        match after {
            After::Next => {
                if self.output.len() >= OUTPUT_BYTES_MAX && self.flush().await.is_err() {
                    return Some(End::Abort);
                }
                None
            }
            After::Drain => self.drain().await.err(),
            After::Close(reason) => Some(self.closing(reason).await),
        }
    }

    /// Sends the answer's head and content; says how many octets of content that were.
    async fn send(&mut self, answer: &mut Answer) -> Result<u64, send::Trouble> {
        self.drop_sent();
        self.answer_at = self.output.len();
        if let Err(missing) = reply::seal(&mut answer.head) {
            notice!("an answer {} lacks {missing:?}; 500 is sent in its place", answer.head.status);
            self.panicked(answer);
        }
        if self.service.core.shutdown.state() != State::Running {
            self.server.close_after(CloseReason::ShuttingDown);
        }
        if let Some(relay) = answer.relay.take() {
            return self.relay(relay, answer).await;
        }
        let length = answer.content.length();
        let outgoing = match (&answer.content, length) {
            (Content::None, _) => Outgoing::None,
            (_, Some(length)) => Outgoing::Sized(length),
            (_, None) => Outgoing::Streamed,
        };
        let date = self.service.core.clock.date();
        self.server.send_head(&answer.head, outgoing, &date, self.output);
        if !self.server.sends_content() {
            return Ok(0);
        }
        let Some(length) = length else {
            // Most answers should not carry the room for it along.
            return Box::pin(self.stream(&mut answer.content)).await;
        };
        self.server.frame(usize::try_from(length).unwrap_or(usize::MAX), self.output);
        let mut sender = Sender {
            service: self.service,
            socket: self.socket,
            deadline: self.deadline,
            output: self.output,
        };
        sender.content(&answer.content).await?;
        Ok(length)
    }

    /// Sends what an upstream answers, as it comes; what it changes to is carried to its end.
    async fn relay(
        &mut self,
        mut relay: Box<Relay>,
        answer: &mut Answer,
    ) -> Result<u64, send::Trouble> {
        let date = self.service.core.clock.date();
        self.server.send_head(&answer.head, relay.outgoing(), &date, self.output);
        if relay.is_switched() {
            self.flush().await?;
            let near = Near { socket: self.socket, input: self.input };
            return Ok(Box::pin(tunnel(self.service, *relay, near)).await);
        }
        let (service, carrier) = (self.service, &mut *self);
        let ended = match relay.at_once(service, carrier) {
            Some(ended) => ended,
            // Most answers should not carry the room for it along.
            None => Box::pin(relay.run(service, carrier)).await,
        };
        answer.trailers.clear();
        answer.trailers.extend_from_slice(relay.trailers());
        ended.map_err(|cut| {
            answer.cut = cut.cause;
            send::Trouble { octets: cut.octets }
        })
    }

    /// Sends what is encoded on the way, a chunk a step. The next step is not taken before the client has taken
    /// the last one's octets: one that is slow holds an encoder, and keeps no thread.
    async fn stream(&mut self, content: &mut Content) -> Result<u64, send::Trouble> {
        let Content::Encoding(begun) = std::mem::replace(content, Content::None) else {
            return Ok(0);
        };
        let mut encoding = *begun;
        let mut octets = 0;
        loop {
            let count = encoding.ready().len();
            self.server.frame(count, self.output);
            let mut sender = Sender {
                service: self.service,
                socket: self.socket,
                deadline: self.deadline,
                output: self.output,
            };
            let trouble = |_| send::Trouble { octets };
            sender.octets(encoding.ready()).await.map_err(trouble)?;
            octets += count as u64;
            self.server.frame_end(count, self.output);
            if encoding.is_done() {
                return Ok(octets);
            }
            let trouble = send::Trouble { octets };
            if self.flush().await.is_err() {
                return Err(trouble);
            }
            // That the file changed shows in that the end is missing.
            match self.service.core.workers.run_in_turn(move || encoding.advance()).await {
                Ok(Ok(next)) => encoding = next,
                Ok(Err(_)) | Err(_) => return Err(trouble),
            }
        }
    }

    /// A fault that ends the connection: answered, if an answer is owed and the fault has a rule.
    async fn refuse(&mut self, fault: Fault, answer: &mut Answer, client: IpAddr) -> End {
        answer.clear();
        let verdict = plan::refuse(&Wire { fault: Some(fault), overload: None }, &mut answer.trail);
        let (Some(verdict), true) = (verdict, self.server.owes_answer()) else {
            let _ = self.flush().await;
            return End::Close;
        };
        let began = self.service.core.log.as_ref().map(|_| self.service.core.clock.micros());
        let broken = self.server.broken(self.input.unread());
        let setting = Setting {
            verdict: &verdict,
            request: None,
            path: None,
            matched: None,
            dress: None,
            scheme: Scheme::Http,
            current: None,
            varies: Varies::Not,
            field: broken.field.map(|span| span.of(self.input.unread())),
        };
        explain(self.service, &setting, ProblemForm::Json, answer);
        let sent = self.send(answer).await;
        let (octets, told) = match &sent {
            Ok(octets) => (*octets, Told::Whole),
            Err(trouble) => (trouble.octets, Told::Broken),
        };
        self.log_broken(answer, client, began, octets, told);
        if sent.is_err() {
            return End::Abort;
        }
        match self.server.finish(self.output) {
            After::Close(reason) => self.closing(reason).await,
            After::Next | After::Drain => self.closing(CloseReason::Faulty(fault.kind)).await,
        }
    }

    /// Our own code failed: whatever the answer was, it is 500.
    fn panicked(&mut self, answer: &mut Answer) {
        answer.clear();
        let verdict = plan::outcome(Acted::Failed(Failure::Panicked), &mut answer.trail);
        let request = self.server.request(self.input.head());
        let setting = Setting {
            verdict: &verdict,
            request: Some(&request),
            path: None,
            matched: None,
            dress: None,
            scheme: Scheme::Http,
            current: None,
            varies: Varies::Not,
            field: None,
        };
        let form = problem::form(request.fields.all(FieldName::Accept));
        explain(self.service, &setting, form, answer);
    }

    /// Sends what is left to send, and says how the connection is to be closed.
    async fn closing(&mut self, reason: CloseReason) -> End {
        if self.flush().await.is_err() {
            return End::Abort;
        }
        match reason {
            CloseReason::PeerAsked
            | CloseReason::OldVersion
            | CloseReason::PeerClosed
            | CloseReason::EndsByClosing
            | CloseReason::Idle
            | CloseReason::Switched => End::Close,
            CloseReason::AnswerCutShort => End::Abort,
            CloseReason::Faulty(_)
            | CloseReason::ContentUnread
            | CloseReason::ContentUninvited
            | CloseReason::ShuttingDown
            | CloseReason::Overloaded
            | CloseReason::OwnFault => End::Linger,
        }
    }

    /// Reads and drops the rest of a request's content, which is little.
    async fn drain(&mut self) -> Result<(), End> {
        self.flush().await.map_err(|_| End::Abort)?;
        loop {
            match self.server.receive(self.input.unread(), self.now()) {
                Ok((used, Event::Content(_))) => self.input.consume(used),
                Ok((used, Event::NeedMore)) => {
                    self.input.consume(used);
                    match self.fill().await {
                        Filled::More => {}
                        // The answer is out; there is nothing to tell.
                        Filled::Late(_) | Filled::Gone => return Err(End::Close),
                    }
                }
                Ok((used, Event::End)) => {
                    self.input.consume(used);
                    return Ok(());
                }
                Ok((_, Event::Head | Event::Paused | Event::Closed(_))) => return Err(End::Linger),
                Err(_) => return Err(End::Linger),
            }
        }
    }

    /// Waits a moment for the next request, with all that it needs at hand: on a busy connection it is
    /// about to come. None if it does not, or too many connections wait like this already.
    async fn soon(&mut self) -> Option<Filled> {
        let since = self.service.core.clock.now();
        (self.rhythm.since, self.rhythm.brought) = (since, Brought::Requests);
        let _waits = self.service.try_wait(self.rhythm.pace)?;
        self.input.make_room(usize::MAX).ok()?;
        self.deadline.set(since.after(SOON));
        let (socket, deadline, room) = (&mut *self.socket, self.deadline, self.input.spare());
        let read = poll_fn(|cx| {
            if let Poll::Ready(read) = socket.poll_read(cx, room) {
                return Poll::Ready(Some(read));
            }
            deadline.poll_expired(cx).map(|()| None)
        });
        match read.await? {
            Ok(count) if count > 0 => {
                self.input.filled(count);
                self.rhythm.pace = Pace::Busy;
                Some(Filled::More)
            }
            Ok(_) | Err(_) => Some(Filled::Gone),
        }
    }

    /// Reads what has come. A connection of which nothing has come yet is idle.
    async fn first(&mut self) -> Result<(), End> {
        if !self.socket.is_watched() && self.input.make_room(usize::MAX).is_ok() {
            match self.socket.read_unwatched(self.input.spare()) {
                None => return Err(End::Idle),
                Some(Ok(count)) if count > 0 => {
                    self.input.filled(count);
                    return Ok(());
                }
                Some(Ok(_) | Err(_)) => return Err(End::Close),
            }
        }
        match poll_fn(|cx| Poll::Ready(self.poll_fill(cx))).await {
            Poll::Ready(Filled::More) => Ok(()),
            Poll::Ready(Filled::Late(_) | Filled::Gone) => Err(End::Close),
            // Where the last read had filled its room, there might have been more.
            Poll::Pending => Err(End::Idle),
        }
    }

    /// Waits for more octets, as long as the role does.
    async fn fill(&mut self) -> Filled {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Filled> {
        let head_bytes_max =
            usize::try_from(self.service.wire.head_bytes_max()).unwrap_or(usize::MAX);
        // Room for a whole head, and for content behind it.
        let bytes_max = head_bytes_max.saturating_mul(2);
        let buffers = &self.service.core.buffers;
        match self.server.unread() {
            Unread::None => {}
            Unread::Octets(left) => buffers.widen(self.input, Some(left)),
            Unread::Unknown => buffers.widen(self.input, None),
        }
        if self.input.make_room(bytes_max).is_err() {
            return Poll::Ready(Filled::Gone);
        }
        loop {
            if let Some((Millis(at), _)) = self.server.deadline() {
                self.deadline.set(crate::clock::Millis(at));
            }
            if let Poll::Ready(read) = self.socket.poll_read(cx, self.input.spare()) {
                return Poll::Ready(match read {
                    Ok(count) if count > 0 => {
                        self.input.filled(count);
                        Filled::More
                    }
                    Ok(_) => {
                        let _ = self.server.eof();
                        Filled::Gone
                    }
                    Err(_) => Filled::Gone,
                });
            }
            ready!(self.deadline.poll_expired(cx));
            match self.server.late(self.now()) {
                Some(Late::Fault(fault)) => return Poll::Ready(Filled::Late(fault)),
                Some(Late::Close(_)) => return Poll::Ready(Filled::Gone),
                None => self.deadline.clear(),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), send::Trouble> {
        self.drop_sent();
        let mut sender = Sender {
            service: self.service,
            socket: self.socket,
            deadline: self.deadline,
            output: self.output,
        };
        sender.flush().await
    }

    /// Takes out what has left already.
    fn drop_sent(&mut self) {
        if self.sent > 0 {
            self.output.drain(..std::mem::take(&mut self.sent));
        }
    }

    fn now(&self) -> Millis {
        Millis(self.service.core.clock.now().0)
    }

    fn log(&self, answer: &Answer, client: IpAddr, began: Option<u64>, octets: u64, told: Told) {
        if let Some(began) = began {
            let request = self.server.request(self.input.head());
            let of = Of {
                method: request.method_text,
                target: request.target_text,
                version: request.version,
                request: Some(&request),
            };
            write_line(self.service, &of, answer, client, began, octets, told);
        }
    }

    fn log_broken(
        &self,
        answer: &Answer,
        client: IpAddr,
        began: Option<u64>,
        octets: u64,
        told: Told,
    ) {
        if let Some(began) = began {
            let broken = self.server.broken(self.input.unread());
            let method = broken.method.map_or("-", Method::as_str);
            let of = Of {
                method: method.as_bytes(),
                target: broken.target.map_or(b"-", |span| span.of(self.input.unread())),
                version: broken.version,
                request: None,
            };
            write_line(self.service, &of, answer, client, began, octets, told);
        }
    }
}

/// A request is no longer in flight.
fn ended(core: &Core, in_flight: Option<InFlight>, began_at: crate::clock::Millis) {
    if let Some(in_flight) = in_flight {
        let took = core.clock.now().0.saturating_sub(began_at.0);
        in_flight.end(Duration::from_millis(took));
    }
}
