//! Which of the listed Leases are held by what is gone: the cluster's Pods and Nodes are listed once, if any of them tells.

use std::collections::HashSet;

use crate::cli::StatusArgs;
use crate::commands::Session;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::operate::objects::{self, Named};
use crate::lease::report::{Row, State};
use crate::lease::whereabouts::{self, Whereabouts};
use crate::output::terminal;

/// Asked for at once: a Pod is a long object.
const PAGE: u32 = 100;

/// The names of a kind of object, or that they cannot be had, which was said then.
struct Names(Option<HashSet<Named>>);

/// What is known of the cluster's objects.
pub struct Cluster<'a> {
    session: &'a Session,
    /// The namespace of the list; `None` for all.
    namespace: Option<&'a str>,
    /// The Pods of that namespace.
    pods: Option<Names>,
    /// The names of all Pods; empty where they cannot be had.
    all_pods: Option<HashSet<String>>,
    nodes: Option<Names>,
    /// Whether a Lease was left out because something could not be told.
    incomplete: bool,
}

impl<'a> Cluster<'a> {
    /// Nothing is asked for yet.
    pub fn new(session: &'a Session, args: &StatusArgs) -> Self {
        Self {
            session,
            namespace: (!args.all_namespaces).then_some(&session.namespace),
            pods: None,
            all_pods: None,
            nodes: None,
            incomplete: false,
        }
    }

    /// What the exit status says of a list of these: whether all could be told.
    pub fn exit(&self) -> Exit {
        match self.incomplete {
            true => Exit::API,
            false => Exit::DONE,
        }
    }

    /// Keeps the rows whose holder is gone.
    pub async fn retain(&mut self, rows: &mut Vec<Row>) {
        let mut kept = Vec::new();
        for row in rows.drain(..) {
            match self.is_gone(&row).await {
                Some(true) => kept.push(row),
                Some(false) => {}
                None => self.incomplete = true,
            }
        }
        *rows = kept;
    }

    /// `None` where it cannot be told because something may not be seen.
    async fn is_gone(&mut self, row: &Row) -> Option<bool> {
        match whereabouts::of(row) {
            Whereabouts::Unknown => Some(false),
            Whereabouts::Gone => Some(true),
            Whereabouts::Node(name) => self.has_node(&name).await.map(|there| !there),
            Whereabouts::PodOrNode(name) => {
                let namespace = &row.lease.namespace;
                if self.has_pod(namespace, &name).await? || self.has_node(&name).await? {
                    return Some(false);
                }
                // Some run in another namespace than their Lease is in, under names that no other has; and of what never expires
                // nothing else tells.
                let expired = row.condition.state == State::Expired;
                let looks = !expired || whereabouts::is_generated(&name);
                let elsewhere = looks && self.is_anywhere(&name).await;
                Some(!elsewhere)
            }
        }
    }

    async fn has_pod(&mut self, namespace: &str, name: &str) -> Option<bool> {
        if self.pods.is_none() {
            let pods = self.pods_of(self.namespace).await;
            self.pods = Some(self.said("pods", self.namespace, pods));
        }
        let Names(pods) = self.pods.as_ref()?;
        let named = Named {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        };
        pods.as_ref().map(|pods| pods.contains(&named))
    }

    async fn has_node(&mut self, name: &str) -> Option<bool> {
        if self.nodes.is_none() {
            let limit = self.session.request_limit;
            let nodes = objects::all(&self.session.store, "/api/v1/nodes", PAGE, limit).await;
            self.nodes = Some(self.said("nodes", None, nodes));
        }
        let Names(nodes) = self.nodes.as_ref()?;
        let nodes = nodes.as_ref()?;
        let named = Named {
            namespace: String::new(),
            name: name.to_owned(),
        };
        Some(nodes.contains(&named))
    }

    /// Whether a Pod of this name is in any namespace, as far as it may be seen.
    async fn is_anywhere(&mut self, name: &str) -> bool {
        if self.all_pods.is_none() {
            let known = match (self.namespace, &self.pods) {
                (None, Some(Names(pods))) => pods.iter().flatten().cloned().collect(),
                _ => self.pods_of(None).await.unwrap_or_default(),
            };
            self.all_pods = Some(known.into_iter().map(|named| named.name).collect());
        }
        self.all_pods.as_ref().is_some_and(|all| all.contains(name))
    }

    async fn pods_of(&self, namespace: Option<&str>) -> Result<HashSet<Named>, Fault> {
        let path = match namespace {
            Some(namespace) => format!("/api/v1/namespaces/{namespace}/pods"),
            None => "/api/v1/pods".to_owned(),
        };
        objects::all(&self.session.store, &path, PAGE, self.session.request_limit).await
    }

    /// Says why there are no names, once.
    fn said(
        &self,
        kind: &str,
        namespace: Option<&str>,
        names: Result<HashSet<Named>, Fault>,
    ) -> Names {
        let fault = match names {
            Ok(names) => return Names(Some(names)),
            Err(fault) => fault,
        };
        let place = match namespace {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in the cluster".to_owned(),
        };
        let why = match fault.rejected() {
            Some(RejectionKind::Forbidden) => format!("no permission to list {kind} {place}"),
            _ => format!("the {kind} {place} cannot be listed: {fault}"),
        };
        terminal::say(&format!(
            "error: {why}: leases whose holders may be among them are left out"
        ));
        let namespace = namespace.map(str::to_owned);
        let lines = Error::Api { namespace, fault }.lines();
        lines.iter().skip(1).for_each(|line| terminal::say(line));
        Names(None)
    }
}
