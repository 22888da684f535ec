//! `hold`: real commands under a lease, each fault by name, on either server.

mod chaos;
mod children;
mod contest;
mod credentials;
mod interruption;
mod loss;
mod names;
mod outage;
mod processes;
mod replies;
mod rotation;
mod scene;
mod start;
mod terminal;
mod thrift;
mod watchdog;
