//! The built binary, end to end: against the in-process server, or a real kube-apiserver where KUBEBUILDER_ASSETS names one.
#![cfg_attr(
    not(unix),
    allow(dead_code, unused_imports, reason = "what only tests for Unix use")
)]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests read clocks to bound what they wait for, and print what they measured"
)]

lease_harness::portable_commands!();

mod acquire;
mod can_i;
#[cfg(unix)] // signals and a terminal
mod can_i_asked;
mod check;
mod clocks;
#[cfg(unix)] // symbolic links and plugins as shell scripts
mod completion;
#[cfg(unix)] // POSIX shells
mod completion_shells;
mod create;
mod credentials;
mod doubled;
mod doubted;
mod doubted_takeovers;
mod dry_run;
#[cfg(unix)] // plugins as shell scripts
mod endless;
mod events;
mod events_beside;
#[cfg(unix)] // POSIX shells
mod examples;
#[cfg(unix)] // plugins as shell scripts
mod exec_plugins;
mod failover;
mod failover_elected;
mod failover_ends;
mod failover_names;
mod field_manager;
mod first_contact;
mod formats;
mod granted;
#[cfg(unix)] // examples as shells run them
mod help;
mod hints;
mod hold;
#[cfg(unix)] // terminals
mod hostile;
mod identity;
mod impersonation;
mod interrupts;
mod leaders;
mod left_behind;
#[cfg(unix)] // pasted into a POSIX shell
mod named;
mod nesting;
mod other_clients;
mod others_events;
mod others_outcomes;
mod outcomes;
mod overtaken;
mod passwords;
#[cfg(unix)] // kubectl on a POSIX PATH
mod plugin;
#[cfg(unix)] // plugins as shell scripts
mod plugin_rules;
mod proxies;
mod prune;
mod prune_races;
mod queue;
mod quiet;
mod races;
mod release;
mod release_force;
mod release_ignored;
mod release_many;
mod replies;
mod requests;
#[cfg(unix)] // POSIX shells
mod runbooks;
mod several;
mod slots;
#[cfg(unix)] // plugins as shell scripts
mod stale_tokens;
mod stamps;
mod status;
mod status_gone;
mod status_history;
mod status_holder;
mod status_pages;
mod status_prometheus;
mod status_proof;
mod status_queue;
mod status_schema;
#[cfg(unix)] // terminals
mod status_screen;
mod status_select;
mod status_silence;
#[cfg(unix)] // terminals
mod status_terminals;
mod status_watch;
mod steal;
mod steal_interrupted;
mod steal_many;
#[cfg(unix)] // terminals
mod steal_prompt;
mod steal_waves;
mod support;
mod terminating;
mod together;
#[cfg(unix)] // /dev/full and full pipes
mod unread;
#[cfg(unix)] // /dev/full and full pipes
mod unread_changes;
mod usage;
mod versions;
mod wait;
mod wait_over;
mod waiting;
mod warned;
mod webhooks;
#[cfg(windows)]
mod windows;
