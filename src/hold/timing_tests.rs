//! The arithmetic of a hold: what fits, what is advised, and each span at its edges.

use super::*;
use crate::lease::testing::at;

fn of(seconds: u64) -> Timing {
    Timing::new(Duration::from_secs(seconds), None, None).expect("the defaults fit")
}

#[test]
fn the_defaults_fit_every_duration_from_one_second_up() {
    for seconds in (1..200).chain([3600, 86_400, i32::MAX as u64]) {
        let timing = of(seconds);
        assert!(timing.kill_at < timing.dead_after && timing.dead_after < timing.duration);
        assert!(timing.kill_after <= Duration::from_secs(5));
    }
}

#[test]
fn any_outage_shorter_than_half_the_duration_ends_before_the_fence() {
    for seconds in [2, 5, 15, 60] {
        let timing = of(seconds);
        assert!(
            timing.renew_deadline > timing.renewal_due(0.0) + timing.duration / 2,
            "{seconds}s"
        );
    }
}

#[test]
fn a_renewal_notices_a_loss_within_a_third_of_the_duration_and_a_second() {
    for seconds in (2..200).chain([3600]) {
        let timing = of(seconds);
        let noticed = timing.renewal_due(0.0);
        assert!(
            noticed < timing.duration / 3 + Duration::from_secs(1),
            "{seconds}s: {noticed:?}"
        );
    }
}

#[test]
fn the_command_is_dead_five_percent_before_the_lease_can_expire() {
    assert_eq!(of(60).dead_after, Duration::from_secs(57));
}

#[test]
fn spans_that_do_not_fit_are_refused_with_the_numbers() {
    let error = Timing::new(Duration::from_secs(15), Some(Duration::from_secs(10)), None)
        .expect_err("10s of grace do not fit in 15s");
    for part in ["15s", "--kill-after 10s", "every 5s", "longer --duration"] {
        assert!(error.contains(part), "{part:?} is not in: {error}");
    }
    assert!(Timing::new(Duration::from_secs(15), None, Some(Duration::from_secs(14))).is_err());
    assert!(Timing::new(Duration::from_secs(15), None, Some(Duration::ZERO)).is_err());
    assert!(Timing::new(Duration::from_secs(15), Some(Duration::from_secs(60)), None).is_err());
}

#[test]
fn what_is_advised_makes_the_spans_fit() {
    let longest = LeaseDuration::LONGEST.as_duration();
    let spans = [0, 20, 500, 1000, 8000, 14_000, 60_000, u64::MAX].map(Duration::from_millis);
    let all = || [None].into_iter().chain(spans.map(Some));
    for duration in [1, 2, 15, 600]
        .map(Duration::from_secs)
        .into_iter()
        .chain([longest])
    {
        for (kill_after, renew_every) in
            all().flat_map(|kill| all().map(move |every| (kill, every)))
        {
            let Err(error) = Timing::new(duration, kill_after, renew_every) else {
                continue;
            };
            if renew_every == Some(Duration::ZERO) {
                assert_eq!(error, "--renew-every must be longer than 0s");
                continue;
            }
            let least = Some(Duration::from_nanos(1));
            let fits = |duration, kill_after, renew_every| {
                Timing::new(duration, kill_after, renew_every).is_ok()
            };
            let (_, advice) = error.split_once("; choose ").expect("some advice");
            if advice.contains(" and ") {
                assert!(fits(duration, least, least), "{error}");
                continue;
            }
            for (words, fits) in [
                ("--duration", fits(longest, kill_after, renew_every)),
                ("--kill-after", fits(duration, least, renew_every)),
                ("--renew-every", fits(duration, kill_after, least)),
            ] {
                assert_eq!(advice.contains(words), fits, "{error}");
            }
        }
    }
}

#[test]
fn the_least_duration_is_the_first_that_fits() {
    let grace = Some(Duration::from_secs(10));
    let least = Timing::min_duration(grace, None).expect("some duration");
    let fits =
        |seconds: u32| Timing::new(Duration::from_secs(u64::from(seconds)), grace, None).is_ok();
    assert!(
        fits(least.as_secs()) && !fits(least.as_secs() - 1),
        "{least}"
    );
    assert_eq!(
        Timing::min_duration(None, None),
        Ok(LeaseDuration::constant(1))
    );
}

