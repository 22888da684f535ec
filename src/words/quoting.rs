//! Which shell a person pastes into, and a text as one word of it: a table of shells, which reads nothing of the process.

pub mod cmd;
mod posix;
pub mod powershell;

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

pub use posix::{pasted as pasted_in_posix, quoted as posix};

use super::shown::is_printable;

/// What reads the commands that are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(windows),
    allow(dead_code, reason = "elsewhere nobody looks which one it is")
)]
#[allow(clippy::enum_variant_names, reason = "they are called so")]
pub enum Shell {
    /// sh, bash, zsh, ksh, fish: on Windows too, where Git brings one.
    Posix,
    /// cmd.exe, at its prompt: what a batch file reads differently is `%`.
    Cmd,
    /// powershell.exe, Windows PowerShell 5.1: it hands a program's arguments on without escaping the quotes in them.
    WindowsPowerShell,
    /// pwsh.exe, PowerShell 7.3 and newer: it escapes them.
    PowerShell,
    /// Windows, and nothing tells which.
    Unknown,
}

static AROUND: OnceLock<fn() -> Shell> = OnceLock::new();
static SHELL: OnceLock<Shell> = OnceLock::new();

/// Tells how to find out which shell is around this process; it is asked once, where that matters. Before, and where nobody
/// tells, it is a POSIX one.
#[cfg_attr(
    not(windows),
    allow(dead_code, reason = "elsewhere all shells read alike")
)]
pub fn found_by(around: fn() -> Shell) {
    // Who tells it twice tells the same.
    let _ = AROUND.set(around);
}

/// The shell around this process.
pub fn shell() -> Shell {
    match AROUND.get() {
        Some(around) => *SHELL.get_or_init(around),
        None => Shell::Posix,
    }
}

impl Shell {
    /// The shell of a program of that name, on Windows; `None` if it is none that is known.
    #[cfg(any(windows, test))]
    pub fn of_program(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        Some(match name.strip_suffix(".exe").unwrap_or(&name) {
            "cmd" => Self::Cmd,
            "powershell" | "powershell_ise" => Self::WindowsPowerShell,
            "pwsh" | "pwsh-preview" => Self::PowerShell,
            "sh" | "bash" | "zsh" | "fish" | "ksh" | "dash" => Self::Posix,
            _ => return None,
        })
    }

