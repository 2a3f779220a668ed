//! Clients: what they ask for, hear, fetch and give back.

use std::collections::BTreeMap;

use raskt_wire::{
    Answer, ClientHello, FromClient, Handle, News, PlacedData, Question, RequestError, RequestId,
    TaskUid, ToClient, WorkerId,
};

use crate::sim::net::{Conn, End};
use crate::sim::runs::number_of;
use crate::sim::transfers::Served;
use crate::sim::world::{Down, Up, What, World};

/// One client.
pub(crate) struct Client {
    at: usize,
    pub(crate) state: ClientState,
    pub(crate) conn: Option<Conn>,
    /// What it wants, by handle.
    pub(crate) wishes: BTreeMap<u64, Wish>,
    pub(crate) next_handle: u64,
    pub(crate) generation: u64,
    pub(crate) graphs_left: usize,
    next_request: u64,
    asks: BTreeMap<u64, Ask>,
}

/// How far a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientState {
    New,
    /// It asks for this and that.
    Live,
    /// It waits for what it still wants, and looks at all of it.
    Closing,
    /// It has given all back.
    Done,
    /// It has vanished.
    Gone,
}

/// A result that a client wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) place: usize,
    /// Was it asked for by name, known or not?
    pub(crate) by_key: bool,
    pub(crate) state: WishState,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WishState {
    Pending,
    /// It is there; was it seen?
    There(bool),
    Failed,
}

/// A question that a client waits for, and what for.
#[derive(Clone, Debug)]
enum Ask {
    /// Any answer will do.
    Whatever,
    /// To know where a wish is.
    Where(u64),
    /// To have it.
    Get(u64),
    /// To know where to bring an item.
    Place(usize),
    /// To have brought it: to how many workers it is on its way, and who has it.
    Put { uid: TaskUid, left: usize, holders: Vec<WorkerId> },
}

/// Something that happens to a client.
#[derive(Clone, Debug)]
pub(crate) enum ClientEvent {
    Start,
    Step,
    /// It looks whether all is there.
    Look,
    /// A value that it asked a worker for.
    Got(u64, Served),
    /// A worker keeps what it was brought; None: it could not.
    Kept(u64, Option<WorkerId>),
}

impl Client {
    pub(crate) fn new(at: usize) -> Client {
        Client {
            at,
            state: ClientState::New,
            conn: None,
            wishes: BTreeMap::new(),
            next_handle: 0,
            generation: 0,
            graphs_left: 0,
            next_request: 0,
            asks: BTreeMap::new(),
        }
    }

    /// It is gone, without a word.
    pub(crate) fn vanish(&mut self) -> Option<Conn> {
        self.state = ClientState::Gone;
        self.wishes.clear();
        self.asks.clear();
        self.conn.take()
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, ClientState::Done | ClientState::Gone)
    }

    /// What it waits for, for a message.
    pub(crate) fn leftovers(&self) -> String {
        let open = self
            .wishes
            .iter()
            .filter(|(_, wish)| matches!(wish.state, WishState::Pending | WishState::There(false)));
        let open: Vec<_> = open.collect();
        format!("client {} is {:?}: {open:?}", self.at, self.state)
    }
}

impl World {
    pub(crate) fn on_client_event(&mut self, client: usize, event: ClientEvent) {
        if self.clients[client].state == ClientState::Gone {
            return;
        }
        self.trace.note(self.now, format_args!("client {client}: {event:?}"));
        match event {
            ClientEvent::Start => {
                let conn = self.connect(End::Client(client));
                let hello = ClientHello { name: format!("c{client}").into(), versions: vec![] };
                let graphs = 1 + self.rng.below(self.plan.graphs);
                let this = &mut self.clients[client];
                (this.conn, this.graphs_left) = (Some(conn), graphs);
                self.send_up(conn, Up::ClientHello(hello));
            }
            ClientEvent::Step => self.client_step(client),
            ClientEvent::Look => self.look(client),
            ClientEvent::Got(request, served) => self.on_got(client, request, served),
            ClientEvent::Kept(request, worker) => self.on_kept(client, request, worker),
        }
    }