#[test]
fn spans_that_fit_no_duration_at_all_are_refused_whatever_their_size() {
    let whole = Duration::from_secs(u64::MAX);
    for (kill_after, renew_every) in [
        (None, Some(whole)),
        (Some(whole), None),
        (Some(Duration::MAX), Some(Duration::MAX)),
        (None, Some(Duration::MAX / 4)),
    ] {
        let refusal =
            Timing::min_duration(kill_after, renew_every).expect_err("nothing is long enough");
        assert!(refusal.contains("the times do not fit"), "{refusal}");
    }
}

#[test]
fn attempts_get_shorter_towards_the_fence_and_never_vanish() {
    let timing = of(15);
    assert_eq!(timing.attempt_limit(at(0.0), at(5.0)), timing.attempt);
    let late = timing.attempt_limit(at(0.0), at(12.5));
    assert!(late < Duration::from_millis(500), "{late:?}");
    assert_eq!(
        timing.attempt_limit(at(0.0), at(14.0)),
        Duration::from_millis(100)
    );
}

#[test]
fn a_retry_after_is_cut_to_what_is_left() {
    let timing = of(15);
    let pause = timing.pause(at(0.0), at(5.0), 0, Some(Duration::from_secs(32)));
    assert!(pause < Duration::from_secs(2), "{pause:?}");
}

#[test]
fn a_renewal_is_due_a_tenth_late_and_chance_makes_it_no_later() {
    for (seconds, due) in [(15, 5500), (2, 733), (60, 20_500), (600, 200_500)] {
        let late = |jitter: f64| of(seconds).renewal_due(jitter).as_millis();
        assert_eq!(late(0.0), due, "{seconds}s");
        // Less than one in a hundred and forty, and in step with the chance.
        assert_eq!(late(0.7), due * 995 / 1000, "{seconds}s");
    }
}

#[test]
fn pauses_double_up_to_eight_times_the_shortest_within_a_sixth_of_what_is_left() {
    let pause = |seconds: u64, now: f64, failures: u32, asked: Option<u64>| {
        let asked = asked.map(Duration::from_millis);
        let pause = of(seconds).pause(at(0.0), at(now), failures, asked);
        pause.as_millis()
    };
    let doubled = (0..6).map(|failures| pause(15, 5.0, failures, None));
    assert_eq!(
        doubled.collect::<Vec<_>>(),
        [150, 300, 600, 1200, 1200, 1200]
    );
    // The deadline is at 13.275 s.
    assert_eq!(pause(15, 10.0, 3, None), 545);
    assert_eq!(pause(15, 13.2, 3, None), 150);
    assert_eq!(pause(15, 20.0, 0, None), 150);
    // What the server asks for is no less than the shortest, and within the same.
    assert_eq!(pause(15, 5.0, 3, Some(1000)), 1000);
    assert_eq!(pause(15, 5.0, 3, Some(0)), 150);
    assert_eq!(pause(15, 5.0, 0, Some(32_000)), 1379);
    // However short or long the lease is.
    assert_eq!(
        (pause(1, 0.3, 0, None), pause(60, 20.0, 0, None)),
        (20, 250)
    );
}

#[test]
fn the_numbers_of_a_refusal_are_rounded_so_that_too_little_never_looks_like_enough() {
    let odd = Duration::from_micros(123_456);
    let every = Duration::from_millis(1500);
    let refusal = Timing::new(Duration::from_secs(2), Some(odd), Some(every));
    let refusal = refusal.expect_err("it is not enough");
    assert_eq!(
        refusal,
        "the times do not fit: a lease duration of 2s leaves 1.75s for renewals (less 0.1s for clocks that run at \
         different rates, 0.02s to kill, --kill-after 0.12s), but a renewal every 1.5s, up to a tenth late, that may \
         take 0.33s needs 1.99s; choose a longer --duration or a shorter --renew-every"
    );
}
