//! How long is paused between two tries, whatever the server asks for.

use std::time::Duration;

use super::*;

#[test]
fn pauses_double_up_to_their_limit_and_what_the_server_asks_for_is_kept_within_reason() {
    let mut pause = Pause::default();
    assert!(pause.is_first());
    let mut longest = FIRST_PAUSE;
    for _ in 0..20 {
        let next = pause.next(None);
        assert!(next >= longest / 2 && next <= longest, "{next:?}");
        longest = (longest * 2).min(LONGEST_PAUSE);
    }
    // Who says 0 is not asked again at once, and who says an hour not only then.
    let secs = Duration::from_secs;
    for (asked, paused) in [(0, FIRST_PAUSE), (1, secs(1)), (3600, LONGEST_WISH)] {
        assert_eq!(pause.next(Some(secs(asked))), paused);
    }
}
