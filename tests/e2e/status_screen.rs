//! `status` and `status -w` on a terminal: what is on the screen, and what is left of the terminal afterwards.

use crate::support::{SOON, free, fresh, held, set_free};
use lease_harness::{Terminal, lease};

fn rows(screen: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect();
    screen.lines().map(words).collect()
}

#[test]
fn the_table_is_drawn_in_place_and_ticks_and_ctrl_c_leaves_it_there() {
    let (ns, user) = fresh();
    let terminal = ns.command(&user, ["status", "-w"]).spawn_pty(24, 100);
    terminal.wait_screen(|screen| screen.contains("No leases found"), SOON);
    ns.create(&held("a-job", "x", 1));
    ns.create(&held("b-job", "y", 600));
    let filled = |screen: &str| screen.contains("b-job") && !screen.contains("No leases");
    terminal.wait_screen(filled, SOON);
    // It becomes Expired with no event, and the rest goes on counting.
    terminal.wait_screen(|screen| screen.contains("Expired"), SOON);
    ns.create(&free("c-job"));
    terminal.wait_screen(|screen| screen.contains("c-job"), SOON);
    set_free(&ns, "b-job");
    let shows = |expected: &[[&str; 3]]| {
        terminal.wait_screen(|screen| rows(screen) == expected, SOON);
    };
    let header = ["NAME", "STATE", "HOLDER"];
    let (b, c) = (["b-job", "Free", "-"], ["c-job", "Free", "-"]);
    shows(&[header, ["a-job", "Expired", "x"], b, c]);
    ns.delete("a-job");
    shows(&[header, b, c]);

    terminal.send(b"\x03");
    assert_eq!(terminal.wait(SOON).code(), Some(130));
    let left = terminal.screen();
    assert!(left.contains("b-job") && left.contains("c-job"), "{left}");
    let raw = String::from_utf8_lossy(&terminal.raw()).into_owned();
    for switched in ["\x1b[?25l", "\x1b[?1049h"] {
        assert!(!raw.contains(switched), "{switched:?} was sent");
    }
    // Long lines wrap again.
    assert!(raw.rfind("\x1b[?7h") > raw.rfind("\x1b[?7l"), "{raw:?}");
}

#[test]
fn rows_wider_or_more_than_the_screen_do_not_break_it() {
    let (ns, user) = fresh();
    for number in 0..20 {
        let name = format!("job-{number:02}-{}", "n".repeat(60));
        let lease = lease(&name)
            .holder(&"漢".repeat(120))
            .duration(600)
            .renewed_ago(0, 0);
        ns.create(
            &lease
                .annotation("kubectl-lease/reason", &"r".repeat(300))
                .build(),
        );
    }
    for more in [&["status", "-w"][..], &["status", "-w", "-o", "wide"]] {
        let terminal = ns.command(&user, more).spawn_pty(12, 60);
        terminal.wait_screen(|screen| screen.contains("… and 11 more"), SOON);
        // Some ticks later it is still one table, from the top of the screen.
        let ticks =
            |terminal: &Terminal| terminal.raw().windows(3).filter(|w| w == b"\x1b[J").count();
        let (begun, deadline) = (ticks(&terminal), std::time::Instant::now() + SOON);
        while ticks(&terminal) < begun + 3 {
            assert!(std::time::Instant::now() < deadline, "it does not tick");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let found = rows(&terminal.screen());
        assert_eq!(found.len(), 11, "{}", terminal.screen());
        assert_eq!(found[0][0], "NAME");
        for (number, row) in found[1..10].iter().enumerate() {
            assert!(row[0].starts_with(&format!("job-{number:02}-")), "{row:?}");
        }
    }
}
