//! Finds the Leases that are to be pruned, and says which of those that expired long ago are none of them.

use std::collections::{BTreeMap, HashSet};

use super::scope::{leaves_out, selection};
use super::words::passed;
use crate::cli::{ClassArg, PruneArgs};
use crate::clock::{Clock, SystemClock};
use crate::commands::Session;
use crate::commands::several::{Errors, Next, distinct};
use crate::commands::status::select::is_of;
use crate::error::Error;
use crate::exit::Exit;
use crate::lease::api::{Fault, RejectionKind};
use crate::lease::decide::{PruneTerms, Verdict, judge};
use crate::lease::evidence::{Observation, Stamps};
use crate::lease::keeper::Keeper;
use crate::lease::operate::list::{Listed, Listing};
use crate::lease::operate::objects::{self, Named};
use crate::lease::record::{Keep, Record};
use crate::lease::report::Row;
use crate::lease::summary::Summary;
use crate::output::terminal;

/// Nodes asked for at once: one is a long object.
const PAGE: u32 = 100;

/// One that is to be pruned.
pub struct Candidate {
    /// Its place among those that were named, or found.
    pub place: usize,
    /// What is said of it.
    pub row: Row,
    /// As it was seen.
    pub seen: Observation,
}

/// What there is.
#[derive(Default)]
pub struct Found {
    /// What is to be pruned.
    pub candidates: Vec<Candidate>,
    /// What the server's stamps are worth, as far as it was asked.
    pub stamps: Stamps,
    /// How many Leases were looked at.
    pub count: usize,
    /// Those that go with their Nodes.
    heartbeats: Vec<(String, Candidate)>,
    /// How many are left, and why.
    pub left: BTreeMap<String, usize>,
}

/// Finds them.
///
/// # Errors
/// When they cannot be listed. What is wrong with one of them is said.
pub async fn find(
    session: &Session,
    args: &PruneArgs,
    errors: &mut Errors,
) -> Result<Found, Error> {
    let mut found = Found::default();
    if args.names.is_empty() {
        found.list(session, args).await?;
    } else {
        found.read(session, args, errors).await;
    }
    found.judge_heartbeats(session, errors).await;
    if !found.left.is_empty() {
        let left = found.left.iter();
        let left: Vec<String> = left.map(|(why, count)| format!("{count} {why}")).collect();
        terminal::say(&format!("left: {}", left.join(", ")));
    }
    Ok(found)
}

impl Found {
    async fn list(&mut self, session: &Session, args: &PruneArgs) -> Result<(), Error> {
        let listed = Listed {
            keep: Keep::ObjectsWhole,
            page_size: None,
            limit: session.request_limit,
        };
        let api = session.leases(selection(args, session));
        let mut listing = Listing::new(api, listed);
        let mut known: HashSet<(String, String)> = HashSet::new();
        loop {
            let page = listing.next().await.map_err(|fault| Error::Api {
                namespace: (!args.all_namespaces).then(|| session.namespace.clone()),
                fault,
            })?;
            let Some((rows, _)) = page else { break };
            let date = listing.date;
            for mut row in rows.into_iter().filter(|row| is_of(row, &args.class)) {
                let object = row.lease.object.take();
                let object = object.map(std::sync::Arc::unwrap_or_clone);
                let Some(record) = object.and_then(|object| Record::listed(object).ok()) else {
                    continue;
                };
                // The list may have begun anew.
                let key = |lease: &Summary| (lease.namespace.clone(), lease.name.clone());
                if known.contains(&key(&row.lease)) {
                    continue;
                }
                let seen = Observation::first(record, SystemClock.now(), date);
                let name = key(&row.lease);
                let place = self.candidates.len();
                if self.add(args, Candidate { place, row, seen }) {
                    known.insert(name);
                }
            }
        }
        (self.stamps, self.count) = (listing.stamps, listing.count);
        Ok(())
    }

