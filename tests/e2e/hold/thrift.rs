//! What an idle hold costs the API server.

use std::time::{Duration, Instant};

use super::scene::{SOON, Scene, ask_to_end, measured, until_asked};

#[test]
fn four_durations_of_an_idle_hold_are_at_most_fourteen_requests_start_and_end_included() {
    let scene = Scene::new(5);
    let gate = scene.gate();
    let held = scene.start(&until_asked(&gate));
    let began = scene.proxy.requests()[0].at;
    // A minute where the duration is 15 s: the time is what is measured.
    std::thread::sleep((began + 4 * scene.duration).saturating_duration_since(Instant::now()));
    let ended = ask_to_end(&held.running, &gate);
    let output = held.end();
    assert_eq!(output.code, Some(ended), "{output}");
    assert!(output.elapsed < 4 * scene.duration + SOON);
    let mut requests = scene.proxy.requests();
    let events = requests.extract_if(.., |request| request.is_of_events());
    assert_eq!(events.count(), 1, "one Event tells of the grant");
    // Each watch that the server ends costs a look and another one.
    let ended = requests.iter().filter(|one| one.server_ended).count();
    measured(
        "requests in four durations, counted as",
        Duration::from_millis(requests.len() as u64),
    );
    let words: Vec<_> = requests.iter().map(|r| (&r.method, r.is_watch())).collect();
    assert!(requests.len() <= 14 + 2 * ended, "{words:?}");
    assert!(requests.len() >= 10, "{words:?}");
}
