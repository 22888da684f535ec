//! `kubectl lease explain`: the concepts, each in one screen of 80 by 24.

use crate::cli::{ExplainArgs, Topic};
use crate::error::Error;
use crate::exit::Exit;
use crate::output::terminal;

pub fn run(args: &ExplainArgs) -> Result<Exit, Error> {
    terminal::print(text(args.topic))?;
    Ok(Exit::DONE)
}

fn text(topic: Option<Topic>) -> &'static str {
    match topic {
        None => OVERVIEW,
        Some(Topic::Lease) => LEASE,
        Some(Topic::Holder) => HOLDER,
        Some(Topic::Grant) => GRANT,
        Some(Topic::Proof) => PROOF,
        Some(Topic::Token) => TOKEN,
        Some(Topic::Loss) => LOSS,
        Some(Topic::Queue) => QUEUE,
    }
}

const OVERVIEW: &str = "\
A Lease is a small object in the cluster that says who holds something, and for
how long unless renewed. kubectl lease makes a lock of it: of all who use it,
at most one command runs at a time.

  lease   the object: a holder, a duration, the time of the last renewal
  holder  an identity; who gives the same one is the same holder
  grant   what acquire, hold and steal give: the lease is yours until you
          release it, or until it is not renewed for its duration
  proof   another's lease is taken only when it is certain that it has expired:
          by watching it, never by comparing clocks
  token   a number that grows with every grant, so that what you protect can
          refuse a holder that was frozen and woke up too late
  loss    hold stops its command before anyone else may take the lease
  queue   who waits in line is served in the order in which they came

The way of a lock:  free -> acquire -> held -> renew, renew -> release -> free
When a holder dies: held -> (nothing for its duration) -> expired -> the next

Start here:  kubectl lease hold my-lock --create -- ./deploy.sh
Then look:   kubectl lease status
More:        kubectl lease explain lease|holder|grant|proof|token|loss|queue
";

const LEASE: &str = "\
LEASE: an object of the API group coordination.k8s.io, in a namespace.

  spec.holderIdentity        who holds it; empty or absent: free
  spec.leaseDurationSeconds  how long it stays held without a renewal;
                             absent: for ever
  spec.acquireTime           when it was granted  } by the holder's own clock:
  spec.renewTime             the last renewal     } for people, never compared
  spec.leaseTransitions      how often the holder changed

States, as kubectl lease status shows them:

  free      nobody holds it
  held      somebody does
  expired   proven not to have been renewed for its duration (explain proof)

Kubernetes itself uses Leases for node heartbeats, API servers and leader
elections. They are listed too; acquire only what was made as a lock.

Free is not deleted: release keeps the object. A held Lease that is deleted can
be created and taken at once, beside its holder. Release or steal it instead.
";

const HOLDER: &str = "\
HOLDER: the identity that is written into the Lease.

It is the first of these that there is:

  1. --holder IDENTITY
  2. $KUBECTL_LEASE_HOLDER
  3. $POD_NAME
  4. user@host, the account's name (or uid-NUMBER) and the machine's

Whoever gives the same identity is the same holder: renew, check and release
act for it. Two scripts of one user on one machine would be one holder, so

  acquire --unique  adds a random suffix to the identity
  acquire -o env    prints it as a variable that the next commands read
  hold              always uses an identity of its own

  grant=$(kubectl lease acquire my-lock --unique -o env) || exit; eval \"$grant\"
  kubectl lease renew my-lock
  kubectl lease release my-lock
";

const GRANT: &str = "\
GRANT: what acquire, hold and steal give.

The lease is yours from the moment it is granted until you release it, or until
it has not been renewed for the duration that it records. A grant is one write,
conditional on the very state that was read: of two that write, one is refused
by the API server and looks again. A lost reply is resolved by reading.

  acquire  one grant, and the program ends: renew it yourself in time
  hold     one grant, renewed for as long as a command runs, then released
  steal    a grant instead of the present holder's: it waits until that holder
           must have stopped, or acknowledges its stop, unless --now

acquire waits: for a release (at once, if it may watch), for an expiry (when it
is proven), or for --timeout. With --timeout 0 it tries once.

Each grant has a fencing token that is larger than every one before it.
See: kubectl lease explain token, proof, loss
";

const PROOF: &str = "\
PROOF: when another's lease counts as expired.

