//! Requests of our own to upstreams: asking whether someone may come in, seeing whether an upstream is well, delivering what
//! was accepted for later. They go the way of forwarded ones, with this in the place of a client.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use wherefore_decide::act::Begun;
use wherefore_decide::upstream::Lost;
use wherefore_message::request::RequestBuf;
use wherefore_message::{
    Announced, Cause, FieldLines, FieldSet, Fields, Method, Request, ResponseHead, Status, Version,
};

use super::ask::{Asked, ask};
use super::forwarded::Forwarded;
use super::{Gateway, Relay};
use crate::carrier::{Carrier, Gone, More, Trouble};
use crate::service::Service;

/// How much of a file is read at a time, in octets.
const READ_BYTES: usize = 64 << 10;

/// A request of our own.
pub(crate) struct Errand<'a> {
    /// Its method.
    pub(crate) method: Method,
    /// Its target, in origin form.
    pub(crate) target: &'a [u8],
    /// Its field lines as written, each with its CR LF, but for `Host` and what delimits the message.
    pub(crate) lines: &'a [u8],
    /// The host that it names; none: the upstream's own.
    pub(crate) host: Option<&'a [u8]>,
    /// Its content.
    pub(crate) content: ErrandContent,
}

/// What an errand brings.
pub(crate) enum ErrandContent {
    /// Nothing.
    Nothing,
    /// These octets.
    Octets(Vec<u8>),
    /// So many octets of a file, from where it stands.
    File(File, u64),
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Returned {
    /// The answer's status.
    pub(crate) status: Status,
    /// Its fields.
    pub(crate) fields: FieldLines,
    /// Its content.
    pub(crate) content: Vec<u8>,
}

/// Runs an errand: asks an upstream, and reads its answer, whose content is at most so many octets.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn errand(
    service: &Service,
    gateway: &Arc<Gateway>,
    errand: Errand<'_>,
    content_bytes_max: usize,
) -> Result<Returned, Lost> {
    let (mut messenger, mut relay) = asked(service, gateway, errand, content_bytes_max).await?;
    let (status, fields) = head(&relay)?;
    match relay.run(service, &mut messenger).await {
        Ok(_) => Ok(Returned { status, fields, content: messenger.returned }),
        Err(cut) => Err(Lost::to(cut.cause.unwrap_or(Cause::ContentTooLarge))),
    }
}

/// Runs an errand of which it counts that an upstream has it: of the answer only the head is awaited.
///
/// # Errors
/// Why there is no answer.
pub(crate) async fn hand_over(
    service: &Service,
    gateway: &Arc<Gateway>,
    errand: Errand<'_>,
) -> Result<(Status, FieldLines), Lost> {
    let (mut messenger, mut relay) = asked(service, gateway, errand, 0).await?;
    let (status, fields) = head(&relay)?;
    // Mostly its content has come with it, and then the connection can be used again.
    let _ = relay.at_once(service, &mut messenger);
    Ok((status, fields))
}

/// Asks an upstream, up to the head of its answer.
async fn asked<'a>(
    service: &'a Service,
    gateway: &Arc<Gateway>,
    errand: Errand<'_>,
    content_bytes_max: usize,
) -> Result<(Messenger<'a>, Box<Relay>), Lost> {
    let own_lack = Lost::to(Cause::OwnLack);
    let announced = match &errand.content {
        ErrandContent::Nothing => Announced::Nothing,
        ErrandContent::Octets(octets) => Announced::Length(octets.len() as u64),
        ErrandContent::File(_, length) => Announced::Length(*length),
    };
    let forwarded = Forwarded::of_errand(gateway, &errand, announced);
    let messenger = Messenger::new(service, errand, announced, content_bytes_max);
    let mut messenger = messenger.ok_or(own_lack)?;
    match ask(service, &mut messenger, &forwarded).await {
        Ok(Asked::Answered(relay)) => Ok((messenger, relay)),
        Ok(Asked::Lost(lost, _)) => Err(lost),
        // What it brings could not be read.
        Ok(Asked::Refused(_)) | Err(Gone) => Err(own_lack),
    }
}

