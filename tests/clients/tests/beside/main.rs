//! Other lease clients and the built binary on one Lease, each as its authors publish it: nobody plays their part here.
#![cfg(target_os = "linux")]

mod binary;
mod candidate;
mod clock;
mod election;
mod handover;
mod kubert;
mod late;
mod left;
mod python;
mod scene;
mod skewed;
mod waiting;
mod worker;
