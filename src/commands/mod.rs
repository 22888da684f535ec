//! One file a subcommand: arguments -> request -> operation -> what to print. Here: what they share.

mod acquire;
mod asked;
mod batch;
mod call;
mod can_i;
mod check;
mod chosen;
mod completion;
mod confirm;
mod create;
mod dry_run;
mod events;
mod explain;
mod exported;
mod failover;
mod hold;
mod line;
mod man;
mod options;
mod prune;
mod release;
mod renew;
mod saying;
mod several;
mod slots;
mod status;
mod steal;
mod together;
mod version;
mod wait;
mod waiting;

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::Value;

use crate::cli::{Cli, Command, ConnectionArgs, GrantArgs, WriteArgs};
use crate::clock::{Clock, SystemClock};
use crate::error::{self, Error, Subject};
use crate::exit::Exit;
use crate::hint;
use crate::identity::Sources;
use crate::lease::api::Fault;
use crate::lease::decide::{AcquireTerms, Obstacle, Refusal};
use crate::lease::operate::{
    ATTEMPT_LIMIT, End, Interrupt, Limits, Look, Operations, Progress, objects,
};
use crate::lease::record::{GrantTerms, Keep, Record};
use crate::lease::values::{HolderIdentity, LeaseDuration, LeaseName, QueueName};
use crate::output::{Failure, terminal};
use crate::server::{Client, Connection, ConnectionOptions, plugin};
use crate::server::{LeaseClient, LeasesClient, QueueClient, Selection};
use crate::words;

/// How long `create` and `steal` go on over transient faults, and `release` and `renew` unless told otherwise.
const SHORT_PATIENCE: Duration = Duration::from_secs(30);

/// Runs the subcommand.
///
/// # Errors
/// With why it has no result.
pub async fn run(cli: Cli) -> Result<Exit, Error> {
    hint::note(call::of(&cli));
    plugin::warn_through(terminal::say);
    if cli.verbose {
        terminal::trace();
    }
    let connection = &cli.connection;
    let outcome = match cli.command {
        Command::Create(args) => create::run(args, connection).await,
        Command::Acquire(args) => acquire::run(args, connection).await,
        // What a hold does is large: without boxes each step on the way to it would have it on the stack once more.
        Command::Hold(args) => Box::pin(hold::run(args, connection)).await,
        Command::Renew(args) => renew::run(args, connection).await,
        Command::Check(args) => check::run(args, connection).await,
        Command::Release(args) => release::run(args, connection).await,
        Command::Steal(args) => steal::run(args, connection).await,
        Command::Failover(args) => failover::run(args, connection).await,
        Command::CanI(args) => can_i::run(&args, connection).await,
        Command::Status(args) => status::run(args, connection).await,
        Command::Prune(args) => prune::run(args, connection).await,
        Command::Wait(args) => wait::run(args, connection).await,
        Command::Options(_) => options::run(),
        Command::Version(args) => version::run(&args),
        Command::Completion(args) => completion::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Man(args) => man::run(&args),
    };
    match outcome {
        Err(Error::BrokenPipe) => Ok(Exit::DONE),
        outcome => outcome,
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unformatted(text) => Self::Local(text),
            Failure::Unwritten(error) if error.kind() == ErrorKind::BrokenPipe => Self::BrokenPipe,
            Failure::Unwritten(error) => Self::Local(format!("cannot write to stdout: {error}")),
        }
    }
}

/// A connection that the flags describe, and its namespace.
struct Session {
    store: Client,
    namespace: String,
    request_limit: Duration,
}

impl Session {
    async fn open(args: &ConnectionArgs) -> Result<Self, Error> {
        let connection = Connection::load(&args.into()).await?;
        Ok(Self {
            namespace: connection.namespace().to_owned(),
            request_limit: args
                .request_timeout
                .filter(|limit| !limit.is_zero())
                .unwrap_or(ATTEMPT_LIMIT),
            store: Client::new(connection),
        })
    }

    /// The same, that writes as the flags say.
    fn writing(self, args: &WriteArgs) -> Self {
        Self {
            store: self.store.written_as(&args.field_manager),
            ..self
        }
    }

    /// The same in another namespace.
    fn in_namespace(&self, namespace: &str) -> Self {
        Self {
            store: self.store.clone(),
            namespace: namespace.to_owned(),
            request_limit: self.request_limit,
        }
    }

    fn lease(&self, name: &LeaseName) -> Operations<LeaseClient, SystemClock> {
        let lease = self.store.lease(&self.namespace, name.as_str());
        Operations::new(lease, SystemClock, self.request_limit)
    }

