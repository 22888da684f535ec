//! Which words of a cluster or a kubeconfig may become a completion, and how what they mean is shown.
//!
//! The scripts that complete for a shell hand candidates on as words of that shell: Cobra's script for bash expands
//! them (`compgen -W`) when TAB is pressed, and all of them evaluate the line when it is pressed again. So a name that
//! would have to be quoted is not offered: no quoting is right in every shell and in every state of the line.

use crate::words::cut;
use crate::words::shown::is_printable;

/// A description longer than this is no help in choosing.
const LONGEST_ABOUT: usize = 80;

/// Whether bash, zsh, fish and PowerShell all take `text` as it is, wherever it stands as an argument.
pub fn is_plain(text: &str) -> bool {
    text.starts_with(begins) && text.chars().all(goes_on)
}

/// Not `-`, which makes a flag of it; nor `@` (PowerShell: splatting), `+` (zsh: `+o`) and `:`, which begins the line
/// that ends Cobra's answer.
fn begins(c: char) -> bool {
    is_letter(c) || matches!(c, '_' | '.' | '/')
}

/// `=` is an expansion in zsh, `%` in fish and `,` an array in PowerShell; the rest is well known.
fn goes_on(c: char) -> bool {
    is_letter(c) || matches!(c, '_' | '.' | '/' | '-' | ':' | '@' | '+')
}

/// Letters and digits of every script. No shell knows any of them but as themselves; PowerShell's typographic quotes
/// and dashes are none.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && is_printable(c.encode_utf8(&mut [0; 4]))
}

/// What a candidate means, on one line and without what could change a terminal's state.
pub fn about(text: &str) -> String {
    cut(text, LONGEST_ABOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_clusters_have_them_are_offered() {
        for text in "my-lock ada@laptop_1f0c arn:aws:eks:eu-west-1:123456789012:cluster/prod \
            kubernetes-admin@kubernetes apiserver-abc.123 \
            system:serviceaccount:shop:deployer gke_project_zone_name \
            2024-01-01T00:00:00.000000+02:00 jörg@büro ふね _ /dev 7"
            .split(' ')
        {
            assert!(is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn no_character_that_a_shell_interprets_is_offered() {
        let interpreted = " \t\n\r!\"#$%&'()*,;<=>?[\\]^`{|}~\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{200b}\u{202e}\u{2013}\u{2014}\
                           \u{2015}\u{2018}\u{2019}\u{201a}\u{201b}\u{201c}\u{201d}\u{201e}\u{2028}\u{3000}\u{feff}\u{fffd}";
        for c in interpreted.chars() {
            for text in [
                format!("{c}"),
                format!("a{c}"),
                format!("{c}a"),
                format!("a{c}b"),
            ] {
                assert!(!is_plain(&text), "{text:?}");
            }
        }
        for text in [
            "", "-", "-n", "--now", "@a", "+o", ":4", "=ls", "%self", "~root",
        ] {
            assert!(!is_plain(text), "{text:?}");
        }
    }

    #[test]
    fn what_it_means_is_one_line_that_turns_nothing() {
        assert_eq!(
            about("held by a\tb\nc\u{202e}d:e\u{1b}[2J"),
            "held by a\\tb\\nc\\u{202e}d:e\\u{1b}[2J"
        );
        assert_eq!(about(&"x".repeat(80)), "x".repeat(80));
        assert_eq!(about(&"x".repeat(81)), format!("{}…", "x".repeat(79)));
    }
}
