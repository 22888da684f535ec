//! `hold`: real commands under a lease, behind faults.
