//! Expiry proven by the server's own clock. All on in-process servers, whose clocks, versions and stamps can be chosen.

use crate::support::{fresh_in_process, held, not_acquired, said, untouched};
use jiff::SignedDuration;
use lease_harness::lease_api_server::Options;

#[test]
fn the_servers_own_clock_proves_an_expiry_at_once_where_its_stamps_can_be_believed() {
    let old = Options {
        version: (1, 24),
        ..Options::default()
    };
    let undated = Options {
        date_header: false,
        ..Options::default()
    };
    for (options, code, requests) in [(Options::default(), 0, 3), (old, 124, 2), (undated, 124, 1)]
    {
        let described = format!("{options:?}");
        let (ns, user) = fresh_in_process(options);
        ns.create(&held("job", "other", 15));
        let server = ns.cluster().api_server().expect("in-process");
        server.set_clock_offset(SignedDuration::from_secs(18));
        server.clear_requests();
        let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
        assert_eq!(output.code, Some(code), "{described}\n{output}");
        assert_eq!(server.requests().len(), requests, "{described}\n{output}");
    }
}

#[test]
fn the_servers_own_clock_proves_nothing_before_duration_and_two_seconds() {
    let (ns, user) = fresh_in_process(Options::default());
    let before = ns.create(&held("job", "other", 15));
    let server = ns.cluster().api_server().expect("in-process");
    server.set_clock_offset(SignedDuration::from_secs(15));
    let output = ns.run(&user, ["acquire", "job", "--holder=me", "--timeout=0"]);
    let obstacle = "held by \"other\" for at most 15s more unless renewed";
    said(&output, 124, "", &not_acquired(&ns, "job", obstacle));
    untouched(&ns, &before);
}
