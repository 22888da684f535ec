//! `hold` on Windows: job objects, console events and statuses of 32 bits, where the other tests have signals and groups.

mod command;
mod console;
mod descendants;
mod loss;
mod scene;
mod supervisor;
mod watchdog;