    /// Goes on after a while; in the end it is only to look.
    pub(crate) fn client_goes_on(&mut self, client: usize) {
        let (after, event) = if self.is_healed && self.clients[client].graphs_left == 0 {
            self.clients[client].state = ClientState::Closing;
            (100_000, ClientEvent::Look)
        } else {
            (self.rng.spread(1_000, 1_500_000), ClientEvent::Step)
        };
        self.after(after, What::Client(client, event));
    }

    pub(crate) fn tell(&mut self, client: usize, message: FromClient) {
        if let Some(conn) = self.clients[client].conn {
            self.send_up(conn, Up::Client(message));
        }
    }

    fn request(&mut self, client: usize, question: Question, ask: Ask) {
        let this = &mut self.clients[client];
        this.next_request += 1;
        let request = this.next_request;
        this.asks.insert(request, ask);
        self.tell(client, FromClient::Request(RequestId(request), Box::new(question)));
    }

    pub(crate) fn request_whatever(&mut self, client: usize, question: Question) {
        self.request(client, question, Ask::Whatever);
    }

    /// Brings an item, and wants it.
    pub(crate) fn scatter(&mut self, client: usize, place: usize, broadcast: bool) {
        let (key, nbytes) = (self.code.items[place].key.clone(), self.code.items[place].nbytes);
        let items = vec![(key.clone(), nbytes)];
        let question = Question::Place { items, workers: Vec::new(), broadcast };
        self.request(client, question, Ask::Place(place));
        let handle = self.wish(client, place, true);
        self.tell(client, FromClient::Want(vec![(handle, key)]));
    }

    /// Notes that the client wants it.
    pub(crate) fn wish(&mut self, client: usize, place: usize, by_key: bool) -> Handle {
        let this = &mut self.clients[client];
        let handle = this.next_handle;
        this.next_handle += 1;
        this.wishes.insert(handle, Wish { place, by_key, state: WishState::Pending });
        Handle(handle)
    }

    pub(crate) fn on_client_message(&mut self, client: usize, message: Down) {
        if self.clients[client].state == ClientState::Gone {
            return;
        }
        self.trace.note(self.now, format_args!("client {client} < {message:?}"));
        match message {
            Down::ClientWelcome => {
                self.clients[client].state = ClientState::Live;
                self.client_goes_on(client);
            }
            Down::Client(ToClient::News(all)) => {
                for news in all {
                    self.on_news(client, news);
                }
            }
            Down::Client(ToClient::Reply(request, answer)) => {
                self.on_reply(client, request.0, answer);
            }
            Down::Client(ToClient::Restarted) => {
                self.restarts += 1;
                // What was asked for after the restart and before this is given back.
                let wishes = std::mem::take(&mut self.clients[client].wishes);
                let handles = wishes.into_keys().map(Handle).collect();
                self.tell(client, FromClient::Release(handles));
            }
            _ => {}
        }
    }

    fn on_news(&mut self, client: usize, news: News) {
        let (News::Finished { handle, .. }
        | News::Failed { handle, .. }
        | News::Cancelled { handle, .. }
        | News::Lost { handle }
        | News::Retried { handle }) = &news;
        let handle = handle.0;
        let Some(wish) = self.clients[client].wishes.get(&handle).cloned() else { return };
        let state = match news {
            News::Finished { inline, .. } => {
                self.check_may_finish(&wish);
                if let Some(value) = &inline {
                    self.check_value(&wish, number_of(value));
                }
                WishState::There(inline.is_some())
            }
            News::Failed { error, .. } => {
                self.check_error(&wish, &error);
                WishState::Failed
            }
            News::Cancelled { reason, .. } => {
                self.check_cancelled(&wish, &reason);
                self.clients[client].wishes.remove(&handle);
                return;
            }
            News::Lost { .. } | News::Retried { .. } => WishState::Pending,
        };
        if let Some(wish) = self.clients[client].wishes.get_mut(&handle) {
            wish.state = state;
        }
    }

