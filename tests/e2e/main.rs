//! The built binary, end to end: against the in-process server, or a real kube-apiserver where KUBEBUILDER_ASSETS names one.
#![cfg(unix)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests read clocks to bound what they wait for, and print what they measured"
)]

mod acquire;
mod can_i;
mod check;
mod clocks;
mod completion;
mod completion_shells;
mod create;
mod credentials;
mod doubled;
mod dry_run;
mod endless;
mod events;
mod events_beside;
mod examples;
mod exec_plugins;
mod failover;
mod failover_elected;
mod field_manager;
mod first_contact;
mod formats;
mod granted;
mod help;
mod hints;
mod hold;
mod hostile;
mod identity;
mod impersonation;
mod interrupts;
mod leaders;
mod left_behind;
mod named;
mod nesting;
mod other_clients;
mod others_events;
mod others_outcomes;
mod outcomes;
mod passwords;
mod plugin;
mod plugin_rules;
mod proxies;
mod prune;
mod prune_races;
mod quiet;
mod races;
mod release;
mod release_force;
mod release_many;
mod replies;
mod requests;
mod runbooks;
mod several;
mod slots;
mod stale_tokens;
mod stamps;
mod status;
mod status_gone;
mod status_history;
mod status_holder;
mod status_pages;
mod status_prometheus;
mod status_proof;
mod status_schema;
mod status_screen;
mod status_select;
mod status_silence;
mod status_terminals;
mod status_watch;
mod steal;
mod steal_many;
mod steal_prompt;
mod support;
mod terminating;
mod together;
mod unread;
mod unread_changes;
mod usage;
mod wait;
mod waiting;
mod warned;
mod webhooks;