    fn queue(&self, name: &QueueName) -> QueueClient {
        self.store.queue(&self.namespace, name)
    }

    fn leases(&self, selection: Selection) -> LeasesClient {
        self.store.leases(selection)
    }

    /// Reads one Lease, and keeps of the object as much as `keep` says.
    async fn look(&self, name: &LeaseName, keep: Keep) -> Result<Look, Error> {
        self.look_by(&self.lease(name), name, keep).await
    }

    /// The same by operations that go on with it.
    async fn look_by(
        &self,
        operations: &Operations<LeaseClient, SystemClock>,
        name: &LeaseName,
        keep: Keep,
    ) -> Result<Look, Error> {
        let subject = self.subject(name, None);
        match operations.look(keep).await {
            Ok(Some(look)) => Ok(look),
            Ok(None) => Err(self.error(subject, End::Refused(Refusal::NotFound)).await),
            Err(fault) => Err(Error::lease(subject, End::Fault(fault))),
        }
    }

    /// Another object; `None` if it is not there.
    async fn object(&self, path: &str, limit: Duration) -> Result<Option<Value>, Fault> {
        objects::object(&self.store, path, limit).await
    }

    async fn namespace_is_missing(&self, limit: Duration) -> bool {
        objects::namespace_is_missing(&self.store, &self.namespace, limit).await
    }

    fn subject(&self, name: &LeaseName, holder: Option<&HolderIdentity>) -> Subject {
        Subject {
            namespace: self.namespace.clone(),
            name: name.to_string(),
            holder: holder.map(ToString::to_string),
            only_asks: false,
            conflict: None,
            reenters: false,
            if_holder: None,
            takes_by: error::TakesBy::default(),
            frees: false,
            beside: false,
            steals: false,
            of_slots: false,
        }
    }

    /// The error for how an operation ended; a missing Lease is looked into once more, because a missing namespace
    /// is answered the same way.
    async fn error(&self, subject: Subject, end: End) -> Error {
        let gone = match &end {
            End::Refused(Refusal::Slots(refusal)) => refusal.is_of_absent(),
            end => matches!(end, End::Refused(Refusal::NotFound)),
        };
        let limit = self.request_limit.min(Duration::from_secs(2));
        if gone && self.namespace_is_missing(limit).await {
            return Error::NamespaceMissing(self.namespace.clone());
        }
        // Who looks for the name that slots share is told of them.
        let looks = (subject.holder.is_none() || subject.steals)
            && matches!(end, End::Refused(Refusal::NotFound));
        let slotted = looks && self.is_slotted(&subject.name, limit).await;
        let look = slotted
            .then(|| hint::lease("status", &subject.name, &subject.namespace).with("--slots"));
        let why = Error::lease(subject, end);
        match look {
            None => why,
            Some(look) => Error::Despite {
                why: Box::new(why),
                then: vec![format!("There are slots of that name: {look}")],
            },
        }
    }

    /// Whether there are slots of this name, as far as may be seen.
    async fn is_slotted(&self, name: &str, limit: Duration) -> bool {
        let namespace = &self.namespace;
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}-0");
        match self.object(&path, limit).await {
            Ok(Some(first)) => Record::new(first).is_ok_and(|first| first.slots().is_some()),
            Ok(None) | Err(_) => false,
        }
    }
}

impl From<&ConnectionArgs> for ConnectionOptions {
    fn from(args: &ConnectionArgs) -> Self {
        // As kubectl: an empty flag is as if it was not given.
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        Self {
            kubeconfig: (args.kubeconfig.clone()).filter(|path| !path.as_os_str().is_empty()),
            context: given(&args.context),
            cluster: given(&args.cluster),
            user: given(&args.user),
            namespace: given(&args.namespace),
            server: given(&args.server),
            token: given(&args.token),
            username: given(&args.username),
            password: given(&args.password),
            impersonate: given(&args.impersonate),
            impersonate_groups: args.impersonate_groups.clone(),
            impersonate_uid: given(&args.impersonate_uid),
            impersonate_extra: args.impersonate_extra.clone(),
            certificate_authority: given(&args.certificate_authority),
            client_certificate: given(&args.client_certificate),
            client_key: given(&args.client_key),
            tls_server_name: given(&args.tls_server_name),
            insecure_skip_tls_verify: args.insecure_skip_tls_verify,
        }
    }
}

