//! What `hold` does for one lease at a time, and not for several together.

use crate::cli::HoldArgs;
use crate::commands::together::in_order;
use crate::error::Error;
use crate::hint;

/// Refuses what is only for one lease where several are named.
///
/// # Errors
/// With how to do it all the same.
pub fn one_at_a_time(args: &HoldArgs) -> Result<(), Error> {
    let names = in_order(&args.names);
    let [first, second, ..] = names[..] else {
        return Ok(());
    };
    let flag = match (args.takeover.steal, args.around.cleanup) {
        (true, _) => "--steal",
        (false, true) => "--cleanup",
        (false, false) => return Ok(()),
    };
    let hold = |name| hint::kubectl(&format!("lease hold {name} {flag}"));
    Err(Error::Usage(format!(
        "{flag} is of one lease, and {} are named: hold one inside the other, in this order: {} -- {} -- COMMAND",
        names.len(),
        hold(first),
        hold(second)
    )))
}
