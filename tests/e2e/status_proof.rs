//! Which clock `status` goes by, and what it costs to know.

use crate::support::{fresh_in_process, held};
use jiff::SignedDuration;
use lease_harness::lease;
use lease_harness::lease_api_server::Options;
use serde_json::Value;

/// A server of now, one whose stamps say nothing, and one that does not tell the time.
#[test]
fn a_state_is_told_by_the_servers_stamp_where_that_can_be_believed_and_by_the_holders_time_elsewhere()
 {
    let stamp = " (by the server's own stamp of the last renewal)";
    let time = " (by the holder's renewTime against the server's clock)";
    // The holder's clock is an hour behind in the last of each.
    for (old, dates, later, skew, state, by, takes) in [
        (false, true, 50, 0, "Expired", stamp, "(at once)"),
        (
            false,
            true,
            20,
            0,
            "Expired",
            stamp,
            "s, as long as the proof takes)",
        ),
        (false, true, 10, 0, "Held", "", "Expires in:  "),
        (false, true, 0, -3600, "Held", stamp, "behind the server's"),
        (
            true,
            true,
            50,
            0,
            "Expired",
            time,
            "(within 15s, as long as the proof takes on this server)",
        ),
        (
            true,
            true,
            0,
            -3600,
            "Expired",
            time,
            "(within 15s, as long as the proof takes on this server)",
        ),
        (false, false, 0, -3600, "Held", "", "Expires in:  unknown\n"),
    ] {
        let new = Options::default().version;
        let options = Options {
            date_header: dates,
            version: if old { (1, 24) } else { new },
            ..Options::default()
        };
        let (ns, user) = fresh_in_process(options);
        ns.create(&match skew {
            0 => held("job", "x", 15),
            skew => lease("job")
                .holder("x")
                .duration(15)
                .renewed_ago(0, skew)
                .build(),
        });
        let server = ns.cluster().api_server().expect("in-process");
        server.set_clock_offset(SignedDuration::from_secs(later));
        server.clear_requests();
        let text = ns.run(&user, ["status", "job"]).stdout;
        // What the server's stamps are worth is asked where it matters.
        let asked = server.requests();
        let beside = |path: &str| path.ends_with("/events") || path.ends_with("/leases");
        let asked = asked.iter().filter(|asked| !beside(&asked.path)).count();
        let case = format!("{old} {dates} {later} {skew}: {text}");
        let line = match by {
            "" => format!("\nState:       {state}"),
            by => format!("\nState:       {state}{by}\n"),
        };
        assert!(asked == 2 || state == "Held" && asked <= 2, "{case}");
        assert!(text.contains(&line) && text.contains(takes), "{case}");
        let output = ns.run(&user, ["status", "job", "-o", "json"]);
        let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(document["state"], state, "{case}");
        let proof = match (dates, old, later) {
            (false, ..) => Value::Null,
            (true, true, _) => "RenewTime".into(),
            (true, false, 10) => continue,
            (true, false, _) => "ServerStamp".into(),
        };
        assert_eq!(document["proof"], proof, "{case}");
        let list = ns.run(&user, ["status"]).stdout;
        assert!(list.contains(state), "{list}");
    }
}