/// The limits that `--timeout` asks for.
fn limits(clock: &impl Clock, timeout: Option<Duration>, interrupt: Interrupt) -> Limits {
    Limits {
        deadline: timeout
            .filter(|span| !span.is_zero())
            .map(|span| clock.now() + span),
        once: timeout.is_some_and(|span| span.is_zero()),
        insist: false,
        interrupt,
    }
}

/// Who asks: whom `--holder` names, or what the environment and the machine say.
fn identity(flag: &Option<HolderIdentity>) -> Result<HolderIdentity, Error> {
    let sources = Sources::from_process(flag.clone());
    sources.identity().map_err(Error::Usage)
}

/// What `acquire` and `hold` want alike; it records `default_duration` seconds where nothing else says how many.
fn acquire_terms(
    subject: &Subject,
    args: &GrantArgs,
    holder: HolderIdentity,
    default_duration: u32,
) -> AcquireTerms {
    AcquireTerms {
        namespace: subject.namespace.clone(),
        name: subject.name.clone(),
        grant: GrantTerms {
            holder,
            duration: args.duration,
            default_duration: LeaseDuration::constant(default_duration),
            reason: args.reason.clone(),
            mark: mark(),
            manager: args.write.field_manager.clone(),
        },
        create: args.create,
        reenter: false,
        min_duration: None,
        deletes: false,
        ancestors: exported::grants(),
        ended: None,
    }
}

/// Tells the grants of this process from those of another of the same identity.
fn mark() -> Duration {
    Duration::from_micros(fastrand::u64(0..50_000))
}

/// What the name that is waited for is of.
fn waited_for(subject: &Subject) -> &'static str {
    match subject.of_slots {
        true => "a slot of",
        false => "lease",
    }
}

/// Says what goes on, a line each time.
fn say(subject: &Subject, progress: &Progress) {
    let name = &subject.name;
    match progress {
        Progress::Waiting {
            obstacle,
            reason,
            at_most,
        } => {
            let what = waited_for(subject);
            terminal::say(&format!(
                "waiting for {what} {name:?}: {}{}",
                error::obstacle_text(obstacle, *at_most),
                error::reason_text(reason.as_deref())
            ));
            let by_oneself = match obstacle {
                Obstacle::HeldByOneself(_) => true,
                Obstacle::Slots(slots) => slots.own.is_some(),
                Obstacle::HeldBy(_)
                | Obstacle::Terminating
                | Obstacle::InLine(_)
                | Obstacle::LineIsFull { .. } => false,
            };
            if by_oneself && let Some(advice) = error::obstacle_advice(obstacle, subject) {
                terminal::say(&advice);
            }
        }
        Progress::Polling => {
            terminal::say(
                "changes cannot be watched, so the lease is read every second (the verb watch would make this immediate)",
            );
        }
        Progress::Watching => terminal::say("changes can be watched again"),
        Progress::Altered(what) => terminal::say(&format!("{what}; going by what is stored")),
        Progress::Retrying(fault) => terminal::say(&format!("{fault}; trying again")),
        Progress::Silent(since) => {
            terminal::say(&format!(
                "no answer from the server since {since:.0}; trying again"
            ));
        }
        Progress::Heard => terminal::say("the server answers again"),
        Progress::Settling => {
            terminal::say(
                "it is not known whether the last write took effect: checking (interrupt again to leave at once)",
            );
        }
        Progress::Outlasting { victim, wait } => terminal::say(&format!(
            "waiting {} until {victim:?} must have stopped; the lease is kept renewed (--now skips this)",
            words::duration(*wait)
        )),
        Progress::Finishing { wait } => terminal::say(&format!(
            "interrupted: lease {name:?} is released first, which can take {} (interrupt again to leave at once, and it stays held until it expires)",
            words::duration(*wait)
        )),
        Progress::Stopped(victim) => terminal::say(&format!("{victim:?} says that it has stopped")),
        // Whoever waits tells where, and whoever cleans up for what.
        Progress::Granted | Progress::InLine(_) | Progress::LineWatched(_) => {}
        Progress::PlaceLost => terminal::say(&line::lost(name)),
        Progress::PlaceGivenUp => terminal::say(&line::given_up(name)),
        Progress::NoPlace(fault) => terminal::say(&line::no_place(subject, fault)),
        Progress::Unrenewed(why) => terminal::say(&format!(
            "lease {name:?} could not be renewed: {why}; trying again"
        )),
        Progress::LostAgain(loss) => terminal::say(&format!(
            "lease {name:?} lost before all were acquired: {}; acquiring it again",
            error::loss_text(loss)
        )),
    }
}
