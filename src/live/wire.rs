//! The writing half of a socket: a queue of shared frames that is written once a turn, a backlog only while the peer
//! does not read, and one place per rider for positions. Facts that do not fit are left in the journal.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io::{ErrorKind, IoSlice},
    pin::Pin,
    rc::{Rc, Weak},
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, Interest, ReadBuf},
    net::TcpStream,
};

use super::{
    frame::Framed,
    subscription::{Sink, Spot},
    worker::Worker,
};

/// Frames handed to the kernel in one call (well under IOV_MAX = 1024).
const SLICES_MAX: usize = 32;

/// One socket as its worker sees it. Lives on one thread.
pub struct Wire {
    io: RefCell<TcpStream>,
    worker: Rc<Worker>,
    this: Weak<Self>,
    queue: RefCell<VecDeque<Bytes>>,
    queued_bytes: Cell<usize>,
    counted_bytes: Cell<usize>,
    latest: RefCell<Vec<(Spot, Bytes)>>,
    waker: RefCell<Option<Waker>>,
    blocked: Cell<bool>,
    dirty: Cell<bool>,
    dead: Cell<bool>,
    leaving: Cell<bool>,
    behind: Cell<bool>,
    wants_room: Cell<bool>,
    pinged: Cell<bool>,
}

impl Wire {
    /// Takes a socket over.
    #[must_use]
    pub fn new(io: TcpStream, worker: Rc<Worker>) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            io: RefCell::new(io),
            worker,
            this: this.clone(),
            queue: RefCell::default(),
            queued_bytes: Cell::new(0),
            counted_bytes: Cell::new(0),
            latest: RefCell::default(),
            waker: RefCell::default(),
            blocked: Cell::new(false),
            dirty: Cell::new(false),
            dead: Cell::new(false),
            leaving: Cell::new(false),
            behind: Cell::new(false),
            wants_room: Cell::new(false),
            pinged: Cell::new(false),
        })
    }
    /// Remembers the session's task. Everything that concerns the socket runs in that one task.
    pub fn remember(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
    /// Has the session look at its socket.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
    /// The connection is over; the session ends at its next turn.
    pub fn kill(&self) {
        self.dead.set(true);
        self.wake();
    }
    /// Whether the connection is over.
    pub fn is_dead(&self) -> bool {
        self.dead.get()
    }
    /// Whether a subscription has fallen behind since the last call.
    pub fn take_behind(&self) -> bool {
        self.behind.take()
    }
    /// Whether everything queued is with the kernel.
    pub fn is_drained(&self) -> bool {
        self.queued_bytes.get() == 0
    }
    /// Bytes not yet with the kernel.
    pub fn backlog_bytes(&self) -> usize {
        self.queued_bytes.get()
    }
    /// Has the session woken when the backlog has gone down.
    pub fn want_room(&self) {
        self.wants_room.set(true);
    }
    /// The peer was heard: an open ping is answered.
    pub fn heard(&self) {
        self.pinged.set(false);
    }
    /// Pings, unless the last ping was not answered: then the peer is gone.
    pub fn ping(&self) {
        if self.pinged.replace(true) {
            self.kill();
        } else if !self.leaving.get() {
            self.push(Bytes::from_static(super::frame::PING));
        }
    }
    /// Queues an answer or control frame. `false`: the peer does not read its answers.
    pub fn reply(&self, frame: Bytes) -> bool {
        if self.leaving.get() {
            return true; // after goodbye nothing is said
        }
        let bytes_max = self.worker.limits.backlog_bytes_max;
        if self.queued_bytes.get() + frame.len() > bytes_max {
            self.flush();
            if self.queued_bytes.get() + frame.len() > bytes_max.max(frame.len()) {
                return false;
            }
        }
        self.push(frame);
        true
    }
    /// Queues the last frame. What has not begun to leave is dropped: the peer resumes elsewhere from its `seq`.
    pub fn leave(&self, close: Bytes) {
        if self.leaving.replace(true) {
            return;
        }
        self.flush();
        let mut queue = self.queue.borrow_mut();
        // The front may be half written: it must be ended, or the close frame would land inside it.
        queue.truncate(usize::from(self.blocked.get()));
        self.queued_bytes.set(queue.iter().map(Bytes::len).sum());
        drop(queue);
        self.latest.take();
        self.wants_room.set(true); // wakes the session once the goodbye is written
        self.push(close);
    }
    fn push(&self, frame: Bytes) {
        self.queued_bytes.set(self.queued_bytes.get() + frame.len());
        self.queue.borrow_mut().push_back(frame);
        if !self.blocked.get()
            && !self.dirty.replace(true)
            && let Some(this) = self.this.upgrade()
        {
            self.worker.flush_soon(this);
        }
    }
    /// Writes what is queued, as far as the kernel takes it.
    pub fn flush(&self) {
        self.dirty.set(false);
        while !self.blocked.get() && !self.dead.get() {
            let mut queue = self.queue.borrow_mut();
            if queue.is_empty() {
                *queue = VecDeque::new(); // an idle socket holds no memory
                let mut latest = self.latest.take().into_iter().map(|(_, frame)| frame).peekable();
                if latest.peek().is_none() {
                    break;
                }
                queue.extend(latest);
                self.queued_bytes.set(queue.iter().map(Bytes::len).sum());
            }
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = queue.len().min(SLICES_MAX);
            for (slice, frame) in slices.iter_mut().zip(queue.iter()) {
                *slice = IoSlice::new(frame);
            }
            let io = self.io.borrow();
            // Not `writev`: a socket's own calls pass by what files need, and nearly always it is one frame.
            let sent = io.try_io(Interest::WRITABLE, || match &slices[..count] {
                [one] => SockRef::from(&*io).send(one),
                many => SockRef::from(&*io).send_vectored(many),
            });
            match sent {
                Ok(written) => self.written(&mut queue, written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked.set(true);
                    self.wake(); // the session waits for the socket
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.kill(),
            }
        }
        self.count();
        if self.has_room() && self.wants_room.replace(false) {
            self.wake();
        }
    }
    fn written(&self, queue: &mut VecDeque<Bytes>, mut written: usize) {
        self.queued_bytes.set(self.queued_bytes.get().saturating_sub(written));
        while written > 0 {
            let Some(front) = queue.front_mut() else { break };
            if front.len() > written {
                front.advance(written);
                break;
            }
            written -= front.len();
            queue.pop_front();
        }
    }
    /// Keeps the node's sum of backlogs.
    fn count(&self) {
        let now = if self.blocked.get() && !self.dead.get() { self.queued_bytes.get() } else { 0 };
        let before = self.counted_bytes.replace(now);
        if now != before {
            let stats = self.worker.hub.stats();
            stats.backlog_bytes.fetch_add(now, Relaxed);
            stats.backlog_bytes.fetch_sub(before, Relaxed);
            stats.backlog_bytes_peak.fetch_max(now, Relaxed);
        }
    }
    /// Waits for a socket that did not take everything, and writes on when it does.
    pub fn poll_writable(&self, cx: &mut Context<'_>) {
        while self.blocked.get() && !self.dead.get() {
            let ready = self.io.borrow().poll_write_ready(cx);
            match ready {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {
                    self.heard(); // a full socket has room again only because the peer took something
                    self.blocked.set(false);
                    self.flush();
                }
                Poll::Ready(Err(_)) => self.dead.set(true),
            }
        }
    }
    /// Reads into `scratch`; 0 is the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Poll<std::io::Result<usize>> {
        let mut buffer = ReadBuf::new(scratch);
        Pin::new(&mut *self.io.borrow_mut()).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }
    /// Says that nothing more will be written.
    pub fn shut(&self) {
        let io = self.io.borrow();
        SockRef::from(&*io)
            .shutdown(std::net::Shutdown::Write)
            .unwrap_or_else(|error| tracing::debug!(%error, "the peer was gone before the goodbye"));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.dead.set(true);
        self.count();
    }
}

