//! The built binary, end to end: against the in-process server, or a real kube-apiserver where KUBEBUILDER_ASSETS names one.
#![cfg(unix)]

mod hold;
