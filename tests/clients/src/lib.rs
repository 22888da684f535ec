//! Nothing: what this member has are its tests, and the clients that they try are test dependencies.