Clocks of machines differ, so renewTime plus the duration says nothing certain
about a time on this machine. One of these must be so instead:

  1. It was watched from here, by the monotonic clock of this machine, for the
     whole duration it records, and nothing in it changed.
  2. Two stamps of the API server are the duration and 31 s apart: the newest in
     the Lease, and the one that it gives a dry run of the takeover. (Servers of
     1.25 and newer, 30 s apart at most; --proof observed leaves this out.)

A renewal in between, however late, begins the count anew. The takeover is a
write that the server refuses if the lease has changed since the proof.

That is why acquire may wait a full duration for a holder that looks long dead,
and why a holder with a wrong clock is neither robbed nor kept for ever.

If you know that the holder is gone, do not wait for a proof:
  kubectl lease steal NAME --now
";

const TOKEN: &str = "\
TOKEN: the fencing token, a number that grows with every grant.

A machine that freezes whole (a paused VM, a host out of memory) freezes what
would stop the command there. When it wakes, others may hold the lease, and a
request of the old holder may already be under way. No lock can prevent that;
the system that is protected can:

  1. Send the token along with each change.
  2. There, keep the largest token seen, and refuse a smaller one.

It is the resourceVersion of the grant: it stays while the grant is renewed, and
grows across takeovers, deletion and recreation.

  hold            gives it to the command as $KUBECTL_LEASE_FENCING_TOKEN
  acquire -o env  prints it for a shell
  Of several leases $KUBECTL_LEASE_FENCING_TOKENS has all: a=17 b=18

  kubectl lease hold deploy -- sh -c \\
    './deploy.sh --token \"$KUBECTL_LEASE_FENCING_TOKEN\"'
";

const LOSS: &str = "\
LOSS: what hold does when it can no longer be certain that it holds.

A renewal is due about three times per duration. When none is acknowledged,
counted from before the last acknowledged one was sent, then after

   88.5 %  of the duration the command gets TERM (--on-lost changes it)
   94 %    it is killed, with everything it has started
   95 %    it is dead
  100 %    others may take the lease, at the earliest

An outage of half a duration passes unnoticed. A watchdog process keeps these
times even if hold itself is frozen or killed. The same happens at once when
the lease is seen to be another's: stolen, edited or deleted.

hold then exits with 123, and does not try to take the lease back: two might
run. The recorded duration decides how long an outage may last:

  kubectl lease create my-lock --duration 5m

See: kubectl lease explain token, for machines that freeze whole
";

const QUEUE: &str = "\
QUEUE: who is served first of those that wait.

Without --queue all who wait try at once when a lease is free, and whoever is
quickest has it. With it they stand in line:

  kubectl lease hold deploy --queue -- ./deploy.sh
  kubectl lease status deploy     shows who waits, and since when

Each has a ticket, a small Lease beside the lease, which it renews. Who is first
takes the lease when it is free; the others wait for the one before them. Who
gives up is out of line at once; of who was killed the place ends when its
ticket has not been renewed for as long as it lasts (15 s at most). Who stood
still for longer goes to the end, and says so.

  --priority 5     goes before all of a lower one (the usual one is 0)
  --max-waiters 3  does not wait behind so many: 124

That one at a time has the lease does not rest on the queue: those who do not
give --queue may share the lease, and take it whenever it is free.

It takes the verbs list, create and delete on leases, beside get and update.
";

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::{Topic, text};

    /// A shell forgets how a command inside `eval "$(…)"` ended, and goes on without the lease.
    #[test]
    fn no_example_evaluates_a_grant_without_its_exit_code() {
        let topics = Topic::value_variants().iter().copied().map(Some);
        let topics = topics.chain([None]).map(|topic| text(topic).to_owned());
        let pages = [
            include_str!("../cli/help.rs"),
            include_str!("../cli.rs"),
            include_str!("../../README.md"),
            include_str!("../../docs/runbooks.md"),
            include_str!("../../docs/safety.md"),
        ];
        for taught in topics.chain(pages.map(|page| page.replace('\\', ""))) {
            for line in taught.lines() {
                assert!(!line.contains("eval \"$("), "{line}");
            }
        }
    }

    #[test]
    fn every_concept_fits_on_a_screen_of_80_by_24() {
        let topics = Topic::value_variants().iter().copied().map(Some);
        for topic in topics.chain([None]) {
            let text = text(topic);
            // The prompt that follows takes a line.
            assert!(text.lines().count() <= 23, "{topic:?}");
            let longest = text.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(80), "{topic:?}: {longest:?}");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{topic:?}");
        }
    }
}
