//! What the modules of the suite share: a namespace with a user, and whole outputs compared at once.

pub mod elector;
pub mod relay;
pub mod schema;

use lease_harness::{
    Cluster, Command, Namespace, Output, Proxy, Request, Running, TERMINATED, User, is_wine, lease,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Far longer than anything here takes; a test that waits this long has failed.
pub const SOON: Duration = Duration::from_secs(20);

/// Every verb that the tool ever needs.
pub const VERBS: [&str; 5] = ["get", "list", "watch", "create", "update"];

/// Asks a command to end.
type Ask = fn(&Running);

/// What asks a command to end, and the status that it then has: Ctrl-C, a program, and a terminal that goes away.
pub const ASKED_TO_END: &[(Ask, i32)] = &[
    (Running::interrupt, 130),
    (Running::terminate, TERMINATED),
    #[cfg(unix)]
    (|running| running.signal(libc::SIGHUP), 129),
];

/// Says where the tool is, and gives the server that all tests share.
pub fn shared() -> &'static Cluster {
    lease_harness::set_binary(env!("CARGO_BIN_EXE_kubectl-lease"));
    Cluster::shared()
}

/// A namespace of the test's own, and a user with every verb on its Leases.
pub fn fresh() -> (Namespace, User) {
    let ns = shared().namespace();
    let user = ns.user(&VERBS);
    (ns, user)
}

/// The same on an in-process server with these options, for what only it can be told to do.
pub fn fresh_in_process(options: lease_harness::lease_api_server::Options) -> (Namespace, User) {
    lease_harness::set_binary(env!("CARGO_BIN_EXE_kubectl-lease"));
    let ns = Cluster::in_process(options).namespace();
    let user = ns.user(&VERBS);
    (ns, user)
}

/// A Lease held by `holder`, renewed just now, for `duration` seconds at a time.
pub fn held(name: &str, holder: &str, duration: i64) -> Value {
    lease(name)
        .holder(holder)
        .duration(duration)
        .acquired_ago(0, 0)
        .renewed_ago(0, 0)
        .transitions(3)
        .build()
}

/// A free Lease with a duration of a minute.
pub fn free(name: &str) -> Value {
    lease(name).holder("").duration(60).transitions(3).build()
}

/// What was said on stderr, without what a busy machine adds where it is not what is expected: an attempt that took too
/// long and was made again.
fn stderr_of(output: &Output, expected: &str) -> String {
    let slow =
        |line: &&str| line.starts_with("no answer within ") && line.ends_with("; trying again\n");
    let lines = output.stderr.split_inclusive('\n');
    lines
        .filter(|line| !slow(line) || expected.contains("no answer within "))
        .collect()
}

/// Everything a command said, compared at once.
#[track_caller]
pub fn said(output: &Output, code: i32, stdout: &str, stderr: &str) {
    let heard = stderr_of(output, stderr);
    assert_eq!(
        (output.code, output.stdout.as_str(), heard.as_str()),
        (Some(code), stdout, stderr),
        "\n{output}"
    );
}

/// How a command ended, and what it said on stdout.
#[track_caller]
pub fn ended(output: &Output, code: i32, stdout: &str) {
    let result = (output.code, output.stdout.as_str());
    assert_eq!(result, (Some(code), stdout), "{output}");
}

/// The same where parts of stderr are not ours to word: `pattern` has `…` for those.
#[track_caller]
pub fn said_like(output: &Output, code: i32, stdout: &str, pattern: &str) {
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(code), stdout),
        "\n{output}"
    );
    assert!(
        matches(&stderr_of(output, pattern), pattern),
        "stderr is not like\n{pattern}\nbut\n{output}"
    );
}

/// Whether `text` is `pattern` with each `…` standing for any text within its line.
pub fn matches(text: &str, pattern: &str) -> bool {
    let parts: Vec<String> = pattern.split('…').map(regex_lite::escape).collect();
    let pattern = format!("^{}$", parts.join("[^\n]*"));
    let pattern = regex_lite::Regex::new(&pattern).expect("parts are escaped");
    pattern.is_match(text)
}

/// Does this with every row at the same time, and names the rows that fail. Where programs start under Wine, the processors
/// are busy with that, and a few rows at a time are as fast.
pub fn each<T: std::fmt::Debug + Send>(
    rows: impl IntoIterator<Item = T>,
    check: impl Fn(T) + Sync,
) {
    let at_once = if is_wine() { 2 } else { usize::MAX };
    let (check, mut rows, mut failed) = (&check, rows.into_iter().peekable(), Vec::new());
    while rows.peek().is_some() {
        std::thread::scope(|scope| {
            let running: Vec<_> = rows
                .by_ref()
                .take(at_once)
                .map(|row| (format!("{row:?}"), scope.spawn(move || check(row))))
                .collect();
            let ended = running.into_iter();
            failed
                .extend(ended.filter_map(|(row, running)| running.join().is_err().then_some(row)));
        });
    }
    assert!(failed.is_empty(), "these rows failed: {failed:#?}");
}

