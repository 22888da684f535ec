//! `kubectl lease can-i`

use std::collections::{BTreeMap, BTreeSet};

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
use crate::output::can_i::{Call, Missing, text};
use crate::output::{document, terminal};
use crate::permissions::role::{Scope, granting};
use crate::permissions::{Of, Permission, WAYS, Way};

pub async fn run(args: &CanIArgs, connection: &ConnectionArgs) -> Result<Exit, Error> {
    let session = Session::open(connection).await?;
    let scope = Scope {
        namespace: (!args.all_namespaces).then_some(session.namespace.as_str()),
        lease: args.name.as_ref().map(|name| name.as_str()),
    };
    let ways = asked_about(args);
    if let (true, Some(name)) = (ways.is_empty(), &args.name) {
        let calls = args.calls.join(", ");
        return Err(Error::Usage(format!(
            "{calls} is not about lease \"{name}\" alone: leave the name out"
        )));
    }
    let all = ways
        .iter()
        .flat_map(|way| way.needs.iter().chain(way.better));
    let all: BTreeSet<Permission> = all.copied().collect();
    let asked = all.into_iter().map(async |permission| {
        let question = question(permission, scope);
        let allowed = is_allowed(&session.store, &question, session.request_limit);
        allowed.await.map(|allowed| (permission, allowed))
    });
    let allowed: BTreeMap<Permission, bool> = match try_join_all(asked).await {
        Ok(answers) => answers.into_iter().collect(),
        Err(fault) => return Err(unanswered(&session, args, fault)),
    };
    let lacking = |of: &[Permission]| -> Vec<Permission> {
        let all = of.iter().copied();
        all.filter(|permission| allowed.get(permission) != Some(&true))
            .collect()
    };
    let mut missing: Vec<Permission> = ways.iter().flat_map(|way| lacking(way.needs)).collect();
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
                missing: words(way.needs),
                better: words(way.better),
            });
            let missing = (!objects.is_empty()).then(|| Missing {
                how_to_apply: hint::kubectl_as_admin("apply -f -").to_string(),
                how_to_bind: who.is_none().then(|| how_to_bind(&objects[0], scope)),
                objects,
            });
            let calls: Vec<Call> = calls.collect();
            text(&subject(scope), &calls, missing.as_ref())?
        }
    };
    terminal::print(&text)?;
    Ok(exit)
}

/// The calls that are asked about: of all Leases only where none is named.
fn asked_about(args: &CanIArgs) -> Vec<&'static Way> {
    let asked = |way: &Way| args.calls.is_empty() || args.calls.contains(&way.asked_as());
    let fits = |way: &Way| match (way.of, &args.name) {
        (Of::All, Some(_)) => false,
        // `status` is the list, unless a name is given.
        (Of::Named, None) if !args.calls.is_empty() => way.call == way.asked_as(),
        (Of::All | Of::Named, _) => true,
    };
    let ways = WAYS.into_iter();
    ways.filter(|way| asked(way) && fits(way)).collect()
}

fn question(permission: Permission, scope: Scope<'_>) -> Question {
    let (group, resource) = permission.resource.names();
    let namespaced = permission.resource.is_namespaced();
    Question {
        verb: permission.verb,
        group,
        resource,
        namespace: scope.namespace.filter(|_| namespaced).map(str::to_owned),
        name: (scope.lease)
            .filter(|_| permission.takes_a_name())
            .map(str::to_owned),
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
    match (scope.lease, scope.namespace) {
        (Some(lease), Some(namespace)) => format!("lease {lease:?} in namespace {namespace:?}"),
        (None, Some(namespace)) => format!("leases in namespace {namespace:?}"),
        (_, None) => "leases in all namespaces".to_owned(),
    }
}

/// As kubectl has several objects.
fn list(objects: Vec<Value>) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects })
}

fn how_to_bind(role: &Value, scope: Scope<'_>) -> String {
    let name = role["metadata"]["name"].as_str().unwrap_or_default();
    let (kind, place) = match scope.namespace {
        Some(namespace) => ("role", format!(" -n {namespace}")),
        None => ("clusterrole", String::new()),
    };
    let words = format!("create {kind}binding {name}{place} --{kind}={name} --user=…");
    hint::kubectl_as_admin(&words).to_string()
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
