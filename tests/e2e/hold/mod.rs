//! `hold`: real commands under a lease, each fault by name, on either server.

mod acknowledged;
mod again;
mod again_labelled;
#[cfg(unix)] // named pipes
mod begin;
mod cancelled;
#[cfg(unix)] // signals
mod chaos;
#[cfg(unix)] // shells and what they leave
mod children;
mod cleanup;
mod command_words;
#[cfg(unix)] // plugins as shell scripts
mod credentials;
#[cfg(unix)] // sessions and signals
mod descendants;
mod durations;
#[cfg(unix)] // terminals
mod foreground;
#[cfg(unix)] // /proc and signals
mod guarded;
mod interruption;
#[cfg(unix)] // job control
mod jobs;
mod label_faults;
pub mod label_pod;
#[cfg(unix)] // resource limits
mod limits;
mod loss;
#[cfg(unix)] // /etc/hosts of a namespace of its own
mod names;
#[cfg(unix)] // other users, and namespaces
mod others;
#[cfg(unix)] // the sockets in /proc
mod outage;
mod outcome_file;
#[cfg(unix)] // /proc
mod proc;
#[cfg(unix)] // signals; tests/e2e/windows has the like
mod processes;
mod rotation;
pub mod scene;
mod script;
#[cfg(target_os = "linux")] // LD_PRELOAD
mod slewed;
mod start;
mod steal;
#[cfg(unix)] // terminals
mod terminal;
mod thrift;
#[cfg(unix)] // /dev/full and full pipes
mod unread;
#[cfg(unix)] // the watchdog's socket
mod watchdog;
#[cfg(unix)] // process groups
mod wide;
