//! Who asks, as whom, and whether they may: what servers of one version say to that and others do not.

use super::{of, on};
use crate::support::{SOON, each, fresh, held, said_like};
use lease_harness::lease_api_server::{Difference, Options};
use lease_harness::{Fault, Match, Namespace, Output, Proxy, Rule, User};
use std::time::Duration;

const STATUS: [&str; 4] = ["status", "job", "-o", "name"];
const NAME: &str = "lease.coordination.k8s.io/job\n";

fn status_as(ns: &Namespace, user: &User, flags: &[&str]) -> Output {
    ns.command(user, STATUS.iter().chain(flags)).run()
}

#[test]
fn what_is_missing_to_act_as_somebody_is_told_as_the_version_has_it_and_is_enough_once_granted() {
    each([20, 34, 35, 36, 37], |minor| {
        let (ns, _) = of(minor);
        ns.create(&held("job", "other", 60));
        let (impersonator, reader) = (ns.user(&[]), ns.user(&["get"]));
        let as_reader = || status_as(&ns, &impersonator, &["--as", &reader.name]);
        let (verb, group) = match minor {
            36.. => ("impersonate:user-info", "authentication.k8s.io"),
            _ => ("impersonate", ""),
        };
        let mut rules = Vec::new();
        if minor >= 36 {
            // For this one verb only: told first, with the command that grants it.
            let output = as_reader();
            let pattern = format!(
                "Error from server (Forbidden): leases.coordination.k8s.io \"job\" is forbidden: User \"{0}\" cannot impersonate-on:user-info:get \
                 resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"{1}\"\n\
                 The verb \"impersonate-on:user-info:get\" is missing. …--verb=impersonate-on:user-info:get --resource=leases.coordination.k8s.io …\n",
                impersonator.name,
                ns.name()
            );
            said_like(&output, 1, "", &pattern);
            rules.push(Rule::leases(&["impersonate-on:user-info:get"]));
            ns.set_rules(&impersonator, &rules);
        }
        let pattern = format!(
            "Error from server (Forbidden): users…\"{0}\" is forbidden: User \"{1}\" cannot {verb} resource \"users\" in API group \"{group}\" at the cluster scope\n\
             Acting as somebody else (--as, or \"as\" in the kubeconfig) takes the verb \"{verb}\". …{0}…\n",
            reader.name, impersonator.name
        );
        said_like(&as_reader(), 1, "", &pattern);
        let only = Rule::leases(&[verb]).on(&["users"]).named(&[&reader.name]);
        rules.push(only.everywhere());
        ns.set_rules(&impersonator, &rules);
        assert_eq!(as_reader().stdout, NAME);
        let call = ["renew", "job", "--holder=other", "--as", &reader.name];
        let output = ns.run(&impersonator, call);
        assert_eq!(output.code, Some(1), "{output}");
        let told = match minor {
            36.. => "cannot impersonate-on:user-info:update",
            _ => "cannot update resource",
        };
        // The holder is read first, which both may.
        assert!(output.stderr.contains(told), "{output}");
    });
}

/// An older server does not know the header, and has the call done as whoever is named without it. Nobody is acted as by a
/// uid alone: the tool does not send that.
#[test]
fn a_uid_to_act_as_is_looked_at_from_1_22_on() {
    let looks = |ns: &Namespace| {
        ns.create(&held("job", "other", 60));
        let reader = ns.user(&["get"]);
        let impersonator =
            ns.user_with(&[Rule::leases(&["impersonate"]).on(&["users"]).everywhere()]);
        let alone = status_as(ns, &impersonator, &["--as-uid=u"]);
        assert_eq!((alone.code, &*alone.stdout), (Some(2), ""), "{alone}");
        let output = status_as(ns, &impersonator, &["--as", &reader.name, "--as-uid=u"]);
        let looked = output
            .stderr
            .contains("uids.authentication.k8s.io \"u\" is forbidden");
        assert_eq!(output.code, Some(i32::from(looked)), "{output}");
        looked
    };
    for (minor, expected) in [(20, false), (21, false), (22, true), (35, true)] {
        assert_eq!(looks(&of(minor).0), expected, "{minor}");
    }
    let (ns, _) = fresh();
    if ns.cluster().is_real() {
        assert!(!looks(&ns), "it is 1.20");
    }
}

/// It is for the binding that `can-i` prints.
#[test]
fn who_asks_is_told_by_a_review_from_1_28_on_and_before_by_what_is_refused() {
    let beta = Difference::SelfSubjectReviewBeta;
    let alpha = Difference::SelfSubjectReviewAlpha;
    each(
        [
            (Options::of_kubernetes(20), "", 1),
            (Options::of_kubernetes(27), "", 1),
            (Options::of_kubernetes(27).but(beta, true), "v1beta1", 2),
            (Options::of_kubernetes(26).but(alpha, true), "v1alpha1", 3),
            (Options::of_kubernetes(28), "v1", 1),
            (Options::of_kubernetes(37), "v1", 1),
        ],
        |(options, by, reviews)| {
            let (ns, _) = on(options);
            let user = ns.user(&["get"]);
            let server = ns.cluster().api_server().expect("in-process");
            server.clear_requests();
            let output = ns.run(&user, ["can-i", "job", "--for=acquire", "-o", "json"]);
            assert_eq!(output.code, Some(1), "{output}");
            let named = format!("\"name\": \"{}\"", user.name);
            assert!(output.stdout.contains(&named), "{output}");
            let requests = server.requests();
            let asked: Vec<_> = requests
                .iter()
                .filter(|asked| asked.path.ends_with("/selfsubjectreviews"))
                .collect();
            assert_eq!(asked.len(), reviews);
            let answered = asked.last().filter(|last| last.status == 201);
            let version = answered.map(|last| last.path.split('/').nth(3).unwrap_or_default());
            assert_eq!(version.unwrap_or_default(), by);
            let refused = requests.iter().any(|asked| asked.method == "PATCH");
            assert_eq!(refused, by.is_empty());
        },
    );
}

/// Priority and fairness, and before it the limit of requests in flight, answer in plain text with a time to wait.
#[test]
fn a_server_that_is_too_busy_is_asked_again_when_it_says() {
    let (ns, user) = of(29);
    ns.create(&held("job", "me", 60));
    let busy = || {
        Fault::Respond {
            status: 429,
            headers: Vec::new(),
            body: "Too many requests, please try again later.\n".to_owned(),
        }
        .with_header("Content-Type", "text/plain; charset=utf-8")
        .with_header("X-Kubernetes-PF-FlowSchema-UID", "f")
        .with_header("X-Kubernetes-PF-PriorityLevel-UID", "p")
        .with_header("Retry-After", "1")
    };
    let proxy = Proxy::to(ns.cluster());
    proxy.fault(Match::put(), busy(), 1);
    let renew = ["renew", "job", "--holder=me"];
    let output = ns.command(&user, renew).via(&proxy).run();
    assert_eq!(output.code, Some(0), "{output}");
    assert!(
        output.elapsed >= Duration::from_secs(1) && output.elapsed < SOON,
        "{output}"
    );
    proxy.fault(Match::get(), busy(), usize::MAX);
    let output = ns.command(&user, STATUS).via(&proxy).run();
    let pattern = "Error from server (TooManyRequests): Too many requests, please try again later.\nThe API server is overloaded; try again later\n";
    said_like(&output, 1, "", pattern);
}
