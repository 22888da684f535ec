//! What each subcommand's `--help` ends with; every example is run as written by tests/e2e/help.rs.

/// `create --help`
pub const CREATE: &str = "\
Examples:
  # a lock for everyone who deploys
  kubectl lease create deploy
  # with another duration and a label to find it by
  kubectl lease create nightly --duration 10m -l team=storage
  # in a script that may run twice
  kubectl lease create deploy --ignore-existing
  # three slots: hold pool --slots 3 has three holders at a time
  kubectl lease create pool --slots 3

Exit status:
  0  created    1  API, kubeconfig, permission, or it exists    2  wrong usage

Permissions: create on leases (with --ignore-existing and -o also get).
See also: acquire --create, explain lease";

/// `acquire --help`
pub const ACQUIRE: &str = "\
Examples:
  # wait until it is yours; create it the first time
  kubectl lease acquire deploy --create
  # try once: 75 says that another holds it
  kubectl lease acquire deploy --timeout 0 -E 75
  # in a script: an identity of its own, and the fencing token, as variables
  grant=$(kubectl lease acquire deploy --unique -o env) && eval \"$grant\"
  # several: all of them or none
  kubectl lease acquire app db --create
  # in line: who came first is served first
  kubectl lease acquire deploy --queue

Exit status:
  0    acquired       1  API, kubeconfig or permission    2  wrong usage
  121  no such lease
  123  nobody read in time that it was acquired: it is released
  124  not acquired in time, or held for this very process (-E changes it)

Permissions: get and update on leases; create with --create. With watch, waiting
ends at once; with create on events.events.k8s.io, an Event tells of it. With
--queue list, create and delete on leases, else it waits without a place.
See also: hold, renew, release, explain grant, explain queue";

/// `hold --help`
pub const HOLD: &str = "\
Examples:
  # one at a time, whoever starts it
  kubectl lease hold deploy -- ./deploy.sh
  # a job that is skipped while another one runs
  kubectl lease hold nightly --create --timeout 20s -E 0 -- ./backup.sh
  # in line: who came first is served first
  kubectl lease hold deploy --queue -- ./deploy.sh
  # at most three at a time, each with a $KUBECTL_LEASE_SLOT of its own, 0 to 2
  kubectl lease hold pool --slots 3 --create -- ./backup.sh
  # a line for a shell; the fencing token is for the system that it changes
  kubectl lease hold deploy -- sh -c 'date; echo $KUBECTL_LEASE_FENCING_TOKEN'
  # take it over from a holder that is stuck, and deploy
  kubectl lease hold deploy --steal --yes -- ./deploy.sh
  # a container of which one at a time is active; a lost lease is no end
  kubectl lease hold web --create --again -- ./backup.sh
  # several: all of them or none, and who loses one has lost all
  kubectl lease hold cache db-schema --create -- ./deploy.sh

COMMAND is a program and its arguments, not a shell command line. When it ends,
hold does not wait for what it started in the background: it ends that, names it
and releases the lease. Keep a server in the foreground: exec ./server.
--detach-children lets it run on instead, beside whoever holds the lease next.

--label-pod sets the label before the command starts and takes it off before the
release, at a loss at once, and at the start if a dead process has left it.
--cleanup leaves waiters 1.5s to take the lease before it is deleted, and leaves
it to those in line; it is not for slots. --again waits for 5s or more after a
takeover, so that another can take over first.

Exit status:
  the command's own, 128+n for a signal, or
  1    API, kubeconfig or permission    2    wrong usage
  120  --steal: declined                121  no such lease
  122  --steal: held by another than --if-holder says, or than was shown
  123  lost, and the command stopped
  124  not acquired in time (-E changes it)
  125  hold itself failed, or the pod could not be labelled
  126/127  not executable / not found

Permissions: get and update on leases; create with --create, delete with
--cleanup; list, create, delete with --queue; patch on pods with --label-pod.
With watch, a loss is seen at once; with create on events.events.k8s.io, there are Events.
See also: acquire, steal, explain loss, explain queue, explain token";

/// `renew --help`
pub const RENEW: &str = "\
Examples:
  # between the steps of a script
  kubectl lease renew deploy
  # go on only if it is still yours
  kubectl lease renew deploy && ./deploy.sh
  # and see what was written
  kubectl lease renew deploy -o yaml

Exit status:
  0    renewed        1    API, kubeconfig or permission    2  wrong usage
  121  no such lease  122  not held by you, or the earlier holder may still run
  123  lost: the server has stored something else

Permissions: get and update on leases.
See also: check, release, hold (which renews by itself), explain holder";

/// `check --help`
pub const CHECK: &str = "\
Examples:
  # is it mine?
  kubectl lease check deploy
  # only act while it is
  kubectl lease check deploy --quiet && ./deploy.sh
  # ask for somebody else
  kubectl lease check deploy --holder \"$KUBECTL_LEASE_HOLDER\"