    async fn read(&mut self, session: &Session, args: &PruneArgs, errors: &mut Errors) {
        let names = distinct(&args.names);
        for (index, name) in names.iter().enumerate() {
            let look = match session.look(name, Keep::Facts).await {
                Ok(look) => look,
                Err(error) => {
                    if errors.say_of(index, &error) == Next::Stop {
                        errors.left_out(&names[index + 1..]);
                        return;
                    }
                    continue;
                }
            };
            self.count += 1;
            let seen = Observation::first(look.record, SystemClock.now(), look.row.date);
            let candidate = Candidate {
                place: index,
                row: look.row,
                seen,
            };
            let state = candidate.row.condition.state;
            if !self.add(args, candidate) {
                let why = passed(state, args.older_than);
                terminal::say(&format!("lease \"{name}\" is left: {why}"));
            }
        }
    }

    /// Adds one to what it is; `false` if it is not asked for.
    fn add(&mut self, args: &PruneArgs, candidate: Candidate) -> bool {
        let terms = PruneTerms {
            older_than: args.older_than,
            identities: args.class.contains(&ClassArg::ApiServer),
        };
        let verdict = judge(&terms, &candidate.row, candidate.seen.record());
        let namespace = &candidate.row.lease.namespace;
        if verdict != Verdict::Passed && leaves_out(args, namespace) {
            self.leave(format!("in {namespace} (-n {namespace} looks there)"));
            return true;
        }
        match verdict {
            Verdict::Passed => return false,
            Verdict::Pruned => self.candidates.push(candidate),
            Verdict::PrunedWithoutNode(name) => self.heartbeats.push((name, candidate)),
            Verdict::Spared(Keeper::Election) => self.leave("of coordinated elections".to_owned()),
            Verdict::Spared(Keeper::EtcdDruid) => self.leave("of etcd-druid".to_owned()),
            Verdict::SparedSlot => {
                self.leave("of slots, which say how many there are".to_owned());
            }
            Verdict::Spared(Keeper::ApiServer | Keeper::Node(_) | Keeper::Waiter(_)) => {
                self.leave("of API servers (--class apiserver takes them)".to_owned());
            }
        }
        true
    }

    fn leave(&mut self, why: String) {
        *self.left.entry(why).or_default() += 1;
    }

    /// Of heartbeats those are pruned whose Node is known not to be there.
    async fn judge_heartbeats(&mut self, session: &Session, errors: &mut Errors) {
        if self.heartbeats.is_empty() {
            return;
        }
        let nodes = objects::all(&session.store, "/api/v1/nodes", PAGE, session.request_limit);
        let heartbeats = std::mem::take(&mut self.heartbeats);
        let nodes = match nodes.await {
            Ok(nodes) => nodes,
            Err(fault) => {
                let _ = errors.say(&unseen(&fault, heartbeats.len()));
                return;
            }
        };
        for (name, candidate) in heartbeats {
            let namespace = String::new();
            if nodes.contains(&Named { namespace, name }) {
                self.leave("of Nodes that exist".to_owned());
            } else {
                self.candidates.push(candidate);
            }
        }
        let key = |one: &Candidate| {
            let lease = &one.row.lease;
            (lease.namespace.clone(), lease.name.clone())
        };
        self.candidates.sort_by_key(key);
    }
}

fn unseen(fault: &Fault, count: usize) -> Error {
    let why = match fault.rejected() {
        Some(RejectionKind::Forbidden) => "no permission to list nodes".to_owned(),
        _ => format!("the nodes cannot be listed: {fault}"),
    };
    let left = format!("error: {why}: heartbeats are left whose Nodes may exist: {count}");
    let namespace = None;
    let fault = fault.clone();
    let advice = Error::Api { namespace, fault }.lines().into_iter().skip(1);
    Error::NotMet {
        lines: [left].into_iter().chain(advice).collect(),
        exit: Exit::API,
    }
}
