//! HTTP/1.1 on a connection: the octets of a socket through the role that understands them, one
//! exchange after the other.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::net::TcpStream;
use tokio::task::spawn_local;
use wherefore_decide::act::{Acted, Begun, Failure};
use wherefore_decide::plan;
use wherefore_decide::reply::{self, Setting, Varies};
use wherefore_decide::screen::Wire;
use wherefore_h1::{After, CloseReason, Event, Late, Millis, Outgoing, Server};
use wherefore_message::problem::{self, ProblemForm};
use wherefore_message::{Fault, FieldName, Method, Request, ResponseHead, Status, Version};
use wherefore_origin::read::Content;

use crate::admission::Refusal;
use crate::buffer::{Buffer, Buffers};
use crate::core::Core;
use crate::exchange::{Answer, Carrier, Gone, More, Trouble, exchange, explain};
use crate::line::Line;
use crate::load::InFlight;
use crate::notice;
use crate::send::{self, Sender};
use crate::service::Service;
use crate::shutdown::{State, Watch};
use crate::socket::{Drain, Socket};
use crate::wheel::Deadline;

/// Answers that were made are sent when they come to this many octets, or nothing more is to be read.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

/// Serves one connection to its end.
pub(crate) async fn connection(
    service: Rc<Service>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
) {
    let mut socket = Socket::new(stream);
    let deadline = service.core.wheel.deadline();
    let watch = service.core.shutdown.watch();
    let end = loop {
        deadline.set_in(std::time::Duration::from_millis(service.wire.idle_time));
        if idle(&socket, &deadline, &watch).await == Idle::Over {
            return;
        }
        let mut active = service.take_active();
        let end = {
            let on = On { service: &service, socket: &mut socket, deadline: &deadline, peer };
            Box::pin(active.run(on, place)).await
        };
        service.give_active(active);
        match end {
            End::Idle => {}
            end => break end,
        }
    };
    match end {
        End::Idle | End::Close => {}
        End::Abort => socket.abort(),
        End::Linger => {
            let limits = &service.core.limits;
            let drain = Drain { bytes_max: limits.linger_bytes, time_max: limits.linger_time() };
            let mut scratch = service.core.buffers.take_read();
            socket.close(scratch.spare(), drain, &deadline).await;
            service.core.buffers.give_read(scratch);
        }
    }
}

/// How a connection that has no place among the others is told so: a few at a time read one request, and
/// are answered 503; more are closed at once.
pub(crate) fn turn_away(service: &Rc<Service>, stream: TcpStream, peer: SocketAddr, _: Refusal) {
    if let Some(place) = service.try_turn_away() {
        let service = Rc::clone(service);
        spawn_local(async move {
            connection(service, stream, peer, Place::None).await;
            drop(place);
        });
    }
}

/// Whether a connection has a place among those that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is served.
    Admitted,
    /// It is told that there is no room.
    None,
}

#[derive(PartialEq)]
enum Idle {
    Readable,
    Over,
}

/// Waits until something comes, holding nothing.
async fn idle(socket: &Socket, deadline: &Deadline, watch: &Watch) -> Idle {
    poll_fn(|cx| {
        if let Poll::Ready(ready) = socket.stream().poll_read_ready(cx) {
            return Poll::Ready(if ready.is_ok() { Idle::Readable } else { Idle::Over });
        }
        let over = deadline.poll_expired(cx).is_ready()
            || watch.poll_reached(cx, State::Draining).is_ready();
        if over { Poll::Ready(Idle::Over) } else { Poll::Pending }
    })
    .await
}

/// How a run of exchanges ended.
enum End {
    /// Nothing is under way; the connection waits for the next request.
    Idle,
    /// All is said, and the client sends nothing more.
    Close,
    /// All is said, but the client may still be sending.
    Linger,
    /// An answer can't be finished: it must not look whole.
    Abort,
}

/// What a connection needs while something happens on it, and only then.
pub(crate) struct Active {
    server: Server,
    input: Option<Buffer>,
    output: Vec<u8>,
    answer: Answer,
}

/// Where it happens.
struct On<'a> {
    service: &'a Service,
    socket: &'a mut Socket,
    deadline: &'a Deadline,
    peer: SocketAddr,
}

impl Active {
    pub(crate) fn new(limits: &wherefore_h1::Limits) -> Self {
        Self { server: Server::new(limits), input: None, output: Vec::new(), answer: Answer::new() }
    }

