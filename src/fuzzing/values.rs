//! The values of flags, and the times and versions of records: what is read of them, and that it is what was written.

use std::time::Duration;

use jiff::Timestamp;

use crate::hold::timing::Timing;
use crate::identity::Sources;
use crate::lease::record::{beginning, micro_time};
use crate::lease::values::{
    HolderIdentity, LeaseDuration, LeaseName, Manager, SlotCount, Slots, is_lease, namespace,
    parse_annotations, parse_duration, parse_labels, slot_index,
};
use crate::server::fuzzing as server;
use crate::{userinfo, words};

pub fn fuzz(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    durations(text);
    names(text);
    pairs(text);
    if let Ok(time) = text.parse::<Timestamp>() {
        let read = micro_time(time).parse::<Timestamp>();
        // No year before 0 is written as an API server reads it.
        if time >= Timestamp::UNIX_EPOCH {
            let micros = read.map(Timestamp::as_microsecond);
            assert_eq!(micros.ok(), Some(time.as_microsecond()));
        }
    }
    server::values(text);
    addresses(text);
    for most in [3, 10, 100] {
        let beginning = beginning(text, most);
        assert!(beginning.len() <= most.max(3), "{beginning:?}");
    }
}

fn durations(text: &str) {
    let Ok(span) = parse_duration(text) else {
        assert!(text.parse::<LeaseDuration>().is_err());
        return;
    };
    assert!(!words::duration(span).is_empty());
    assert!(!words::exact(span).is_empty());
    let again = span.as_secs().to_string();
    assert_eq!(
        parse_duration(&again),
        Ok(Duration::from_secs(span.as_secs()))
    );
    if let Ok(duration) = text.parse::<LeaseDuration>() {
        assert_eq!(duration.as_duration(), span);
        assert_eq!(duration.to_string().parse(), Ok(duration));
    }
    let (minute, longest) = (Duration::from_secs(60), LeaseDuration::LONGEST);
    let lasts = span.min(longest.as_duration());
    for (duration, kill_after, renew_every) in [
        (lasts, None, None),
        (minute, Some(span), None),
        (minute, None, Some(span)),
        (lasts, Some(lasts / 4), Some(lasts / 8)),
        (lasts, Some(Duration::MAX), Some(span)),
    ] {
        let _ = Timing::min_duration(kill_after, renew_every);
        let Ok(timing) = Timing::new(duration, kill_after, renew_every) else {
            continue;
        };
        assert!(timing.renew_deadline <= timing.kill_at);
        assert!(timing.kill_at <= timing.dead_after);
        assert!(timing.dead_after < timing.duration);
        assert!(timing.renew_every < timing.renew_deadline);
        assert!(timing.renewal_due(0.5) < timing.renew_deadline);
    }
}

fn names(text: &str) {
    let _ = is_lease(text);
    if let Ok(name) = text.parse::<LeaseName>() {
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name));
        let count: SlotCount = "11".parse().expect("a number");
        if let Ok(slots) = Slots::new(&name, count) {
            let known = slots
                .each()
                .iter()
                .map(|slot| slots.index_of(slot.as_str()));
            assert!(known.eq((0..11).map(Some)));
        }
        assert_eq!(slot_index(name.as_str(), &format!("{name}-7")), Some(7));
    }
    if let Ok(name) = namespace(text) {
        assert_eq!(
            name.parse::<LeaseName>().map(|name| name.to_string()),
            Ok(name)
        );
    }
    if let Ok(holder) = text.parse::<HolderIdentity>() {
        assert_eq!(holder.as_str(), text);
        assert_eq!(HolderIdentity::stored(text).as_ref(), Ok(&holder));
        let unique = holder.unique();
        assert!(unique.as_str().len() <= text.len() + 37);
        assert_eq!(unique.unique().as_str().len(), unique.as_str().len());
    }
    if let Ok(manager) = text.parse::<Manager>() {
        assert_eq!(manager.as_str(), text);
    }
    let _ = text.parse::<SlotCount>();
    let sources = Sources {
        environment: Some(text.into()),
        ..Sources::default()
    };
    assert_eq!(sources.identity().is_ok(), !text.trim().is_empty());
}

fn pairs(text: &str) {
    if let Ok(labels) = parse_labels(text) {
        assert_eq!(parse_labels(&joined(&labels)).as_ref(), Ok(&labels));
    }
    if let Ok(annotations) = parse_annotations(text) {
        // Each by itself, in double quotes, is what it was.
        let quoted = annotations.iter().map(|(key, value)| {
            let pair = format!("{key}={value}").replace('"', "\"\"");
            format!("\"{pair}\"")
        });
        let quoted = quoted.collect::<Vec<_>>().join(",");
        assert_eq!(parse_annotations(&quoted).as_ref(), Ok(&annotations));
    }
}

fn joined(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

fn addresses(text: &str) {
    let shown = userinfo::redacted(text);
    let (without, user_info) = userinfo::split(text);
    assert_eq!(user_info.is_none(), without == text);
    if let Some(user_info) = user_info.filter(|it| it.password.len() > 5) {
        // By itself it may stand in a path too, beside an `@` in the name, and in place of itself.
        let password = format!("{}@", user_info.password);
        let is_named = user_info.name.contains(&password) || password.contains("xxxxx");
        assert!(is_named || !shown.contains(&password), "{shown}");
    }
}
