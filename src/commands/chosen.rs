//! The leases that one call is about, by their names or by what selects them: read, shown in one list, asked about once.

mod left;

use super::Session;
use super::confirm::confirmed;
use super::several::{Errors, Next, is_the_clusters_own};
use super::status::list::nothing;
use super::status::select::{is_held_by, is_state, one_of};
use crate::cli::SelectionArgs;
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Subject};
use crate::lease::decide::{Agreement, Refusal, Seen};
use crate::lease::evidence::{Observation, Stamps};
use crate::lease::operate::list::{Listed, Listing};
use crate::lease::operate::{End, Interrupt};
use crate::lease::record::{Keep, Lease, Record};
use crate::lease::report::{Row, State};
use crate::lease::summary::Class;
use crate::lease::values::LeaseName;
use crate::output::status::table::{Layout, Printer};
use crate::output::terminal;
use crate::server::Selection;

pub use left::{Left, some};

/// A lease that was chosen, as it was then.
pub struct Chosen {
    /// Its place among those that were named, or listed.
    pub place: usize,
    /// Its name.
    pub name: LeaseName,
    /// What there is to say of it.
    pub row: Row,
    /// The record, and since when it is known.
    pub seen: Observation,
}

impl Chosen {
    /// The record.
    pub fn record(&self) -> &Record {
        self.seen.record()
    }

    /// As an operation begins with.
    pub fn seen(&self) -> Seen {
        Seen::Lease(self.seen.clone())
    }

    /// What a yes to the list is about.
    pub fn agreement(&self) -> Agreement {
        Agreement {
            record: self.record().clone(),
            expired: self.row.condition.state == State::Expired,
        }
    }
}

/// The leases of a call.
pub struct Choice {
    /// Those that were chosen, as they are listed.
    pub all: Vec<Chosen>,
    /// What was left out, and why.
    pub left: Left,
    /// What the server's stamps are worth, as far as that was asked.
    pub stamps: Stamps,
    /// Whether they are of all namespaces.
    pub everywhere: bool,
    /// Whether they were named, so that each has to be answered for.
    pub by_name: bool,
}

/// What cannot be meant; nothing is sent then. `from_anybody`: whoever holds the lease.
///
/// # Errors
/// Which flag says too little.
pub fn check(selection: &SelectionArgs, from_anybody: bool) -> Result<(), Error> {
    if let Some(flag) = selection.empty() {
        return Err(Error::Usage(format!(
            "{flag} is given with nothing, as if by a variable that is not set: leave it out to choose without it"
        )));
    }
    if from_anybody && selection.all_namespaces && !selection.narrows() {
        return Err(Error::Usage(
            "-A alone would choose every lease of the cluster, whoever holds it: say which with -l, --field-selector, --held-by or --state".to_owned(),
        ));
    }
    Ok(())
}

impl Choice {
    /// Those that were named, each once; what is not there is an error of its own, unless `ignores` it.
    pub async fn named(
        session: &Session,
        names: &[&LeaseName],
        errors: &mut Errors,
        subject: impl Fn(&LeaseName) -> Subject,
        ignores: impl Fn(&Error) -> bool,
    ) -> Self {
        let mut all = Vec::new();
        let mut stamps = Stamps::Unknown;
        for (index, name) in names.iter().enumerate() {
            let end = match session.lease(name).look(Keep::Facts).await {
                Ok(Some(look)) => {
                    let seen = Observation::first(look.record, SystemClock.now(), look.row.date);
                    if look.stamps != Stamps::Unknown {
                        stamps = look.stamps;
                    }
                    all.push(Chosen {
                        place: index,
                        name: (*name).clone(),
                        row: look.row,
                        seen,
                    });
                    continue;
                }
                Ok(None) => End::Refused(Refusal::NotFound),
                Err(fault) => End::Fault(fault),
            };
            let error = session.error(subject(name), end).await;
            if ignores(&error) {
                continue;
            }
            if errors.say_of(index, &error) == Next::Stop {
                errors.left_out(&names[index + 1..]);
                break;
            }
        }
        Self {
            all,
            left: Left::default(),
            stamps,
            everywhere: false,
            by_name: true,
        }
    }

