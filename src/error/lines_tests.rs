//! What is said of everything that ends a subcommand before or beside an operation on a Lease, and its exit code: a snapshot.

use std::io;

use std::path::PathBuf;

use super::*;
use crate::lease::api::{ConnectFailure, TransportError, Unusable};
use crate::server::error::{ConfigError, Entry, LookedFor};

/// The situation, what is said, and the exit code.
fn told(errors: impl IntoIterator<Item = (&'static str, Error)>) -> String {
    let told = errors.into_iter().map(|(situation, error)| {
        let (lines, code) = (error.lines().join("\n"), error.exit().0);
        format!("## {situation}: exit {code}\n{lines}\n\n")
    });
    told.collect()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn looked_for(by_environment: bool, paths: &[&str]) -> LookedFor {
    LookedFor {
        by_environment,
        paths: paths.iter().map(PathBuf::from).collect(),
    }
}

#[test]
#[cfg_attr(
    windows,
    ignore = "what Unix says of a full disk is in it, and how its shells are used"
)]
fn every_error_but_those_of_one_lease_says_what_happened_and_what_to_do() {
    let config = Error::Config;
    let no_kubeconfig = |by_environment, paths: &[&str]| {
        config(ConfigError::NoKubeconfig(looked_for(by_environment, paths)))
    };
    let no_context = |known: &[&str]| {
        config(ConfigError::NoCurrentContext {
            known: names(known),
        })
    };
    let no_such = |entry, name: &str, named_by: Option<&str>, known| {
        config(ConfigError::NoSuchEntry {
            entry,
            name: name.to_owned(),
            named_by: named_by.map(str::to_owned),
            known,
        })
    };
    let many = (0..30).map(|number| format!("c-{number}")).collect();
    let choose = ConfigError::NothingToChoose {
        flag: "--context",
        what: "context \"prod\"".to_owned(),
        looked_for: looked_for(false, &["/nowhere/.kube/config"]),
    };
    let command = |words: &[&str]| Error::Command {
        words: names(words),
        why: io::Error::from(io::ErrorKind::NotFound),
    };
    let list = Error::Api {
        namespace: None,
        fault: Fault::Unknown("no answer within 1s".to_owned()),
    };
    let exists = Error::AlreadyExists {
        name: "job".to_owned(),
        namespace: "team".to_owned(),
    };
    let despite = Error::Despite {
        why: Box::new(Error::Unsaid(Unsaid::TooLate)),
        then: names(&["It was given back."]),
    };
    let (what, next) = ("cannot use it".to_owned(), "Check it".to_owned());
    let file = config(ConfigError::File { what, next });
    let (what, next) = ("it differs".to_owned(), "Look".to_owned());
    let not_as_asked = Error::NotAsAsked { what, next };
    let home = "/nowhere/.kube/config";
    let unusable = ConfigError::Kubeconfig("/x: why".to_owned());
    let told = told([
        ("usage", Error::Usage("give one".to_owned())),
        ("a kubeconfig of no use", config(unusable)),
        ("no variable and no home", no_kubeconfig(false, &[])),
        ("no variable", no_kubeconfig(false, &[home])),
        ("an empty variable", no_kubeconfig(true, &[])),
        ("a variable of one", no_kubeconfig(true, &["/nowhere/a"])),
        (
            "a variable of two",
            no_kubeconfig(true, &["/nowhere/a", "/nowhere/b"]),
        ),
        (
            "an empty file",
            no_kubeconfig(true, &["/nowhere/a", "/dev/null"]),
        ),
        ("nothing to choose from", config(choose)),
        ("no current context", no_context(&["dev", "prod"])),
        ("no context at all", no_context(&[])),
        ("one of many", no_such(Entry::Context, "d", None, many)),
        (
            "a user that a context names",
            no_such(Entry::User, "alcie", Some("dev"), names(&["alice"])),
        ),
        ("a list that failed", list),
        ("no namespace", Error::NamespaceMissing("team".to_owned())),
        ("it exists", exists),
        ("no such command", command(&["no-such"])),
        ("a word of the shell", command(&["cd", "/tmp"])),
        ("an empty command", command(&[""])),
        ("hold's own", Error::Hold("cannot start: no".to_owned())),
        ("a reader that went away", Error::BrokenPipe),
        ("nobody reads", Error::Unsaid(Unsaid::NobodyReads)),
        ("too late", Error::Unsaid(Unsaid::TooLate)),
        ("interrupted", Error::Unsaid(Unsaid::Interrupted(15))),
        ("despite", despite),
        ("a file", file),
        ("not as asked", not_as_asked),
        ("anything else", Error::Local("no room".to_owned())),
    ]);
    insta::assert_snapshot!(told);
}

#[test]
fn every_request_that_did_not_get_there_says_what_to_look_at() {
    let connect = |why| TransportError::Connect {
        server: "https://s".to_owned(),
        detail: "why".to_owned(),
        why,
    };
    let refused = TransportError::Refused {
        server: "https://s".to_owned(),
    };
    let unusable = Unusable {
        detail: "the plugin failed".to_owned(),
        said: names(&["  please log in"]),
    };
    let not_sent = |error| Error::Api {
        namespace: Some("team".to_owned()),
        fault: Fault::NotSent(error),
    };
    let other = ConnectFailure::OtherNames(names(&["a.example", "b.example"]));
    let ways = [
        ("refused", refused),
        ("a name", connect(ConnectFailure::Name)),
        ("silence", connect(ConnectFailure::Silence)),
        ("an authority", connect(ConnectFailure::Authority)),
        ("a certificate", connect(ConnectFailure::Certificate)),
        ("its time", connect(ConnectFailure::Validity)),
        ("other names", connect(other)),
        ("no names", connect(ConnectFailure::OtherNames(Vec::new()))),
        ("the client's", connect(ConnectFailure::ClientCertificate)),
        ("no TLS", connect(ConnectFailure::NoTls)),
        ("a proxy", connect(ConnectFailure::Proxy)),
        ("anything else", connect(ConnectFailure::Other)),
        ("credentials", TransportError::Credentials(unusable)),
        ("slow", TransportError::Slow("nothing within 1s".to_owned())),
    ];
    let ways = ways.map(|(situation, error)| (situation, not_sent(error)));
    let api = |fault| Error::Api {
        namespace: None,
        fault,
    };
    let (server, answer) = ("https://s".to_owned(), "an HTML page".to_owned());
    let answers = [
        ("foreign", api(Fault::Foreign { server, answer })),
        ("not stored", api(Fault::NotStored("it differs".to_owned()))),
    ];
    let told = told(ways.into_iter().chain(answers));
    insta::assert_snapshot!(told);
}
