//! How YAML that others wrote is read: aliases may stand for only so much.

use serde_saphyr::{DuplicateKeyPolicy, Options};

/// A line of aliases of aliases stands for a billion of anything. What people share between their clusters is a few lines: a
/// credential plugin's, in each of a thousand clusters, are some 25,000 of these.
const REPLAYED: usize = 50_000;

/// The options of the library.
pub fn options(duplicate_keys: DuplicateKeyPolicy) -> Options {
    let mut options = serde_saphyr::options! { duplicate_keys: duplicate_keys };
    options.alias_limits.max_total_replayed_events = REPLAYED;
    // However many share one: what they stand for is limited, and kubectl reads it.
    if let Some(budget) = &mut options.budget {
        budget.enforce_alias_anchor_ratio = false;
    }
    options
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// So many lines, each of which has the one before ten times.
    fn bomb(lines: usize) -> String {
        let line = |number: usize| {
            let before = match number {
                0 => vec!["x".to_owned(); 10],
                number => vec![format!("*a{}", number - 1); 10],
            };
            format!("a{number}: &a{number} [{}]\n", before.join(", "))
        };
        (0..lines).map(line).collect()
    }

    #[test]
    fn aliases_stand_for_a_few_lines_and_not_for_a_hundred_thousand() {
        for policy in [DuplicateKeyPolicy::Error, DuplicateKeyPolicy::LastWins] {
            let read =
                |text: &str| serde_saphyr::from_str_with_options::<Value>(text, options(policy));
            assert!(read(&bomb(3)).is_ok());
            let why = read(&bomb(5)).expect_err("it is too much").to_string();
            assert!(why.contains("alias"), "{why}");
        }
    }

    #[test]
    fn a_thousand_clusters_may_share_one_credential_plugin() {
        let plugin = "{ exec: { apiVersion: v1, command: sso, args: [a, b, c], interactiveMode: Never, provideClusterInfo: true } }";
        let text = format!("- &sso {plugin}\n{}", "- *sso\n".repeat(999));
        for policy in [DuplicateKeyPolicy::Error, DuplicateKeyPolicy::LastWins] {
            let read = serde_saphyr::from_str_with_options::<Vec<Value>>(&text, options(policy));
            let all = read.expect("kubectl reads it");
            assert!(all.len() == 1000 && all.iter().all(|one| *one == all[0]));
        }
    }
}
