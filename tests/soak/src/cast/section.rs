//! What is done between `acquire` or `steal` and `release`: nobody watches it, so that it must end by itself in time.

use std::time::Duration;

use lease_harness::Command;

use super::Stage;
use super::calls::Ended;
use super::processes::{MARK, mark};
use super::worker::{Ending, words};
use crate::history::Exit;
use crate::time::At;

/// Of the duration, so much may pass since the last renewal before the work must have ended: the rest is for a machine
/// that is slow to end it.
const SAFE: f64 = 0.6;
/// Less is not worth beginning.
const LEAST: Duration = Duration::from_millis(20);

/// Works under the grant that was printed, for as long as its duration lets it.
pub fn work(stage: &Stage, ended: &Ended, lease: &str, works: Duration) {
    let grant = variables(&ended.stdout);
    let value = |name: &str| {
        let found = grant.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    let (Some(holder), Some(token)) = (
        value("KUBECTL_LEASE_HOLDER"),
        value("KUBECTL_LEASE_FENCING_TOKEN"),
    ) else {
        return;
    };
    let Some(deadline) = safe_until(stage, lease, holder) else {
        return;
    };
    if deadline.since(At::now()) < LEAST {
        return;
    }
    let (sink, locks) = (stage.sink.socket(), stage.sink.locks());
    let mut all = words(sink, locks, "plain", works, Ending(Exit::Code(0)));
    all.extend([
        format!("holder={holder}"),
        format!("tokens={lease}={token}"),
        "part=section".to_owned(),
        format!("deadline={}", deadline.0),
    ]);
    let section = Command::new(&stage.tools.soak, all).env(MARK, mark(ended.call));
    let running = section.spawn();
    while running.is_running() {
        std::thread::sleep(super::LOOK);
    }
}

/// Until when nobody else can take it, by the record itself: the caller's clocks are this machine's.
fn safe_until(stage: &Stage, lease: &str, holder: &str) -> Option<At> {
    let path = stage.path_of(lease);
    let asked = At::now();
    let answer = stage.server.admin().call("GET", &path, None).ok()?;
    let spec = &answer.body["spec"];
    if spec["holderIdentity"] != holder {
        return None;
    }
    let renewed: jiff::Timestamp = spec["renewTime"].as_str()?.parse().ok()?;
    let renewed = u64::try_from(renewed.as_nanosecond()).ok()?;
    let renewed = i128::from(renewed) - i128::from(crate::run::wall_offset());
    let duration = Duration::from_secs(spec["leaseDurationSeconds"].as_u64()?);
    let renewed = At(u64::try_from(renewed).ok()?);
    // A record of the future is not one of this machine's clock.
    (renewed < asked).then(|| renewed + duration.mul_f64(SAFE))
}

/// The variables of `-o env`: a line each, `export NAME=VALUE`, the value quoted where a shell wants it.
fn variables(stdout: &str) -> Vec<(String, String)> {
    let read = |line: &str| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        let value = value.trim_end_matches(';').trim_matches('\'');
        Some((name.to_owned(), value.to_owned()))
    };
    stdout.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_a_shell_reads_them() {
        let printed =
            "export KUBECTL_LEASE_HOLDER='c01.0002'\nexport KUBECTL_LEASE_FENCING_TOKEN=17\n";
        let variables = variables(printed);
        assert_eq!(
            variables[0],
            ("KUBECTL_LEASE_HOLDER".into(), "c01.0002".into())
        );
        assert_eq!(
            variables[1],
            ("KUBECTL_LEASE_FENCING_TOKEN".into(), "17".into())
        );
    }
}