Exit status:
  0    held by you    1    API, kubeconfig or permission    2  wrong usage
  121  no such lease  122  not held by you, or not for certain

It is certain if by the server's own stamps less than the duration has passed
since the last renewal; the server tells its time by a renewal that is not
stored. Servers before 1.25 stamp the grant alone. Where it is not certain,
renew: a renewal that succeeds is the proof.

Permissions: get and update on leases.
See also: status NAME, renew, explain holder";

/// `release --help`
pub const RELEASE: &str = "\
Examples:
  # give it back
  kubectl lease release deploy
  # at the end of a script, whoever has it by then
  trap 'kubectl lease release deploy --ignore-not-held' EXIT
  # all that are yours of an application
  kubectl lease release -l app=shop
  # a dead lock, from the holder that was seen
  kubectl lease release deploy --force --if-holder ada@laptop --yes

While the earlier holder of a stolen lease may run, release needs --now. A hold
releases its lease itself. --force shows who holds it and asks. --holder says
who you are, --held-by who holds. What is chosen and not yours is left.

Exit status:
  0    released, or nothing chosen; of several, the first error's status
  1    API, kubeconfig or permission    2    wrong usage
  120  --force: declined, or no lock    121  no such lease
  122  not held by you; --force: free, or not held as shown or named

Permissions: get and update on leases, list to choose; with create on
events.events.k8s.io, an Event tells of what --force frees.
See also: acquire, steal (which waits until the holder has stopped)";

/// `steal --help`
pub const STEAL: &str = "\
Examples:
  # take it, and wait until the present holder must have stopped
  kubectl lease steal deploy --yes --reason 'the laptop is lost'
  # only from the holder that was seen
  kubectl lease steal deploy --yes --if-holder ada@laptop
  # all of an application, for a maintenance of hours: waits for all together
  kubectl lease steal -l app=shop --yes --duration 4h
  # without the wait: both may be running for a moment
  kubectl lease steal deploy --yes --now

The wait takes what is left of the holder's duration. A hold that still runs is
stopped, and acknowledges its stop: then the wait ends at once. A node's
heartbeat or an API server's identity is not a lock: refused without --force.
Of several, what is yours already is left as it is, and counted; unless
--duration asks for longer: then it is taken like any other, with the wait.

Exit status:
  0    taken over    1  API, kubeconfig or permission    2  wrong usage
  120  declined, or this process runs under it and would wait for its own end
  121  no such lease
  122  held by another than --if-holder says, or than was shown
  123  taken, and lost again while it waited

Permissions: get and update on leases, list to choose; better with watch, get on
pods and nodes, create on events.events.k8s.io.
See also: failover (to pass it on), status NAME (is it alive?), explain proof";

/// `failover --help`
pub const FAILOVER: &str = "\
Examples:
  # have the leader step down, whoever it is, and see who follows
  kubectl lease failover deploy --yes --reason 'drain zone a'
  # only from the leader that was seen, and only to this candidate
  kubectl lease failover deploy --yes --if-holder worker-1 --to worker-2
  # the next one may take its time
  kubectl lease failover deploy --yes --timeout 5m

It holds the lease itself until the leader must have stopped (its duration since
its last renewal; a hold acknowledges its stop sooner), frees it, and waits for
who takes over: a leader whose lease is only deleted or blanked takes it back.
Ctrl-C frees it first; twice (the end of a terminal does not count) leaves it
held until it expires. Where --to leads already, nothing is done. A coordinated
election (strategy) is told its preferred holder: --to, or the only other one.

Exit status:
  0    another has taken over (who --to says)
  1    API, kubeconfig or permission    2    wrong usage, or --to is missing
  120  declined, no election, or this process runs under it
  121  no such lease
  122  free, held by another than --if-holder says or than was shown, taken by
       another than --to says, or by the same one again
  123  lost while it waited
  124  nobody took over in time: it is free

Permissions: get and update on leases; with watch it ends at once; for a
coordinated election list on leasecandidates; with create on
events.events.k8s.io, an Event tells of it.
See also: steal (to keep it), status NAME --watch";

/// `can-i --help`
pub const CAN_I: &str = "\
Examples:
  # what may I do with this lease?
  kubectl lease can-i deploy
  # by its exit status, before a pipeline begins
  kubectl lease can-i deploy --for hold -q
  # what is missing, for an admin to apply
  kubectl lease can-i deploy --for 'acquire --create' -o yaml >missing.yaml

Without -o the calls stand in comments above what is missing, so that the
output can be applied as it is. Beside what a call needs, it is told what it is
better with: watch ends a wait at once, and without it the lease is read every
second. That is not in the Role, which is the smallest that will do. A call that
deletes leases, changes pods or lists candidates counts for the Role and for the
exit status only where --for names it.

Exit status:
  0  all that was asked about is allowed
  1  something is not; or API or kubeconfig    2  wrong usage

