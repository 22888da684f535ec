//! `hold`: real commands under a lease, each fault by name, on either server.

mod acknowledged;
mod again;
mod again_labelled;
mod begin;
mod cancelled;
mod chaos;
mod children;
mod cleanup;
mod command_words;
mod credentials;
mod descendants;
mod durations;
mod foreground;
mod guarded;
mod interruption;
mod jobs;
mod label_faults;
pub mod label_pod;
mod limits;
mod loss;
mod names;
mod others;
mod outage;
mod outcome_file;
mod proc;
mod processes;
mod rotation;
pub mod scene;
#[cfg(target_os = "linux")]
mod slewed;
mod start;
mod steal;
mod terminal;
mod thrift;
mod unread;
mod watchdog;
mod wide;
