//! The processes that a command left behind, for a person.

/// So many of them are named.
const NAMED: usize = 10;

/// A list for a person: the first of `names`, and how many more there are.
pub fn some_of(names: &[String]) -> String {
    let shown = &names[..names.len().min(NAMED)];
    let more = match names.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_processes_the_first_are_named_and_the_others_counted() {
        let names: Vec<String> = (0..15_000).map(|pid| format!("{pid} (sleep)")).collect();
        assert_eq!(some_of(&names[..2]), "0 (sleep), 1 (sleep)");
        let said = some_of(&names);
        assert!(said.ends_with("9 (sleep) and 14990 more"), "{said}");
        assert_eq!(some_of(&names[..NAMED]).matches("sleep").count(), NAMED);
    }
}