    /// Those that a selection has. Where they are taken `from_anybody`, the cluster's own are not reached from outside.
    ///
    /// # Errors
    /// As every request.
    pub async fn selected(
        session: &Session,
        selection: &SelectionArgs,
        from_anybody: bool,
    ) -> Result<Self, Error> {
        let namespace = (!selection.all_namespaces).then(|| session.namespace.clone());
        let leases = session.leases(Selection {
            namespace: namespace.clone(),
            label_selector: selection.selector.clone(),
            field_selector: selection.field_selector.clone(),
        });
        let listed = Listed {
            keep: Keep::ObjectsWhole,
            page_size: None,
            limit: session.request_limit,
        };
        let mut listing = Listing::new(leases, listed);
        let (mut all, mut left, mut count) = (Vec::new(), Left::default(), 0);
        loop {
            let (rows, place) = match listing.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(fault) => return Err(Error::Api { namespace, fault }),
            };
            if place.anew {
                (all, left, count) = (Vec::new(), Left::default(), 0);
            }
            let at = SystemClock.now();
            count += rows.len();
            for row in rows {
                let held_by = selection.held_by.as_ref();
                let wanted = one_of(&selection.state, |state| {
                    is_state(row.condition.state, state)
                }) && held_by.is_none_or(|pattern| is_held_by(&row, pattern));
                if !wanted {
                    continue;
                }
                if row.lease.class == Class::Waiter {
                    left.in_line += 1;
                    continue;
                }
                let own = is_the_clusters_own(&row.lease.namespace);
                if from_anybody && selection.all_namespaces && own {
                    left.the_clusters_own += 1;
                    continue;
                }
                // What is not one, or not of a name that one can have, is nobody's to write.
                let object = row.lease.object.as_deref().cloned().unwrap_or_default();
                if let (Ok(record), Ok(name)) = (Record::listed(object), row.lease.name.parse()) {
                    let seen = Observation::first(record, at, row.date);
                    all.push(Chosen {
                        place: all.len(),
                        name,
                        row,
                        seen,
                    });
                }
            }
        }
        if count == 0 {
            nothing(session, selection.all_namespaces).await?;
        } else if all.is_empty() && left.count() == 0 {
            terminal::say(&format!(
                "None of {count} leases is chosen by these filters"
            ));
        }
        Ok(Self {
            all,
            left,
            stamps: listing.stamps,
            everywhere: selection.all_namespaces,
            by_name: false,
        })
    }

    /// How many there are, those that were left out included.
    pub fn count(&self) -> usize {
        self.all.len() + self.left.count()
    }

    /// The session that a lease is written with.
    pub fn session(&self, session: &Session, chosen: &Chosen) -> Session {
        match self.everywhere {
            true => session.in_namespace(&chosen.row.lease.namespace),
            false => session.in_namespace(&session.namespace),
        }
    }

    /// What a lease is called among them.
    pub fn label(&self, chosen: &Chosen) -> String {
        let lease = &chosen.row.lease;
        match self.everywhere {
            true => format!("{:?} in namespace {}", lease.name, lease.namespace),
            false => format!("{:?}", lease.name),
        }
    }

    /// What was done to it, for a line that names it.
    pub fn verb(&self, verb: &str, lease: &Lease) -> String {
        match self.everywhere {
            true => format!("{verb} in namespace {}", lease.namespace()),
            false => verb.to_owned(),
        }
    }

    /// Shows them all as `status` lists them, with warnings below, and asks `question` unless `yes`.
    ///
    /// # Errors
    /// When the answer is no, or cannot be had.
    pub async fn agreed(
        &self,
        warnings: &[String],
        question: &str,
        yes: bool,
        interrupt: &Interrupt,
    ) -> Result<(), End> {
        self.show(warnings);
        confirmed(yes, question, interrupt).await
    }

    /// Shows them all as `status` lists them, with warnings below.
    pub fn show(&self, warnings: &[String]) {
        let rows: Vec<Row> = self.all.iter().map(|chosen| chosen.row.clone()).collect();
        let layout = Layout {
            namespaces: self.everywhere,
            width: terminal::is_watched().then(terminal::width_of_questions),
            ascii: terminal::is_ascii(),
            words: !terminal::is_watched(),
            ..Layout::default()
        };
        for line in Printer::new(layout).page(&rows, &[]).lines() {
            terminal::say(line);
        }
        for line in warnings {
            terminal::say(line);
        }
    }
}

/// `these 3 leases`
pub fn these(count: usize) -> String {
    match count {
        1 => "this lease".to_owned(),
        count => format!("these {count} leases"),
    }
}
