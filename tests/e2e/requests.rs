//! What is sent, and how often: the cost of each subcommand, and what every write carries.

use crate::support::{fresh, methods, said};
use lease_harness::Proxy;

#[test]
fn each_subcommand_sends_no_more_than_it_must_and_every_write_is_a_whole_object() {
    let (ns, user) = fresh();
    let proxy = Proxy::to(ns.cluster());
    let agent = concat!("kubectl-lease/", env!("CARGO_PKG_VERSION"));
    for (arguments, done, expected) in [
        (&["create", "job"][..], "job created", &["POST"][..]),
        (
            &["create", "job", "--ignore-existing"],
            "job unchanged",
            &["POST"],
        ),
        (&["acquire", "job"], "job acquired", &["GET", "PUT"]),
        (&["renew", "job"], "job renewed", &["GET", "PUT"]),
        (&["check", "job"], "job held", &["GET", "PUT"]),
        (&["status", "job"], "", &["GET"]),
        (&["status"], "", &["GET"]),
        (&["release", "job"], "job released", &["GET", "PUT"]),
        (
            &["acquire", "new", "--create"],
            "new acquired",
            &["GET", "POST"],
        ),
        (
            &["acquire", "new", "--reenter"],
            "new acquired",
            &["GET", "PUT"],
        ),
        (
            &["steal", "new", "--holder=x", "--yes", "--now"],
            "new stolen",
            &["GET", "PUT"],
        ),
        (&["version"], "", &[]),
        (&["completion", "bash"], "", &[]),
    ] {
        proxy.clear();
        let command = ns.command(&user, arguments).via(&proxy);
        let command = match arguments[0] {
            "create" => command,
            _ => command.env("KUBECTL_LEASE_HOLDER", "me"),
        };
        let output = command.run();
        match done {
            "" => assert_eq!(output.code, Some(0), "{output}"),
            "new stolen" => assert!(output.stdout.contains(done), "{output}"),
            _ => said(
                &output,
                0,
                &format!("lease.coordination.k8s.io/{done}\n"),
                "",
            ),
        }
        let mut sent = proxy.requests();
        assert_eq!(methods(&sent), expected, "{arguments:?}");
        let events = sent.extract_if(.., |request| request.is_of_events());
        let events: Vec<_> = events.map(|request| request.method).collect();
        let line = sent.extract_if(.., |request| request.is_of_a_line());
        let asks = usize::from(matches!(arguments, ["status", _]));
        assert_eq!(line.count(), asks, "{arguments:?}");
        let told = match arguments {
            ["acquire" | "steal", ..] => &["POST"][..],
            ["status", _] => &["GET"],
            _ => &[],
        };
        assert_eq!(events, told, "{arguments:?}");
        for request in sent {
            let (what, query) = ((&request.method, &request.path), &request.query);
            assert_eq!(request.user_agent(), agent, "{what:?}");
            if request.method == "GET" {
                assert!(!query.contains("resourceVersion"), "{query}");
                continue;
            }
            assert!(query.contains("fieldManager=kubectl%2Dlease"), "{query}");
            assert!(query.contains("timeout="), "{query}");
            let object = request.json();
            let needed = match request.method.as_str() {
                "PUT" => &["uid", "resourceVersion", "name", "namespace"][..],
                _ => &["name", "namespace"],
            };
            for field in needed {
                let text = &object["metadata"][*field];
                assert!(text.is_string(), "{field}: {}", request.body);
            }
            if let Some(time) = object["spec"]["renewTime"].as_str() {
                let digits = time.split('.').nth(1).unwrap_or_default();
                assert!(digits.len() == 7 && digits.ends_with('Z'), "{time}");
            }
        }
    }
}
