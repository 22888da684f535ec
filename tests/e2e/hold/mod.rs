//! `hold`: real commands under a lease, each fault by name, on either server.

mod altered;
mod chaos;
mod children;
mod contest;
mod credentials;
mod durations;
mod interruption;
mod late;
mod loss;
mod outage;
mod processes;
mod replies;
mod scene;
mod start;
mod storm;
mod terminal;
mod thrift;
mod watchdog;