    fn on_reply(&mut self, client: usize, request: u64, answer: Result<Answer, RequestError>) {
        let Some(ask) = self.clients[client].asks.remove(&request) else { return };
        match (ask, answer) {
            (Ask::Where(handle), Ok(Answer::Where(all))) => {
                let found = all.into_iter().next().flatten();
                let holder = found.as_ref().and_then(|found| found.holders.first());
                if let (Some(found), Some((worker, _))) = (&found, holder) {
                    self.get(client, handle, *worker, found.uid);
                }
            }
            (Ask::Place(place), Ok(Answer::Places(places))) => {
                for (uid, locations) in places {
                    let workers = locations.iter().flat_map(|location| &location.holders);
                    let workers: Vec<WorkerId> = workers.map(|(id, _)| *id).collect();
                    self.put(client, place, uid, &workers);
                }
            }
            _ => {}
        }
    }

    fn get(&mut self, client: usize, handle: u64, worker: WorkerId, uid: TaskUid) {
        let this = &mut self.clients[client];
        this.next_request += 1;
        let request = this.next_request;
        this.asks.insert(request, Ask::Get(handle));
        self.ask_for_client(client, request, worker, uid);
    }

    fn put(&mut self, client: usize, place: usize, uid: TaskUid, workers: &[WorkerId]) {
        let this = &mut self.clients[client];
        this.next_request += 1;
        let request = this.next_request;
        let (left, holders) = (workers.len(), Vec::new());
        this.asks.insert(request, Ask::Put { uid, left, holders });
        for worker in workers {
            let latency = self.latency() + self.code.items[place].nbytes / self.plan.bandwidth;
            let process = self.process_of(*worker);
            let what = match process {
                Some(process) => {
                    let life = self.processes[process].life;
                    let put = crate::sim::process::WorkerEvent::Put { client, request, uid, place };
                    What::Worker { process, life, event: put }
                }
                None => What::Client(client, ClientEvent::Kept(request, None)),
            };
            self.after(latency, what);
        }
        if workers.is_empty() {
            self.finish_put(client, request);
        }
    }

    fn on_kept(&mut self, client: usize, request: u64, worker: Option<WorkerId>) {
        let ask = self.clients[client].asks.get_mut(&request);
        let Some(Ask::Put { left, holders, .. }) = ask else { return };
        *left -= 1;
        holders.extend(worker);
        if *left == 0 {
            self.finish_put(client, request);
        }
    }

    fn finish_put(&mut self, client: usize, request: u64) {
        let ask = self.clients[client].asks.remove(&request);
        if let Some(Ask::Put { uid, holders, .. }) = ask {
            self.tell(client, FromClient::Placed(vec![PlacedData { uid, holders }]));
        }
    }

    fn on_got(&mut self, client: usize, request: u64, served: Served) {
        let Some(Ask::Get(handle)) = self.clients[client].asks.remove(&request) else { return };
        let Some(wish) = self.clients[client].wishes.get(&handle).cloned() else { return };
        match served {
            Served::Value { value, .. } => self.check_value(&wish, value),
            Served::Unreadable => self.check_unreadable(&wish),
            Served::Missing | Served::Busy => return,
        }
        if let Some(wish) = self.clients[client].wishes.get_mut(&handle)
            && wish.state == WishState::There(false)
        {
            wish.state = WishState::There(true);
        }
    }

    /// Fetches what is there and was not seen; gives all back when all was.
    fn look(&mut self, client: usize) {
        let this = &self.clients[client];
        let is_open =
            |wish: &Wish| matches!(wish.state, WishState::Pending | WishState::There(false));
        let unseen = |wish: &Wish| wish.state == WishState::There(false);
        if !this.wishes.values().any(is_open) && this.asks.is_empty() {
            let handles = this.wishes.keys().map(|handle| Handle(*handle)).collect();
            self.clients[client].wishes.clear();
            self.tell(client, FromClient::Release(handles));
            self.clients[client].state = ClientState::Done;
            return;
        }
        let wishes = this.wishes.iter().filter(|(_, wish)| unseen(wish));
        let unseen: Vec<(u64, usize)> =
            wishes.map(|(handle, wish)| (*handle, wish.place)).collect();
        for (handle, place) in unseen {
            let asked = self.clients[client]
                .asks
                .values()
                .any(|ask| matches!(ask, Ask::Where(known) | Ask::Get(known) if *known == handle));
            if !asked {
                let keys = vec![self.code.items[place].key.clone()];
                self.request(client, Question::Where(keys), Ask::Where(handle));
            }
        }
        self.after(500_000, What::Client(client, ClientEvent::Look));
    }
}
