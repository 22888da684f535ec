//! What kind of value each argument takes, where clap does not know its possible values.

use clap::Arg;

/// What the kubeconfig has names of.
#[derive(Clone, Copy, Debug)]
pub enum Section {
    /// Its contexts.
    Contexts,
    /// Its clusters.
    Clusters,
    /// Its users.
    Users,
}

/// Words, each with what it means.
type Words = &'static [(&'static str, &'static str)];

/// Where the values of an argument come from.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// These words.
    Words(&'static [Words]),
    /// The names of the namespace's Leases.
    Leases,
    /// The holders of the namespace's Leases, or of the one that was named.
    Holders,
    /// The cluster's namespaces.
    Namespaces,
    /// The names in the kubeconfig.
    Configured(Section),
    /// Files: the shell knows them better.
    Files,
    /// Anything: there is nothing to offer.
    Free,
}

const VALUE_FORMATS: Words = &[
    ("json", "JSON"),
    ("yaml", "YAML"),
    ("jsonpath=", "A template over the document"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
];

const OBJECT_FORMATS: Words = &[
    ("name", "Just `lease.coordination.k8s.io/NAME`"),
    ("json", "The Lease as JSON"),
    ("yaml", "The Lease as YAML"),
    ("jsonpath=", "A template over the lease"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
];

const ENVIRONMENT: Words = &[(
    "env",
    "`export KUBECTL_LEASE_HOLDER=…` and the fencing token, for eval in a shell",
)];

const STATUS_FORMATS: Words = &[
    ("wide", "The table with more columns"),
    ("json", "JSON"),
    ("yaml", "YAML"),
    ("name", "Just lease.coordination.k8s.io/NAME"),
    ("prometheus", "Samples for a textfile collector"),
    ("jsonpath=", "A template over the JSON document"),
    ("jsonpath-as-json=", "What a template finds, as JSON"),
    ("jsonpath-file=", "A template in a file"),
    ("custom-columns=", "A table of HEADER:PATH,…"),
    ("custom-columns-file=", "The same in a file"),
];

const ORDERS: Words = &[
    ("name", "By namespace and name"),
    ("renewed", "Longest not renewed first"),
    ("expires", "Next to expire first"),
    ("transitions", "Most transitions first"),
    ("age", "Oldest first"),
];

const CONDITIONS: Words = &[
    ("free", "Nobody holds it"),
    ("held", "Somebody holds it, and is alive"),
    ("expired", "Somebody holds it, and is proven to be over"),
    ("deleted", "It is gone"),
    ("holder=", "This identity holds it"),
    ("not-holder=", "This identity does not hold it"),
];

const TRUTHS: Words = &[("true", ""), ("false", "")];

const SIGNALS: Words = &[
    ("TERM", "Ask to end"),
    ("INT", "As Ctrl-C"),
    ("HUP", "As a terminal that went away"),
    ("QUIT", "End with a core dump"),
    ("USR1", "The command's own meaning"),
    ("USR2", "The command's own meaning"),
    ("KILL", "End at once, with no chance to clean up"),
];

/// client-go's k8s.io/api/coordination/v1 knows this one.
const STRATEGIES: Words = &[(
    "OldestEmulationVersion",
    "The candidate with the oldest emulation version leads",
)];

/// Where the values of `argument` of `command` come from.
pub fn kind(command: &str, argument: &Arg) -> Kind {
    match (command, argument.get_id().as_str()) {
        ("create", "name") => Kind::Free,
        (_, "name") => Kind::Leases,
        ("create" | "acquire" | "hold" | "steal" | "failover", "holder") => Kind::Free,
        ("failover", "to") => Kind::Free,
        (_, "holder" | "if_holder" | "held_by") => Kind::Holders,
        (_, "namespace") => Kind::Namespaces,
        (_, "context") => Kind::Configured(Section::Contexts),
        (_, "cluster") => Kind::Configured(Section::Clusters),
        (_, "user") => Kind::Configured(Section::Users),
        (_, "kubeconfig" | "certificate_authority" | "client_certificate" | "client_key") => {
            Kind::Files
        }
        (_, "outcome_file" | "cache_dir" | "kuberc" | "profile_output" | "command" | "dir") => {
            Kind::Files
        }
        ("status", "output") => Kind::Words(&[STATUS_FORMATS]),
        ("version" | "can-i", "output") => Kind::Words(&[VALUE_FORMATS]),
        ("acquire" | "steal", "output") => Kind::Words(&[ENVIRONMENT, OBJECT_FORMATS]),
        (_, "output") => Kind::Words(&[OBJECT_FORMATS]),
        (_, "awaited") => Kind::Words(&[CONDITIONS]),
        (_, "sort_by") => Kind::Words(&[ORDERS]),
        (_, "allow_missing_template_keys") => Kind::Words(&[TRUTHS]),
        (_, "on_lost") => Kind::Words(&[SIGNALS]),
        (_, "strategy") => Kind::Words(&[STRATEGIES]),
        _ => Kind::Free,
    }
}