impl Sink for Wire {
    fn offer(&self, frame: &Framed) -> bool {
        let queued = self.queued_bytes.get();
        if self.leaving.get() || self.dead.get() {
            return false;
        }
        let fits = |queued: usize| queued == 0 || queued + frame.len() <= self.worker.limits.backlog_bytes_max;
        if !fits(queued) {
            self.flush(); // perhaps not slow, only much in one turn
            if !fits(self.queued_bytes.get()) {
                return false;
            }
        }
        self.push(frame.bytes());
        true
    }
    fn has_room(&self) -> bool {
        self.queued_bytes.get() <= self.worker.limits.backlog_bytes_max / 2
    }
    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.wants_room.set(true); // waited for in the session's own task, which `flush` wakes
        Poll::Pending
    }
    fn fell_behind(&self) {
        self.behind.set(true);
        self.wake();
    }
    fn position(&self, spot: Spot, frame: &Framed) {
        if self.leaving.get() || self.dead.get() {
            return;
        }
        if !self.blocked.get() && self.has_room() {
            return self.push(frame.bytes());
        }
        let mut latest = self.latest.borrow_mut();
        latest.retain(|(taken, _)| *taken != spot);
        if latest.len() >= self.worker.limits.positions_max {
            latest.remove(0);
        }
        latest.push((spot, frame.bytes()));
    }
}
