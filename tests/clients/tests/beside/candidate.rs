//! What the tests know of a client: how to start it, what it says of itself, and how it ends.

use crate::scene::Scene;

/// How a candidate is to take part.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Its lease duration.
    pub seconds: u32,
    /// Its wall clock is so many seconds ahead.
    pub ahead: i64,
}

impl Terms {
    /// A right clock.
    pub fn of(seconds: u32) -> Self {
        Self { seconds, ahead: 0 }
    }

    pub fn ahead(self, ahead: i64) -> Self {
        Self { ahead, ..self }
    }
}

/// One of its processes, which asks for the Lease `job` until it ends. Dropped, it dies.
pub trait Candidate: Send {
    /// Waits until it says that it has the Lease.
    fn wait_leads(&self);

    /// Waits until it has said `times` more times that somebody else has it.
    fn wait_follows(&self, times: usize);

    /// Waits until it has said this with an error; the clients have different ideas of what is one.
    fn wait_error(&self, part: &str);

    /// Ends as its documentation says: a client that knows how to gives the Lease back. Does not wait for that.
    fn release(&mut self);

    /// Ends without another request.
    fn die(self: Box<Self>);
}

/// How a client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Expecting what it has read.
    WithVersion,
    /// Over whatever is there.
    Blindly,
}

/// A client.
pub struct Client {
    pub name: &'static str,
    pub start: fn(&Scene, Terms) -> Box<dyn Candidate>,
    pub writes: Writes,
    /// Whether it has a way to give the Lease back.
    pub releases: bool,
    /// Whether an absent holder is an error to it, for ever.
    pub needs_a_holder: bool,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str(self.name)
    }
}

/// All that can be had here; what cannot says why.
pub fn clients() -> Vec<Client> {
    let mut all = vec![crate::kubert::CLIENT, crate::election::CLIENT];
    match crate::python::interpreter() {
        Ok(_) => all.push(crate::python::CLIENT),
        Err(why) => eprintln!("skipped: {}: {why}", crate::python::CLIENT.name),
    }
    all
}

/// Does this beside each client, all at the same time, and names those with which it failed.
pub fn beside_each(check: impl Fn(&Client) + Sync) {
    beside(&clients(), check);
}

/// The same beside these.
pub fn beside(clients: &[Client], check: impl Fn(&Client) + Sync) {
    std::thread::scope(|scope| {
        let check = &check;
        let running: Vec<_> = clients
            .iter()
            .map(|client| (client.name, scope.spawn(move || check(client))))
            .collect();
        let failed: Vec<&str> = running
            .into_iter()
            .filter_map(|(name, running)| running.join().is_err().then_some(name))
            .collect();
        assert!(failed.is_empty(), "not so beside {failed:?}");
    });
}