/// Does this so many times, and more often until it has once taken less than `most`: a machine that is busy with other things
/// adds to some of them.
#[track_caller]
pub fn in_time_once(most: Duration, rounds: usize, mut round: impl FnMut(usize) -> Duration) {
    let mut all = Vec::new();
    while all.len() < rounds || !all.iter().any(|took| *took < most) {
        assert!(all.len() < rounds + 12, "never within {most:?}: {all:?}");
        all.push(round(all.len()));
    }
    println!("within {most:?}: {all:?}");
}

/// Waits until something is so that no output tells of.
#[track_caller]
pub fn wait_until(wanted: impl Fn() -> bool) {
    let begun = Instant::now();
    while !wanted() {
        assert!(begun.elapsed() < SOON, "not so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Renews as a holder does whose clock is `skew` seconds ahead (negative: behind).
pub fn renew(ns: &Namespace, name: &str, skew: i64) {
    ns.edit(name, |lease| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(skew);
        let text = time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        lease["spec"]["renewTime"] = text.into();
    });
}

/// Whoever holds the Lease, `by` is its holder from now on.
pub fn pass_to(ns: &Namespace, name: &str, by: &str) -> Value {
    ns.edit(name, |lease| lease["spec"]["holderIdentity"] = by.into())
}

/// Frees the Lease as its holder would.
pub fn set_free(ns: &Namespace, name: &str) {
    ns.edit(name, |lease| lease["spec"]["holderIdentity"] = "".into());
}

/// What a waiter says first.
pub fn waiting(lease: &str, holder: &str, at_most: &str) -> String {
    format!(
        "waiting for lease \"{lease}\": held by \"{holder}\" for at most {at_most} more unless renewed\n"
    )
}

/// Waits until a watch through the proxy is answered.
pub fn watching(proxy: &Proxy) {
    proxy.wait_for(
        |all| all.iter().any(|request| request.is_answered_watch()),
        SOON,
    );
}

/// `METHOD` of each request, `WATCH` for a watch; those of Events, which come beside them, are left out.
pub fn methods(requests: &[Request]) -> Vec<&str> {
    requests
        .iter()
        .filter(|request| !request.is_of_events() && !request.is_of_a_line())
        .map(|request| {
            if request.is_watch() {
                "WATCH"
            } else {
                request.method.as_str()
            }
        })
        .collect()
}

/// Checks that these were all methods, unless the server has ended a watch, which costs reads and another one. Whether it has not.
#[track_caller]
pub fn requested(requests: &[Request], expected: &[&str]) -> bool {
    let asked = methods(requests);
    let disturbed = requests.iter().any(|request| request.server_ended);
    match disturbed {
        true => assert!(asked.len() >= expected.len(), "{asked:?}"),
        false => assert_eq!(asked, expected),
    }
    !disturbed
}

/// The Lease's stored holder; empty when it is free.
pub fn holder(lease: &Value) -> &str {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default()
}

/// The Lease's stored transitions.
pub fn transitions(lease: &Value) -> i64 {
    lease["spec"]["leaseTransitions"]
        .as_i64()
        .unwrap_or_default()
}

/// The Lease in `ns`, which must be there.
#[track_caller]
pub fn stored(ns: &Namespace, name: &str) -> Value {
    ns.get(name).expect("the Lease is there")
}

/// Asserts that nothing was written since the Lease looked like this.
#[track_caller]
pub fn untouched(ns: &Namespace, before: &Value) {
    let name = before["metadata"]["name"].as_str().unwrap_or_default();
    assert_eq!(&stored(ns, name), before, "the Lease was written");
}

/// The advice that follows "not held by you".
pub fn not_held_by_you(ns: &Namespace, lease: &str, me: &str, other: &str) -> String {
    let flag = if me.contains(' ') {
        format!("'{me}'")
    } else {
        me.to_owned()
    };
    format!(
        "error: lease \"{lease}\" is not held by \"{me}\": it is held by \"{other}\"\n\
         Nothing was written. To take it over: kubectl lease steal {lease} -n {} --holder {flag}\n",
        ns.name()
    )
}

/// A namespace in which another holds the Lease `job`.
pub fn held_by_another() -> (Namespace, User) {
    let (ns, user) = fresh();
    ns.create(&held("job", "other", 60));
    (ns, user)
}

/// `status job -o name` with this as the kubeconfig's user.
pub fn status_as(ns: &Namespace, user: &User, credentials: &Value) -> Command {
    let mut config = ns.kubeconfig_json(user);
    config["users"][0]["user"] = credentials.clone();
    let file = ns.file("kubeconfig", config.to_string());
    ns.command(user, ["status", "job", "-o", "name"])
        .kubeconfig(file)
}

/// The error when a Lease is not there, for who looks at it.
pub fn not_found(ns: &Namespace, lease: &str) -> String {
    not_found_as_held(ns, lease)
}

/// The same for who wants to hold it.
pub fn not_found_to_take(ns: &Namespace, lease: &str) -> String {
    format!(
        "{}Create it with --create, or: kubectl lease create {lease} -n {}\n",
        absent(lease),
        ns.name()
    )
}

/// The same for who means to hold it already, or to take it from somebody.
pub fn not_found_as_held(ns: &Namespace, lease: &str) -> String {
    format!(
        "{}See which there are: kubectl lease status -n {}\n",
        absent(lease),
        ns.name()
    )
}

fn absent(lease: &str) -> String {
    format!("Error from server (NotFound): leases.coordination.k8s.io \"{lease}\" not found\n")
}

/// What prints a grant for a POSIX shell. On Windows no shell is around that the suite could be sure of.
pub const ENV: &str = if cfg!(windows) { "env=posix" } else { "env" };

/// Between a line of a hint and what is to follow it where it worked. On Windows no shell is around that the suite could be sure of.
pub const AND: &str = if cfg!(windows) {
    " and, if that worked: "
} else {
    " && "
};

/// The error of a missing verb, with the Role that grants it.
pub fn forbidden(
    ns: &Namespace,
    user: &User,
    verb: &str,
    lease: Option<&str>,
    call: &str,
) -> String {
    let named = lease.filter(|_| !matches!(verb, "create" | "list"));
    let quoted = named.map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let (subcommand, flags) = call.split_once(' ').unwrap_or((call, ""));
    let verbs = match (subcommand, lease) {
        ("create", _) => "create",
        ("acquire" | "hold", _) if flags.contains("--create") => "get,update,watch,create",
        ("acquire" | "hold" | "steal", _) => "get,update,watch",
        ("status", Some(_)) => "get",
        ("status", None) => "list",
        _ => "get,update",
    };
    let only = named.filter(|_| !verbs.contains("create"));
    let of = only.map(|name| format!(":{name}")).unwrap_or_default();
    let role = format!("lease-{}{of}", verbs.replace(',', "-"));
    let only = only
        .map(|name| format!(" --resource-name={name}"))
        .unwrap_or_default();
    format!(
        "Error from server (Forbidden): leases.coordination.k8s.io{quoted} is forbidden: User \"{user}\" cannot {verb} \
         resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"{ns}\"\n\
         The verb \"{verb}\" is missing. A cluster admin grants all that this takes: kubectl create role {role} -n {ns} --verb={verbs} \
         --resource=leases.coordination.k8s.io{only} --dry-run=client -o yaml | kubectl apply -f -{AND}kubectl create rolebinding \
         {role}:{user} -n {ns} --role={role} --user={user} --dry-run=client -o yaml | kubectl apply -f -\n",
        user = user.name,
        ns = ns.name()
    )
}

/// The two lines when a Lease stays with its holder: why it was not acquired, and what to do.
pub fn not_acquired(ns: &Namespace, lease: &str, obstacle: &str) -> String {
    not_acquired_as(ns, lease, obstacle, " --holder me")
}

/// The same for another identity than `me`: as the flag that gave it, or nothing.
pub fn not_acquired_as(ns: &Namespace, lease: &str, obstacle: &str, identity: &str) -> String {
    format!(
        "error: lease \"{lease}\" not acquired: {obstacle}\n\
         Look: kubectl lease status {lease} -n {ns}; wait longer with --timeout, or take it over: kubectl lease steal {lease} -n {ns}{identity}\n",
        ns = ns.name()
    )
}

/// The keys of a Lease's annotations.
pub fn annotations(lease: &Value) -> Vec<&str> {
    let all = lease["metadata"]["annotations"].as_object();
    all.into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .collect()
}

/// The same, but for from whom it was taken, which stays.
pub fn marks(lease: &Value) -> Vec<&str> {
    let mut keys = annotations(lease);
    keys.retain(|key| *key != "kubectl-lease/previous");
    keys
}
