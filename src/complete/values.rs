//! What kind of value each argument takes, where clap does not know its possible values.

use clap::Arg;

/// Where the values of an argument come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// These words, each with what it means.
    Words(&'static [(&'static str, &'static str)]),
    /// The names of the namespace's Leases.
    Leases,
    /// The holders of the namespace's Leases, or of the one that was named.
    Holders,
    /// The cluster's namespaces.
    Namespaces,
    /// The kubeconfig's contexts.
    Contexts,
    /// The kubeconfig's clusters.
    Clusters,
    /// The kubeconfig's users.
    Users,
    /// Files: the shell knows them better.
    Files,
    /// Anything: there is nothing to offer.
    Free,
}

const VALUE_FORMATS: &[(&str, &str)] = &[
    ("json", "JSON"),
    ("yaml", "YAML"),
    ("jsonpath=", "A template over the document"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
];

const OBJECT_FORMATS: &[(&str, &str)] = &[
    ("name", "Just `lease.coordination.k8s.io/NAME`"),
    ("json", "The Lease as JSON"),
    ("yaml", "The Lease as YAML"),
    ("jsonpath=", "A template over the lease"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
];

const GRANT_FORMATS: &[(&str, &str)] = &[
    (
        "env",
        "`export KUBECTL_LEASE_HOLDER=…` and the fencing token, for eval in a shell",
    ),
    ("name", "Just `lease.coordination.k8s.io/NAME`"),
    ("json", "The Lease as JSON"),
    ("yaml", "The Lease as YAML"),
    ("jsonpath=", "A template over the lease"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
];

const STATUS_FORMATS: &[(&str, &str)] = &[
    ("wide", "The table with more columns"),
    ("json", "JSON"),
    ("yaml", "YAML"),
    ("name", "Just lease.coordination.k8s.io/NAME"),
    ("jsonpath=", "A template over the JSON document"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
    ("custom-columns=", "A table of HEADER:PATH,…"),
    ("custom-columns-file=", "The same in a file"),
];

const ORDERS: &[(&str, &str)] = &[
    ("name", "By namespace and name"),
    ("renewed", "Longest not renewed first"),
    ("expires", "Next to expire first"),
    ("transitions", "Most transitions first"),
    ("age", "Oldest first"),
];

const TRUTHS: &[(&str, &str)] = &[("true", ""), ("false", "")];

const SIGNALS: &[(&str, &str)] = &[
    ("TERM", "Ask to end"),
    ("INT", "As Ctrl-C"),
    ("HUP", "As a terminal that went away"),
    ("QUIT", "End with a core dump"),
    ("USR1", "The command's own meaning"),
    ("USR2", "The command's own meaning"),
    ("KILL", "End at once, with no chance to clean up"),
];

/// client-go's k8s.io/api/coordination/v1 knows this one.
const STRATEGIES: &[(&str, &str)] = &[(
    "OldestEmulationVersion",
    "The candidate with the oldest emulation version leads",
)];

/// Where the values of `argument` of `command` come from; `None` if nobody has thought about it.
pub fn kind(command: &str, argument: &Arg) -> Option<Kind> {
    Some(match (command, argument.get_id().as_str()) {
        ("create", "name") => Kind::Free,
        (_, "name") => Kind::Leases,
        ("create" | "acquire" | "hold" | "steal", "holder") => Kind::Free,
        (_, "holder" | "if_holder") => Kind::Holders,
        (_, "namespace") => Kind::Namespaces,
        (_, "context") => Kind::Contexts,
        (_, "cluster") => Kind::Clusters,
        (_, "user") => Kind::Users,
        (
            _,
            "kubeconfig"
            | "certificate_authority"
            | "client_certificate"
            | "client_key"
            | "cache_dir"
            | "kuberc"
            | "profile_output"
            | "command"
            | "dir",
        ) => Kind::Files,
        ("status", "output") => Kind::Words(STATUS_FORMATS),
        ("version", "output") => Kind::Words(VALUE_FORMATS),
        ("acquire" | "steal", "output") => Kind::Words(GRANT_FORMATS),
        (_, "output") => Kind::Words(OBJECT_FORMATS),
        (_, "sort_by") => Kind::Words(ORDERS),
        (_, "allow_missing_template_keys") => Kind::Words(TRUTHS),
        (_, "on_lost") => Kind::Words(SIGNALS),
        (_, "strategy") => Kind::Words(STRATEGIES),
        (
            _,
            "server"
            | "token"
            | "username"
            | "password"
            | "vmodule"
            | "impersonate"
            | "impersonate_groups"
            | "impersonate_uid"
            | "impersonate_extra"
            | "tls_server_name"
            | "request_timeout"
            | "duration"
            | "timeout"
            | "kill_after"
            | "renew_every"
            | "reason"
            | "labels"
            | "annotations"
            | "preferred_holder"
            | "conflict_exit_code"
            | "selector"
            | "field_selector"
            | "label_columns"
            | "chunk_size"
            | "template"
            | "profile"
            | "log_flush_frequency",
        ) => Kind::Free,
        _ => return None,
    })
}