fn head(relay: &Relay) -> Result<(Status, FieldLines), Lost> {
    let response = relay.response().ok_or(Lost::to(Cause::Malformed))?;
    let mut fields = FieldLines::new();
    for (name, value) in response.fields.iter() {
        fields.push(name, value);
    }
    Ok((response.status, fields))
}

type Chunk = Pin<Box<dyn Future<Output = Option<(File, io::Result<Vec<u8>>)>>>>;

/// What stands in a client's place.
pub(super) struct Messenger<'a> {
    request: RequestBuf,
    service: &'a Service,
    content: ErrandContent,
    /// What is being read of the file.
    reading: Option<Chunk>,
    returned: Vec<u8>,
    content_bytes_max: usize,
}

impl<'a> Messenger<'a> {
    /// One for this errand; none if it asks for what can't be asked for.
    pub(super) fn new(
        service: &'a Service,
        errand: Errand<'_>,
        announced: Announced,
        content_bytes_max: usize,
    ) -> Option<Self> {
        let method = errand.method.as_str().as_bytes();
        let (version, fields) = (Version::HTTP_11, FieldLines::new());
        let request = RequestBuf::new(version, method, errand.target, None, fields, announced)?;
        let (content, returned) = (errand.content, Vec::new());
        Some(Self { request, service, content, reading: None, returned, content_bytes_max })
    }

    /// Begins to read the next stretch of the file, on a worker.
    fn read(&self, mut file: File, left: u64) -> Chunk {
        let workers = Arc::clone(&self.service.core.workers);
        let wanted = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
        Box::pin(async move {
            let read = move || {
                let mut octets = vec![0; wanted];
                let read = file.read_exact(&mut octets);
                (file, read.map(|()| octets))
            };
            workers.run(read).await.ok()
        })
    }
}

impl Carrier for Messenger<'_> {
    fn request(&self) -> Request<'_> {
        self.request.view()
    }

    fn peer(&self) -> IpAddr {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    fn begun(&self) -> Begun {
        Begun::Already
    }

    fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut Vec<u8>,
    ) -> Poll<Result<More, Trouble>> {
        if let Some(reading) = &mut self.reading {
            let read = ready!(reading.as_mut().poll(cx));
            self.reading = None;
            let ErrandContent::File(kept, left) = &mut self.content else {
                return Poll::Ready(Err(Trouble::Gone));
            };
            let Some((file, Ok(octets))) = read else { return Poll::Ready(Err(Trouble::Gone)) };
            *kept = file;
            *left -= octets.len() as u64;
            into.extend_from_slice(&octets);
            return Poll::Ready(Ok(More::Yes));
        }
        match std::mem::replace(&mut self.content, ErrandContent::Nothing) {
            ErrandContent::Nothing | ErrandContent::File(_, 0) => Poll::Ready(Ok(More::No)),
            ErrandContent::Octets(octets) => {
                into.extend_from_slice(&octets);
                Poll::Ready(Ok(if octets.is_empty() { More::No } else { More::Yes }))
            }
            ErrandContent::File(file, left) => {
                let Ok(again) = file.try_clone() else { return Poll::Ready(Err(Trouble::Gone)) };
                self.reading = Some(self.read(file, left));
                self.content = ErrandContent::File(again, left);
                self.poll_content(cx, into)
            }
        }
    }

    fn trailers(&self) -> Fields<'_> {
        Fields::new(b"", &[], FieldSet::EMPTY)
    }

    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<Gone> {
        Poll::Pending
    }

    async fn interim(&mut self, _: &ResponseHead) -> io::Result<()> {
        Ok(())
    }

    fn push_interim(&mut self, _: &ResponseHead) {}

    fn push(&mut self, content: &[u8]) {
        // One octet more than may be tells that there is too much.
        let room = (self.content_bytes_max + 1).saturating_sub(self.returned.len());
        self.returned.extend_from_slice(content.get(..room).unwrap_or(content));
    }

    fn push_through(&mut self, _: &mut Context<'_>, content: &[u8]) {
        self.push(content);
    }

    fn unsent_bytes(&self) -> usize {
        if self.returned.len() > self.content_bytes_max { usize::MAX } else { 0 }
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(if self.returned.len() > self.content_bytes_max { Err(Gone) } else { Ok(()) })
    }
}