    /// Makes it ready for another connection; its buffers go back to the pool.
    pub(crate) fn clear(&mut self, buffers: &Buffers) {
        self.server.reset();
        self.answer.clear();
        if let Some(input) = self.input.take() {
            buffers.give_read(input);
        }
        buffers.give_write(std::mem::take(&mut self.output));
    }

    async fn run(&mut self, on: On<'_>, place: Place) -> End {
        let buffers = &on.service.core.buffers;
        self.output = buffers.take_write();
        let mut input = buffers.take_read();
        let mut wire = H1 {
            service: on.service,
            server: &mut self.server,
            input: &mut input,
            output: &mut self.output,
            socket: on.socket,
            deadline: on.deadline,
        };
        let end = wire.exchanges(&mut self.answer, on.peer.ip(), place).await;
        self.input = Some(input);
        end
    }
}

/// The carrier of one connection's exchanges.
struct H1<'a> {
    service: &'a Service,
    server: &'a mut Server,
    input: &'a mut Buffer,
    output: &'a mut Vec<u8>,
    socket: &'a mut Socket,
    deadline: &'a Deadline,
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
    async fn exchanges(&mut self, answer: &mut Answer, client: IpAddr, place: Place) -> End {
        // Something has come, or the connection is at its end; the role counts its time from here.
        let _ = self.server.receive(&[], self.now());
        if !matches!(self.fill().await, Filled::More) {
            return End::Close;
        }
        loop {
            match self.server.receive(self.input.unread(), self.now()) {
                Ok((used, Event::Head)) => {
                    self.input.keep_head(used);
                    answer.clear();
                    if let Some(end) = self.one(answer, client, place).await {
                        return end;
                    }
                }
                Ok((used, Event::NeedMore)) => {
                    self.input.consume(used);
                    if self.flush().await.is_err() {
                        return End::Close;
                    }
                    if self.input.is_empty() {
                        return End::Idle;
                    }
                    match self.fill().await {
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
        let wire = Wire { fault: None, overload };
        match unwinding(exchange(self.service, self, &wire, answer)).await {
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
            Content::None | Content::Absent(_) | Content::File(..) | Content::Pieces(..) => {
                ended(core, in_flight, began_at);
                self.send(answer).await
            }
        };
        let octets = match sent {
            Ok(octets) => octets,
            Err(trouble) => {
                self.log(answer, client, began, trouble.octets, Told::Broken);
                return Some(End::Abort);
            }
        };
        self.log(answer, client, began, octets, Told::Whole);
        let after = self.server.finish(self.output);
        self.input.release_head();
        match after {
            After::Next => {
                if self.output.len() >= OUTPUT_BYTES_MAX && self.flush().await.is_err() {
                    return Some(End::Close);
                }
                None
            }
            After::Drain => self.drain().await.err(),
            After::Close(reason) => Some(self.closing(reason).await),
        }
    }

    /// Sends the answer's head and content; says how many octets of content that were.
    async fn send(&mut self, answer: &mut Answer) -> Result<u64, send::Trouble> {
        if let Err(missing) = reply::seal(&mut answer.head) {
            notice!("an answer {} lacks {missing:?}; 500 is sent in its place", answer.head.status);
            self.panicked(answer);
        }
        if self.service.core.shutdown.state() != State::Running {
            self.server.close_after(CloseReason::ShuttingDown);
        }
        let outgoing = match &answer.content {
            Content::None => Outgoing::None,
            content => Outgoing::Sized(content.length()),
        };
        let date = self.service.core.clock.date();
        self.server.send_head(&answer.head, outgoing, &date, self.output);
        if !self.server.sends_content() {
            return Ok(0);
        }
        let length = answer.content.length();
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
            method: broken.method.unwrap_or(Method::Other),
            path: None,
            query: None,
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
            method: request.method,
            path: None,
            query: None,
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
            return End::Close;
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
        self.flush().await.map_err(|_| End::Close)?;
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

    /// Waits for more octets, as long as the role does.
    async fn fill(&mut self) -> Filled {
        let head_bytes_max =
            usize::try_from(self.service.wire.head_bytes_max()).unwrap_or(usize::MAX);
        // Room for a whole head, and for content behind it.
        let bytes_max = head_bytes_max.saturating_mul(2);
        if self.input.make_room(bytes_max).is_err() {
            return Filled::Gone;
        }
        loop {
            if let Some((Millis(at), _)) = self.server.deadline() {
                self.deadline.set(crate::clock::Millis(at));
            }
            let (socket, deadline, room) = (&mut *self.socket, self.deadline, self.input.spare());
            let read = poll_fn(|cx| {
                if let Poll::Ready(read) = socket.poll_read(cx, room) {
                    return Poll::Ready(Some(read));
                }
                deadline.poll_expired(cx).map(|()| None)
            })
            .await;
            match read {
                Some(Ok(count)) if count > 0 => {
                    self.input.filled(count);
                    return Filled::More;
                }
                Some(Ok(_)) => {
                    let _ = self.server.eof();
                    return Filled::Gone;
                }
                Some(Err(_)) => return Filled::Gone,
                None => match self.server.late(self.now()) {
                    Some(Late::Fault(fault)) => return Filled::Late(fault),
                    Some(Late::Close(_)) => return Filled::Gone,
                    None => self.deadline.clear(),
                },
            }
        }
    }

    async fn flush(&mut self) -> Result<(), send::Trouble> {
        let mut sender = Sender {
            service: self.service,
            socket: self.socket,
            deadline: self.deadline,
            output: self.output,
        };
        sender.flush().await
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
        in_flight.end(std::time::Duration::from_millis(took));
    }
}

/// How much of an answer the client was told.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// All.
    Whole,
    /// A part: the connection broke, or the file changed.
    Broken,
    /// Nothing: it has gone before.
    Nothing,
}

/// What a log line is of.
struct Of<'a> {
    method: &'a [u8],
    target: &'a [u8],
    version: Version,
    request: Option<&'a Request<'a>>,
}

fn write_line(
    service: &Service,
    of: &Of<'_>,
    answer: &Answer,
    client: IpAddr,
    began: u64,
    octets: u64,
    told: Told,
) {
    let core = &service.core;
    let Some(log) = &core.log else { return };
    let field = |name| of.request.and_then(|request| request.fields.only(name));
    let rule = match told {
        Told::Whole => answer.verdict.map_or("", |verdict| verdict.because.id),
        Told::Broken => "broken-off",
        Told::Nothing => "client-aborted",
    };
    log.write(&Line {
        unix_millis: core.clock.unix_millis(),
        client,
        method: of.method,
        target: of.target,
        version: of.version,
        status: if told == Told::Nothing { None } else { Some(answer.head.status) },
        octets,
        duration_micros: core.clock.micros().saturating_sub(began),
        rule,
        request_id: answer.id.unwrap_or_else(|| core.random.request_id()),
        referer: field(FieldName::Referer),
        user_agent: field(FieldName::UserAgent),
    });
}

impl Carrier for H1<'_> {
    fn request(&self) -> Request<'_> {
        self.server.request(self.input.head())
    }

    fn begun(&self) -> Begun {
        if self.input.unread().is_empty() { Begun::NotYet } else { Begun::Already }
    }

    async fn content(&mut self, into: &mut Vec<u8>) -> Result<More, Trouble> {
        loop {
            match self.server.receive(self.input.unread(), self.now()) {
                Ok((used, Event::Content(range))) => {
                    into.extend_from_slice(self.input.unread().get(range).unwrap_or_default());
                    self.input.consume(used);
                    self.server.rest(self.now());
                    return Ok(More::Yes);
                }
                Ok((used, Event::NeedMore)) => {
                    self.input.consume(used);
                    match self.fill().await {
                        Filled::More => {}
                        Filled::Late(fault) => return Err(Trouble::Fault(fault)),
                        Filled::Gone => return Err(Trouble::Gone),
                    }
                }
                Ok((used, Event::End)) => {
                    self.input.consume(used);
                    return Ok(More::No);
                }
                Ok((_, Event::Head | Event::Paused | Event::Closed(_))) => return Ok(More::No),
                Err(fault) => return Err(Trouble::Fault(fault)),
            }
        }
    }

    async fn interim(&mut self, head: &ResponseHead) -> io::Result<()> {
        if self.server.send_interim(head, self.output) {
            self.flush().await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    }
}

/// The future panicked.
struct Panicked;

/// Drives a future; a panic in it ends it alone.
async fn unwinding<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(move |cx| poll_unwinding(future.as_mut(), cx)).await
}

/// What the future left half-done is dropped with it; what it shares with others (caches, pools) is
/// changed in single steps, so that a panic between them leaves it whole.
fn poll_unwinding<F: Future>(
    future: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<F::Output, Panicked>> {
    match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => {
            notice!("a request panicked; it is answered {}", Status::INTERNAL_SERVER_ERROR);
            Poll::Ready(Err(Panicked))
        }
    }
}
