//! Spans in arithmetic. Nothing here knows of a terminal, so that the model of a hold can have it too.

use std::time::Duration;

/// A span in seconds to the hundredth, for arithmetic that must add up: `2.5s`.
pub fn exact(span: Duration) -> String {
    let text = format!("{:.2}", span.as_secs_f64());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}
