//! What is done to one contender's way to the server, whatever it asks for, and to the watches that it has.

use std::time::Duration;

use lease_harness::{Fault, Match, Proxy};

use super::whole::SETTLES;
use super::{Met, times};
use crate::server::Server;
use crate::time::At;

/// Between two looks, with many threads at once.
const POLL: Duration = Duration::from_millis(20);

/// What is done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    DatesMoved,
    BlackHoled,
    CutOff,
    Reset,
    WatchFrozen,
    WatchReplayed,
    WatchCut,
    WatchEnded,
}

/// Among the kinds.
pub fn named(kind: &str) -> Option<Client> {
    Some(match kind {
        "client-dates-moved" => Client::DatesMoved,
        "client-black-holed" => Client::BlackHoled,
        "client-cut-off" => Client::CutOff,
        "client-reset" => Client::Reset,
        "watch-frozen" => Client::WatchFrozen,
        "watch-replayed" => Client::WatchReplayed,
        "watch-cut" => Client::WatchCut,
        "watch-ended" => Client::WatchEnded,
        _ => return None,
    })
}

/// Does it. Two of these exclude each other on one contender, since one would end the other.
pub fn inject(
    fault: Client,
    random: &mut fastrand::Rng,
    server: &Server,
    contender: u32,
    duration: Duration,
) -> Met {
    let proxy = server.proxy(contender);
    let window = match fault {
        // A short outage costs nothing, a long one the lease.
        Client::BlackHoled | Client::CutOff => times(random, duration, 0.1, 2.5),
        _ => times(random, duration, 0.5, 5.0),
    };
    let hours = random.i64(1..=12) * if random.bool() { 1 } else { -1 };
    let own = server.alone(contender);
    match fault {
        // Done in a moment, to those who are there then.
        Client::WatchReplayed | Client::WatchCut | Client::WatchEnded => {
            until(|| proxy.watches() > 0, window);
        }
        Client::Reset => until(|| proxy.connections() > 0, window),
        _ => {}
    }
    let begun = At::now();
    let lasting = format!("window={}ms", window.as_millis());
    let (requests, detail) = match fault {
        Client::DatesMoved => {
            let redate = Fault::Redate(hours * 3600);
            let active = proxy.program(Match::any(), redate, usize::MAX);
            pass(window);
            active.withdraw();
            active.released(SETTLES);
            (active.met(), format!("hours={hours} {lasting}"))
        }
        Client::BlackHoled => (during(proxy, window, Proxy::freeze, Proxy::thaw), lasting),
        Client::CutOff => {
            // Whoever comes meanwhile is refused, and not seen: it counts who was there.
            let cut = proxy.connections() as u64;
            proxy.down();
            pass(window);
            proxy.up();
            (cut, lasting)
        }
        Client::Reset => {
            let cut = proxy.connections() as u64;
            proxy.reset_connections();
            (cut, String::new())
        }
        Client::WatchFrozen => {
            let before = proxy.watches();
            proxy.pause_watches();
            pass(window);
            let frozen = before.max(proxy.watches());
            proxy.resume_watches();
            (frozen as u64, lasting)
        }
        Client::WatchReplayed => {
            let before = proxy.replayed();
            let watches = proxy.watches() as u64;
            proxy.replay_watches();
            pass(window.min(duration / 2));
            let events = proxy.replayed() - before;
            (watches.min(events), format!("events={events}"))
        }
        Client::WatchCut => (watches(proxy, Proxy::cut_watches), String::new()),
        Client::WatchEnded => (watches(proxy, Proxy::end_watches), String::new()),
    };
    drop(own);
    Met {
        begun,
        over: At::now(),
        requests,
        detail,
    }
}

/// Between `begin` and `end` nobody is answered. Returns how many it met, once they are over.
fn during(proxy: &Proxy, window: Duration, begin: fn(&Proxy), end: fn(&Proxy)) -> u64 {
    let before = proxy.arrived();
    let open = proxy.under_way() as u64;
    begin(proxy);
    pass(window);
    let arrived = proxy.arrived();
    end(proxy);
    proxy.wait_over_unharmed(arrived, SETTLES);
    open + (arrived - before)
}

fn watches(proxy: &Proxy, act: fn(&Proxy)) -> u64 {
    let watches = proxy.watches() as u64;
    act(proxy);
    watches
}

/// Waits until this is so, but not for longer than that.
fn until(met: impl Fn() -> bool, most: Duration) {
    let begun = At::now();
    while !met() && At::now().since(begun) < most {
        pass(POLL);
    }
}

/// A fault lasts for a time: there is no condition to wait for.
pub fn pass(time: Duration) {
    std::thread::sleep(time);
}
