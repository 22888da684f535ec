//! `kubectl lease can-i`

use std::collections::BTreeSet;

use futures::future::try_join_all;
use serde_json::{Value, json};

use super::Session;
use super::saying::is_unasked;
use crate::cli::{CanIArgs, ConnectionArgs};
use crate::error::{Error, forbidden};
use crate::exit::Exit;
use crate::hint;
use crate::lease::api::Fault;
use crate::lease::operate::access::{Question, is_allowed, refusal, user};
use crate::lease::operate::candidates::VERSIONS as CANDIDATE_VERSIONS;
use crate::lease::values::Slots;
use crate::output::can_i::{Call, Missing, text};
use crate::output::{document, terminal};
use crate::permissions::role::{Scope, granting};
use crate::permissions::{Of, Permission, Resource, WAYS, Way};

pub async fn run(args: &CanIArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    let leases = leases(args)?;
    let scope = Scope {
        namespace: (!args.all_namespaces).then_some(session.namespace.as_str()),
        leases: &leases,
    };
    let mut ways = asked_about(args);
    if let (true, Some(name)) = (ways.is_empty(), &args.name) {
        let calls: Vec<&str> = args.calls.iter().map(|asked| asked.call).collect();
        return Err(Error::Usage(format!(
            "{} is not about lease \"{name}\" alone: leave the name out",
            calls.join(", ")
        )));
    }
    let elects = |way: &Way| way.takes(Resource::LeaseCandidates);
    if args.calls.is_empty() {
        let has_candidates = has_candidates(&session).await;
        if !has_candidates.map_err(|fault| unanswered(&session, args, fault))? {
            ways.retain(|way| !elects(way));
        }
    }
    let all = ways
        .iter()
        .flat_map(|way| way.needs.iter().chain(way.better));
    let all: BTreeSet<Permission> = all.copied().collect();
    let (needs, better) = (
        |way: &Way| way.needs_in(scope.namespace),
        |way: &Way| way.better_in(scope.namespace),
    );
    // Two permissions may be one to the server: leases and tickets of any name are both Leases.
    let asked: BTreeSet<Question> = all
        .iter()
        .flat_map(|permission| questions(*permission, scope))
        .collect();
    let asked = asked.into_iter().map(async |question| {
        let allowed = is_allowed(&session.store, &question, session.request_limit);
        Ok((allowed.await?, question))
    });
    let answers = match try_join_all(asked).await {
        Ok(answers) => answers,
        Err(fault) => return Err(unanswered(&session, args, fault)),
    };
    let refused = answers.into_iter().filter(|(allowed, _)| !allowed);
    let refused: BTreeSet<Question> = refused.map(|(_, question)| question).collect();
    // Each of the names, if it can be of one.
    let is_allowed = |permission: &Permission| {
        let questions = questions(*permission, scope);
        !questions.iter().any(|one| refused.contains(one))
    };
    let lacking = |of: &[Permission]| -> Vec<Permission> {
        let all = of.iter().copied();
        all.filter(|permission| !is_allowed(permission)).collect()
    };
    let counts = |way: &&&Way| !args.calls.is_empty() || way.counts_unasked();
    let counted = ways.iter().filter(counts);
    let mut missing: Vec<Permission> = counted.flat_map(|way| lacking(&needs(way))).collect();
    let mut told = BTreeSet::new();
    missing.retain(|permission| told.insert(*permission));
    let exit = if missing.is_empty() {
        Exit::DONE
    } else {
        Exit::API
    };
    if is_unasked(&args.output) {
        return Ok(exit);
    }
    let who = match missing.is_empty() {
        true => None,
        false => who_asks(&session).await,
    };
    let objects = granting(&missing, scope, who.as_deref());
    let text = match &args.output {
        Some(format) => document::value(&list(objects), format)?,
        None => {
            let words =
                |of: &[Permission]| lacking(of).into_iter().map(Permission::words).collect();
            let calls = ways.iter().map(|way| Call {
                words: way.call,
                missing: words(&needs(way)),
                better: words(&better(way)),
            });
            let missing = (!objects.is_empty()).then(|| Missing {
                how_to_apply: hint::kubectl_as_admin("apply -f -").to_string(),
                how_to_bind: who.is_none().then(|| how_to_bind(&objects)),
                objects,
            });
            let calls: Vec<Call> = calls.collect();
            let uncounted = ways.iter().filter(|way| !counts(way));
            let uncounted = uncounted.filter(|way| !lacking(&needs(way)).is_empty());
            let uncounted: Vec<&str> = uncounted.map(|way| way.call).collect();
            text(&subject(scope), &calls, &uncounted, missing.as_ref())?
        }
    };
    terminal::print(&text)?;
    Ok(exit)
}

/// The calls that are asked about: of all Leases only where none is named.
fn asked_about(args: &CanIArgs) -> Vec<&'static Way> {
    let named = |way: &Way| {
        let call = way.asked_as();
        args.calls.iter().find(|asked| asked.call == call)
    };
    let asked = |way: &Way| args.calls.is_empty() || named(way).is_some();
    let fits = |way: &Way| match (way.of, &args.name) {
        // How many there are tells which.
        (Of::All, Some(_)) if named(way).is_some_and(|asked| asked.slots.is_some()) => true,
        (Of::All, Some(_)) => false,
        // `status` is the list, unless a name is given.
        (Of::Named, None) if !args.calls.is_empty() => way.call == way.asked_as(),
        (Of::All | Of::Named, _) => true,
    };
    let ways = WAYS.into_iter();
    ways.filter(|way| asked(way) && fits(way)).collect()
}