Permissions: none but those that everybody has.
See also: kubectl auth can-i, docs/examples";

/// `status --help`
pub const STATUS: &str = "\
Examples:
  # who holds what, in all namespaces
  kubectl lease status -A
  # what is held or stuck, next to expire first
  kubectl lease status --state held,expired --sort-by expires
  # everything about one, and by its exit status whether it is held
  kubectl lease status deploy --exit-code

Exit status:
  0    shown          1  API, kubeconfig or permission    2  wrong usage
  121  no such lease
  with --exit-code: 0  held    3  expired    4  free
  of several leases, the status of the first one that could not be shown

Permissions: list on leases, get for one by name; watch with --watch; get on
pods and nodes and list on events.events.k8s.io tell more of one lease; list on
pods and nodes finds holders that are gone.
See also: wait, check, prune, explain lease, explain proof";

/// `wait --help`
pub const WAIT: &str = "\
Examples:
  # until somebody leads, in an init container
  kubectl lease wait deploy --for=held --timeout 5m
  # until all of a maintenance window is over
  kubectl lease wait deploy nightly --for=not-holder=ada@laptop
  # is it free now? 75 says no
  kubectl lease wait nightly --for=free --timeout 0 -E 75

Each lease has to be so once, not all at the same time; a moment is enough.
  free              nobody holds it
  held              somebody does, and is alive by the server's clock or writes
                    while this waits
  expired           somebody does, and is proven to be over (explain proof), or
                    was, and another has taken it since and noted that, as
                    kubectl lease does. A release is not an expiry: then the
                    wait goes on for the next holder's
  deleted           it is gone, or was made anew
  holder=IDENTITY, not-holder=IDENTITY
                    exactly this one holds it, alive or not; or does not
A lease that is deleted meanwhile is waited for until it is made again. What is
met may be over when it is said: to be alone, acquire it.

Exit status:
  0    met            1  API, kubeconfig or permission    2  wrong usage
  121  no such lease
  124  not met in time (-E changes it)
  of several leases, the status of the first one named that failed

Permissions: get on leases; watch makes it immediate; with --for=expired, update
proves an expiry sooner where stamps are to be trusted, by a dry run.
See also: status NAME --exit-code, acquire, explain proof";

/// `prune --help`
pub const PRUNE: &str = "\
Examples:
  # what has expired for more than a day, in all namespaces
  kubectl lease prune -A
  # delete what the jobs of a team left behind
  kubectl lease prune -l team=storage --older-than 7d --yes
  # heartbeats whose Node is gone; kube-node-lease has to be named
  kubectl lease prune -n kube-node-lease --class node

It deletes what is held and has expired, as `status` shows it, for longer than
--older-than; not what is free or never expires, nor heartbeats of Nodes that
exist, coordinated elections, slots and, without --class apiserver, identities
of API servers. Before that the expiry is proven (explain proof): by server
stamps, or by watching for the lease's duration, --timeout at most. A lease that
is renewed meanwhile is left.

Exit status:
  0    done, or listed    1    API, kubeconfig or permission    2  wrong usage
  121  no such lease      124  not deleted: watching would take too long
  of several leases, the status of the first one that failed

Permissions: list on leases (get with a name); delete with --yes; update where
stamps are to prove an expiry; list on nodes for heartbeats; with create on
events.events.k8s.io, an Event tells of each.
See also: status --state expired, status --holder-gone, explain proof";

/// `options --help`
pub const OPTIONS: &str = "\
Examples:
  kubectl lease options
  # they may stand before the subcommand, too
  kubectl lease -n default status
  # what is sent, and what comes back
  kubectl lease status -v 8

Exit status:
  0  printed    2  wrong usage

Permissions: none; no server is asked.
See also: kubectl options, which has the same by the same names";

/// `version --help`
pub const VERSION: &str = "\
Examples:
  kubectl lease version
  kubectl lease version -o json
  kubectl lease version -o yaml

Exit status:
  0  printed    2  wrong usage

Permissions: none; no server is asked.
See also: explain";

/// `completion --help`
pub const COMPLETION: &str = "\
Examples:
  # complete through kubectl: leases, namespaces, contexts and flags
  kubectl lease completion install
  # or complete kubectl-lease itself, without the names of leases
  source <(kubectl lease completion bash)
  # the same kept in a file
  kubectl lease completion zsh > ~/.kubectl-lease.zsh

Exit status:
  0  done    1  the link could not be made    2  wrong usage

Permissions: none; to complete names: list on leases and namespaces.
See also: kubectl completion --help";

/// `explain --help`
pub const EXPLAIN: &str = "\
Examples:
  # all concepts, a line each
  kubectl lease explain
  # may I take over what looks dead?
  kubectl lease explain proof
  # what protects when a whole machine freezes
  kubectl lease explain token

Exit status:
  0  printed    2  wrong usage

Permissions: none; no server is asked.
See also: --help of each subcommand";
