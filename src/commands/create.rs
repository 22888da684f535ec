//! `kubectl lease create`

mod slots;

use std::time::Duration;

use super::saying::{good_until, listen, object_text, say_by, say_done};
use super::{Session, limits, mark, say};
use crate::cli::{ConnectionArgs, CreateArgs, DryRun};
use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::exit::Exit;
use crate::hint;
use crate::lease::api::Api;
use crate::lease::operate::{Created, End, Ended, Failure, Fate, Held, Interrupt, Operations};
use crate::lease::record::{GrantTerms, Keep, Lease};
use crate::lease::values::LeaseName;
use crate::output::{document, terminal};
use crate::server::namespace_alone;

pub async fn run(args: CreateArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    if let Some(count) = args.slots {
        return slots::run(&args, count, connection).await;
    }
    let verb = match args.write.dry_run {
        DryRun::None => "created",
        DryRun::Client => {
            // As kubectl: a pipeline that only writes manifests has no cluster.
            let lease = lease(&args, &args.name, &namespace_alone(&connection.into())?)?;
            terminal::print(&object_text(&lease, "created (dry run)", &args.output)?)?;
            return Ok(Exit::DONE);
        }
        DryRun::Server => "created (server dry run)",
    };
    let session = Session::open(connection).await?.writing(&args.write);
    let lease = lease(&args, &args.name, &session.namespace)?;
    let operations = session.lease(&args.name);
    let subject = session.subject(&args.name, args.holder.as_ref());
    let dry_run = args.write.dry_run == DryRun::Server;
    let interrupt = listen()?;
    if args.strategy.is_some() && !dry_run {
        tried(&operations, &args, &lease, interrupt.clone()).await?;
    }
    let limits = limits(&SystemClock, Some(super::SHORT_PATIENCE), interrupt);
    let interrupt = &limits.interrupt;
    let report = |progress| say(&subject, &progress);
    let created = if dry_run {
        match operations.try_create(&lease, &limits, &report).await {
            Ok(Created::New(stored)) => {
                let text = object_text(&stored, verb, &args.output);
                let said = say_done(text, None, interrupt, &subject, verb).await;
                said.map(Created::New).map_err(|error| Ended::GivenUp {
                    why: Failure::Failed(error),
                    fate: Fate::None,
                })
            }
            Ok(Created::Exists) => Ok(Created::Exists),
            Err(end) => Err(Ended::Ungranted(end)),
        }
    } else {
        let then = async |held: Held<'_>| {
            let grant = held.grant();
            let text = object_text(&grant.record, verb, &args.output);
            match grant.record.holder() {
                Some(_) => {
                    let said = match text {
                        Ok(text) => say_by(text, good_until(grant), interrupt)
                            .await
                            .map_err(Error::Unsaid),
                        Err(error) => Err(error.into()),
                    };
                    said.map_err(|why| Error::done_all_the_same(&subject, why, "created"))
                }
                None => say_done(text, None, interrupt, &subject, verb).await,
            }
        };
        operations.create(&lease, &limits, &report, then).await
    };
    match created {
        Ok(Created::New(())) => Ok(Exit::DONE),
        Ok(Created::Exists) if args.ignore_existing => unchanged(&session, &args).await,
        Ok(Created::Exists) => Err(Error::AlreadyExists {
            name: args.name.to_string(),
            namespace: session.namespace.clone(),
        }),
        Err(Ended::GivenUp {
            why: Failure::Failed(Error::BrokenPipe),
            ..
        }) => Err(Error::BrokenPipe),
        Err(Ended::Ungranted(End::Altered { what, left: None })) => {
            let name = &args.name;
            Err(Error::NotAsAsked {
                what: if dry_run {
                    would_differ(&args, &what)
                } else {
                    format!("lease \"{name}\" was created, but not as asked for: {what}")
                },
                next: if dry_run {
                    next(&args)
                } else {
                    let delete = format!("delete lease {name}");
                    let delete = hint::kubectl_in(&delete, &session.namespace);
                    format!("{} To delete it: {delete}", next(&args))
                },
            })
        }
        Err(ended) => Err(session.ended(subject, ended, Error::Local).await),
    }
}

/// Lets the server try it first: what it drops in silence would leave a Lease that is another one than was asked for, and
/// deleting that again is no permission that creating needs. Where it tries nothing, the creation itself tells.
async fn tried<A: Api, C: Clock>(
    operations: &Operations<A, C>,
    args: &CreateArgs,
    lease: &Lease,
    interrupt: Interrupt,
) -> Result<(), Error> {
    let once = limits(&SystemClock, Some(Duration::ZERO), interrupt);
    match operations.try_create(lease, &once, &|_| ()).await {
        Err(End::Altered { what, .. }) => Err(Error::NotAsAsked {
            what: would_differ(args, &what),
            next: next(args),
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn would_differ(args: &CreateArgs, what: &str) -> String {
    let name = &args.name;
    format!("lease \"{name}\" not created: in a dry run {what}")
}

fn next(args: &CreateArgs) -> String {
    if args.strategy.is_some() {
        format!(
            "Coordinated elections need Kubernetes 1.31 or newer with the feature gate CoordinatedLeaderElection ({}).",
            hint::kubectl("version")
        )
    } else {
        let webhooks = hint::kubectl("get mutatingwebhookconfigurations");
        format!("List the webhooks: {webhooks}.")
    }
}

async fn unchanged(session: &Session, args: &CreateArgs) -> Result<Exit, Error> {
    let text = match &args.output.format {
        None if terminal::is_quiet() => String::new(),
        None => format!("{} unchanged\n", document::object_name(args.name.as_str())),
        Some(_) => {
            let look = session.look(&args.name, Keep::Facts).await?;
            object_text(&look.record, "unchanged", &args.output)?
        }
    };
    terminal::print(&text)?;
    Ok(Exit::DONE)
}

fn lease(args: &CreateArgs, name: &LeaseName, namespace: &str) -> Result<Lease, Error> {
    let mut lease = Lease::fresh(namespace, name.as_str(), args.duration);
    if let Some(holder) = &args.holder {
        let terms = GrantTerms {
            holder: holder.clone(),
            duration: Some(args.duration),
            default_duration: args.duration,
            reason: None,
            mark: mark(),
            manager: args.write.field_manager.clone(),
        };
        lease = lease.granted(&terms, SystemClock.wall()).map_err(|_| {
            Error::Local("the transitions of a new lease cannot be counted".to_owned())
        })?;
    }
    Ok(lease
        .with_election(args.strategy.as_deref(), args.preferred_holder.as_deref())
        .with_metadata(&args.labels.concat(), &args.annotations.concat())
        .with_reason(args.reason.as_deref()))
}
