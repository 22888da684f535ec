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

Exit status:
  0    acquired       1  API, kubeconfig or permission    2  wrong usage
  121  no such lease
  123  nobody read in time that it was acquired: it is released
  124  not acquired in time, or held for this very process (-E changes it)

Permissions: get and update on leases; create with --create. With watch, waiting
ends at once.
See also: hold, renew, release, explain grant";

/// `hold --help`
pub const HOLD: &str = "\
Examples:
  # one at a time, whoever starts it
  kubectl lease hold deploy -- ./deploy.sh
  # a job that is skipped while another one runs
  kubectl lease hold nightly --create --timeout 20s -E 0 -- ./backup.sh
  # a line for a shell; the fencing token is for the system that it changes
  kubectl lease hold deploy -- sh -c 'date; echo $KUBECTL_LEASE_FENCING_TOKEN'
  # several: all of them or none, and who loses one has lost all
  kubectl lease hold cache db-schema --create -- ./deploy.sh

COMMAND is a program and its arguments, not a shell command line. When it ends,
hold does not wait for what it started in the background: it ends that, names it
and releases the lease. Keep a server in the foreground: exec ./server.

Exit status:
  the command's own, 128+n for a signal, or
  1    API, kubeconfig or permission    2    wrong usage
  121  no such lease                    123  lost, and the command stopped
  124  not acquired in time (-E changes it)
  125  hold itself failed               126/127  not executable / not found

Permissions: get and update on leases; create with --create. With watch, a loss
is seen at once.
See also: acquire, steal, explain loss, explain token";

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
  # at the end of a script, however it ends
  trap 'kubectl lease release deploy' EXIT
  # and see what was written
  kubectl lease release deploy -o json

A lease that `steal` took, and whose earlier holder may still run, is not
released before it expires: --now frees it all the same. A hold releases its
lease itself. Of several leases each is released for itself, and the first
error's status counts.

Exit status:
  0    released       1    API, kubeconfig or permission    2  wrong usage
  121  no such lease  122  not held by you

Permissions: get and update on leases; the lease is not deleted.
See also: acquire, steal (for what somebody else holds)";

/// `steal --help`
pub const STEAL: &str = "\
Examples:
  # take it, and wait until the present holder must have stopped
  kubectl lease steal deploy --yes --reason 'the laptop is lost'
  # only from the holder that was seen
  kubectl lease steal deploy --yes --if-holder ada@laptop
  # without the wait: both may be running for a moment
  kubectl lease steal deploy --yes --now

A node's heartbeat or an API server's identity is not a lock: it is refused
(120) without --force, as Kubernetes renews it whoever its holder is.

Exit status:
  0  taken over  1  API, kubeconfig or permission  2  wrong usage  120  declined
  121  no such lease
  122  held by another than --if-holder says, or than was shown
  123  taken, and lost again while it waited

Permissions: get and update on leases; get on pods and nodes shows the holder's.
See also: status NAME (who holds it, is it alive?), explain proof";

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

Permissions: list on leases, get for one by name; watch with --watch;
get on pods and nodes shows the holder's.
See also: check, explain lease, explain proof";

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