/// The Leases that are asked about: the one of that name, or its slots; none for all.
fn leases(args: &CanIArgs) -> Result<Vec<String>, Error> {
    let Some(name) = &args.name else {
        return Ok(Vec::new());
    };
    let slots = args
        .calls
        .iter()
        .find_map(|asked| Some((asked, asked.slots?)));
    match slots {
        None => Ok(vec![name.to_string()]),
        Some((asked, _)) if args.calls.len() > 1 => Err(Error::Usage(format!(
            "{} N is about the slots of \"{name}\", and the other calls are not: ask about it in a call of its own",
            asked.call
        ))),
        Some((_, count)) => {
            let slots = Slots::new(name, count).map_err(Error::Usage)?;
            Ok(slots.each().iter().map(ToString::to_string).collect())
        }
    }
}

/// Whether the server may have LeaseCandidates: what it does not have is not to be granted.
async fn has_candidates(session: &Session) -> Result<bool, Fault> {
    for version in CANDIDATE_VERSIONS {
        let path = format!("/apis/coordination.k8s.io/{version}");
        match session.object(&path, session.request_limit).await {
            Ok(None) => {}
            Ok(Some(found)) => {
                let all = found["resources"].as_array().into_iter().flatten();
                let mut names = all.filter_map(|one| one["name"].as_str());
                if names.any(|name| name == "leasecandidates") {
                    return Ok(true);
                }
            }
            // It is not there to tell anything else.
            Err(fault @ (Fault::NotSent(_) | Fault::Unknown(_))) => return Err(fault),
            // It does not tell.
            Err(Fault::Rejected(_) | Fault::Foreign { .. } | Fault::NotStored(_)) => {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn questions(permission: Permission, scope: Scope<'_>) -> Vec<Question> {
    let (group, resource) = permission.resource.names();
    let namespaced = permission.resource.is_namespaced();
    let question = |name: Option<&String>| Question {
        verb: permission.verb,
        group,
        resource,
        namespace: scope.namespace.filter(|_| namespaced).map(str::to_owned),
        name: name.cloned(),
    };
    // Several are watched together, which takes a permission for all.
    let together = permission.verb == "watch" && scope.leases.len() > 1;
    match permission.takes_a_name() && !together && !scope.leases.is_empty() {
        true => scope
            .leases
            .iter()
            .map(|name| question(Some(name)))
            .collect(),
        false => vec![question(None)],
    }
}

/// By the server, or by its words to a request that is not allowed.
async fn who_asks(session: &Session) -> Option<String> {
    let limit = session.request_limit;
    if let Some(user) = user(&session.store, limit).await {
        return Some(user);
    }
    let said = refusal(&session.store, &session.namespace, limit).await?;
    forbidden::who_asked(&said)
}

fn subject(scope: Scope<'_>) -> String {
    match (scope.leases, scope.namespace) {
        ([lease], Some(namespace)) => format!("lease {lease:?} in namespace {namespace:?}"),
        ([], Some(namespace)) => format!("leases in namespace {namespace:?}"),
        ([first, .., last], Some(namespace)) => {
            format!("leases {first:?} to {last:?} in namespace {namespace:?}")
        }
        (_, None) => "leases in all namespaces".to_owned(),
    }
}

/// As kubectl has several objects.
fn list(objects: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects })
}

fn how_to_bind(roles: &[Value]) -> String {
    let bind = roles.iter().map(|role| {
        let text = |field: &str| role["metadata"][field].as_str();
        let name = text("name").unwrap_or_default();
        let (kind, place) = match text("namespace") {
            Some(namespace) => ("role", format!(" -n {namespace}")),
            None => ("clusterrole", String::new()),
        };
        let words = format!("create {kind}binding {name}{place} --{kind}={name} --user=…");
        hint::kubectl_as_admin(&words).to_string()
    });
    bind.collect::<Vec<_>>().join(" && ")
}

/// The server does not say what is allowed.
fn unanswered(session: &Session, args: &CanIArgs, fault: Fault) -> Error {
    let namespace = (!args.all_namespaces).then(|| session.namespace.clone());
    let refused = fault.rejected().is_some();
    let why = Error::Api { namespace, fault };
    if !refused {
        return why;
    }
    let instead = hint::kubectl_as_admin("auth can-i --list --as=…");
    let then = format!(
        "The server does not tell you what you may do (SelfSubjectAccessReview). A cluster admin can ask for you: {instead}"
    );
    Error::Despite {
        why: Box::new(why),
        then: vec![then],
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// What asks no server for a Lease.
    const OTHERS: [&str; 6] = [
        "can-i",
        "options",
        "version",
        "completion",
        "explain",
        "man",
    ];

    #[test]
    fn every_subcommand_that_asks_for_a_lease_is_in_the_table() {
        for subcommand in Cli::command().get_subcommands() {
            let name = subcommand.get_name();
            let told = WAYS
                .iter()
                .any(|way| way.call.split(' ').next() == Some(name));
            assert_eq!(told, !OTHERS.contains(&name), "{name}");
        }
    }
}