    /// `text` as one word that a person can paste; where this shell has no way to write it, a word that says so, and that no shell
    /// runs anything with.
    pub fn pasted(self, text: &str) -> Cow<'_, str> {
        let quoted = match self {
            Self::Posix => Some(pasted_in_posix(text)),
            Self::Cmd => both(text).or_else(|| cmd::quoted(text)),
            Self::WindowsPowerShell => both(text).or_else(|| Some(powershell::legacy(text))),
            Self::PowerShell => both(text).or_else(|| Some(powershell::literal(text))),
            Self::Unknown => both(text),
        };
        match (quoted, self) {
            (Some(word), _) => Cow::Owned(word),
            (None, Self::Cmd) => Cow::Borrowed(NOT_IN_CMD),
            (None, _) => Cow::Borrowed(NOT_IN_BOTH),
        }
    }

    /// `--NAME VALUE`, in one word where the value would be taken for another flag, or for none.
    pub fn flag(self, name: &str, value: &str) -> String {
        let is_one_word = value.starts_with('-') || (value.is_empty() && self != Self::Posix);
        let value = match value {
            // Windows PowerShell drops an empty word, and the next would be the value.
            "" if is_one_word => Cow::Borrowed(""),
            value => self.pasted(value),
        };
        format!("--{name}{}{value}", if is_one_word { '=' } else { ' ' })
    }

    /// `--NAME` with the value of the shell's own variable; `None` where that cannot be written.
    pub fn flag_with_variable(self, name: &str, variable: &str) -> Option<String> {
        match self {
            Self::Posix => Some(format!("--{name} \"${variable}\"")),
            Self::Cmd => Some(format!("--{name}=\"%{variable}%\"")),
            // One word, or without the variable the next would be the value.
            Self::WindowsPowerShell | Self::PowerShell => Some(format!("--{name}=\"${variable}\"")),
            Self::Unknown => None,
        }
    }

    /// A line that runs `first`, and `then` if that worked. Both may be pipes.
    pub fn and(self, first: &str, then: &str) -> String {
        match self {
            Self::Posix | Self::Cmd => format!("{first} && {then}"),
            Self::WindowsPowerShell | Self::PowerShell => {
                // Without it a pipe makes question marks of them.
                let utf8 = "[Console]::OutputEncoding = $OutputEncoding = [Text.UTF8Encoding]::new($false); ";
                let is_ascii = first.is_ascii() && then.is_ascii();
                let before = if is_ascii { "" } else { utf8 };
                format!("{before}{first}; if ($?) {{ {then} }}")
            }
            // `&&` is an error in one of them, and `$?` in the other.
            Self::Unknown => format!("{first} and, if that worked: {then}"),
        }
    }

    /// A command that prints a JSON object, for a pipe.
    pub fn printing(self, json: &str) -> String {
        match self {
            Self::Posix => format!("printf %s {}", pasted_in_posix(json)),
            Self::Cmd => format!("echo {}", ascii_json(json)),
            // Where another shell reads it, there is no such command, and nothing is applied.
            Self::WindowsPowerShell | Self::PowerShell | Self::Unknown => {
                powershell::literal(&ascii_json(json))
            }
        }
    }

    /// A line that sets an environment variable, for the shell to run: what PowerShell's `Invoke-Expression`, `eval` and, in
    /// cmd.exe, `for /f "delims=" %i in ('…') do @%i` read.
    pub fn export(self, name: &str, value: &str) -> String {
        match self {
            Self::Posix | Self::Unknown => format!("export {name}={}\n", posix(value)),
            Self::Cmd if value.contains(['\r', '\n']) => {
                format!("rem {name} has a line break, which cmd.exe cannot set\n")
            }
            // Neither quotes nor signs of redirection end it there.
            Self::Cmd => format!("set \"{name}={value}\"\n"),
            // What a program prints comes through the console's code page.
            Self::WindowsPowerShell | Self::PowerShell => {
                format!("$env:{name} = {}\n", powershell::ascii_literal(value))
            }
        }
    }
}

/// A word that cmd.exe and PowerShell read alike, whichever version; `None` where there is none.
fn both(text: &str) -> Option<String> {
    /// Of a path, and of most names.
    fn is_plain(c: char) -> bool {
        c.is_ascii_alphanumeric() || "@+=:./\\_-".contains(c)
    }
    // PowerShell splats `@x`, takes `-x.y` apart and expands `~`; behind `--%` it reads nothing.
    let begins_plainly = |c: char| c.is_ascii_alphanumeric() || "./\\_".contains(c);
    let is_plain = match text.strip_prefix("--") {
        Some(rest) => rest.starts_with(char::is_alphanumeric) && text.chars().all(is_plain),
        None if text.starts_with('-') => {
            text.len() > 1 && text.chars().skip(1).all(|c| c.is_ascii_alphabetic())
        }
        None => text.starts_with(begins_plainly) && text.chars().all(is_plain),
    };
    if is_plain {
        return Some(text.to_owned());
    }
    // In double quotes PowerShell has `$`, the backtick and typographic quotes, cmd.exe has `%`, and a program that reads its
    // command line takes a backslash before a quote for its escape.
    let special = |c: char| "\"%$`".contains(c) || powershell::is_double_quote(c);
    let fits = !text.is_empty() && !text.ends_with('\\') && !text.contains(special);
    (fits && is_printable(text)).then(|| format!("\"{text}\""))
}

/// The same object in ASCII, and without what cmd.exe reads something into, in quotes or not.
fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut escaped = false;
    for c in json.chars() {
        match c {
            // A quote within a text would end the quotes of cmd.exe.
            '"' if escaped => {
                out.pop();
                out.push_str("\\u0022");
            }
            '%' | '!' | '^' | '&' | '|' | '<' | '>' | '\'' | '\u{7f}'.. => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

/// No file is called so, so that cmd.exe runs nothing; PowerShell refuses the sign.
const NOT_IN_CMD: &str = "<cmd.exe-cannot-write-this-value-but-PowerShell-can>";
const NOT_IN_BOTH: &str = "<quote-this-value-as-your-shell-reads-it>";

#[cfg(test)]
#[path = "quoting/tests.rs"]
mod tests;
