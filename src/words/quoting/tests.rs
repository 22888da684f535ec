//! What is quoted is read back: by bash, by cmd.exe where there is one, and by models.

mod readers;

use proptest::prelude::*;

use super::*;
use readers::read;

/// Of every character that one of the readers takes for something else.
const NASTY: &[&str] = &[
    "",
    " ",
    "a b",
    "it's",
    "a\"b",
    "\"",
    "\"\"",
    "a \"b\" c",
    "a \"b c",
    "\" ",
    " \"",
    "a\\",
    "a b\\",
    "a b\\\\",
    "\\",
    "\\\"",
    "a\\\"b",
    "a\\\\\" b\\",
    "C:\\Program Files\\x\\",
    "\\\\server\\share\\",
    "%PATH%",
    "100%",
    "%",
    "%%",
    "%PATH",
    "a%PATH%b%PATH%",
    "%PATH:~0,3%",
    "%PATH:a=b%",
    "%\"PATH\"%",
    "\"%PATH%\"",
    "^",
    "a^b",
    "^^\"",
    "!PATH!",
    "a&b",
    "a|b",
    "a<b>c",
    "(a)",
    "\"&calc&\"",
    "$HOME",
    "$(x)",
    "${x}",
    "`n",
    "a`",
    "a;b",
    "a,b",
    "@x",
    "a@b",
    "{a}",
    "#x",
    "a#b",
    "--%",
    "--% x",
    "--",
    "-",
    "-x",
    "-x.y",
    "-x:y",
    "--x=y",
    "~",
    "~/x",
    "~\\x",
    "*",
    "?",
    "[a]",
    "1e3",
    "0x10",
    "10kb",
    "1..3",
    "\u{201c}a\u{201d}",
    "\u{201e}",
    "\u{2018}a\u{2019}",
    "a\u{201a}\u{201b} b",
    "\u{2013}x",
    "ü ß",
    "漢字",
    "a\u{1b}[2J",
    "a\nb",
    "a\r\n",
    "\t",
    "\u{202e}x\" y",
    "\u{e0100}",
    "a\u{a0}b",
    "=ls",
    "a=b",
    "+o",
    "key=v w",
    "\"a\"=\"b\"",
    ".\\x",
    "x%",
    "%^PATH%",
    "a\"%\"b",
];

const WINDOWS: [Shell; 4] = [
    Shell::Cmd,
    Shell::WindowsPowerShell,
    Shell::PowerShell,
    Shell::Unknown,
];

#[track_caller]
fn is_read_back(shell: Shell, text: &str) {
    let word = shell.pasted(text);
    assert!(is_printable(&word), "{shell:?} {text:?}: {word}");
    if word.starts_with('<') {
        assert!(matches!(shell, Shell::Cmd | Shell::Unknown), "{text:?}");
        assert!(shell == Shell::Unknown || !is_printable(text), "{text:?}");
        return;
    }
    for read in read(shell, &word) {
        assert_eq!(read.as_deref(), Some(text), "{shell:?}: {word}");
    }
    let flag = shell.flag("name", text);
    if let Some(word) = flag.strip_prefix("--name=") {
        let whole = format!("--name={text}");
        for read in read(shell, &flag) {
            assert_eq!(read.as_ref(), Some(&whole), "{shell:?}: {word}");
        }
    } else {
        assert_eq!(flag, format!("--name {word}"));
        assert!(!text.starts_with('-') && !text.is_empty(), "{flag}");
    }
}

#[test]
fn what_is_pasted_on_windows_is_read_back_or_said_to_have_no_form() {
    for shell in WINDOWS {
        for text in NASTY {
            is_read_back(shell, text);
        }
    }
}

#[test]
fn what_every_shell_of_windows_reads_alike_is_written_alike() {
    for (text, word) in [
        ("me@host_1", "me@host_1"),
        ("C:\\k\\config", "C:\\k\\config"),
        ("John Doe@HOST", "\"John Doe@HOST\""),
        ("it's; a, (b) & c|d #e ü", "\"it's; a, (b) & c|d #e ü\""),
        ("-n", "-n"),
        ("--all", "--all"),
        ("-x.y", "\"-x.y\""),
        ("~\\x", "\"~\\x\""),
    ] {
        for shell in WINDOWS {
            assert_eq!(shell.pasted(text), word);
        }
    }
}

#[test]
fn what_they_read_differently_is_written_as_the_shell_around_reads_it() {
    for (text, words) in [
        ("", ["\"\"", "'\"\"'", "''", NOT_IN_BOTH]),
        (
            "a\"b c",
            ["^\"a\\^\"b c^\"", "'\"a\\\"b c\"'", "'a\"b c'", NOT_IN_BOTH],
        ),
        (
            "a b\\",
            ["\"a b\\\\\"", "'\"a b\\\\\"'", "'a b\\'", NOT_IN_BOTH],
        ),
        ("50%", ["^\"50^%^\"", "'50%'", "'50%'", NOT_IN_BOTH]),
        ("%A%", ["^\"^%^A^%^\"", "'%A%'", "'%A%'", NOT_IN_BOTH]),
        (
            "$x it's",
            ["\"$x it's\"", "'$x it''s'", "'$x it''s'", NOT_IN_BOTH],
        ),
        (
            "a\u{1b}[2J",
            [
                NOT_IN_CMD,
                "\"a$([char]0x1b)[2J\"",
                "\"a$([char]0x1b)[2J\"",
                NOT_IN_BOTH,
            ],
        ),
    ] {
        let of = WINDOWS.map(|shell| shell.pasted(text).into_owned());
        assert_eq!(of, words);
    }
}

proptest! {
    #[test]
    fn whatever_it_is_it_is_read_back(
        text in prop_oneof![any::<String>(), "[ab \"\\\\%^&$`'“”’!=:~\u{1b}\n-]{0,12}"].prop_filter("no word has one", |text| !text.contains('\0')),
    ) {
        for shell in WINDOWS {
            is_read_back(shell, &text);
        }
    }
}

#[test]
fn a_shell_is_known_by_the_name_of_its_program() {
    for (name, shell) in [
        ("cmd.exe", Some(Shell::Cmd)),
        ("PowerShell.EXE", Some(Shell::WindowsPowerShell)),
        ("pwsh.exe", Some(Shell::PowerShell)),
        ("bash.exe", Some(Shell::Posix)),
        ("kubectl.exe", None),
        ("explorer.exe", None),
        ("", None),
    ] {
        assert_eq!(Shell::of_program(name), shell, "{name}");
    }
}

#[test]
fn two_commands_follow_one_another_where_the_first_worked() {
    let said = |shell: Shell| shell.and("a | b", "c | d");
    assert_eq!(said(Shell::Posix), "a | b && c | d");
    assert_eq!(said(Shell::Cmd), "a | b && c | d");
    assert_eq!(said(Shell::WindowsPowerShell), "a | b; if ($?) { c | d }");
    assert_eq!(said(Shell::Unknown), "a | b and, if that worked: c | d");
    let said = Shell::PowerShell.and("a ü | b", "c");
    assert!(
        said.ends_with("; a ü | b; if ($?) { c }") && said.contains("$OutputEncoding"),
        "{said}"
    );
}

#[test]
fn an_object_is_printed_without_anything_that_a_shell_reads() {
    let object = serde_json::json!({ "a \"b\" \\": ["100% & 'ü' <x> ^ | ! $(y) \u{1f600}"] });
    let text = object.to_string();
    for shell in WINDOWS {
        let line = shell.printing(&text);
        assert!(
            line.is_ascii() && !line.contains(['%', '&', '<', '>', '^', '|', '!']),
            "{line}"
        );
        let json = match shell {
            Shell::Cmd => line.strip_prefix("echo ").expect("it echoes").to_owned(),
            // There are no single quotes within.
            _ => line.trim_matches('\'').to_owned(),
        };
        assert!(!json.contains('\''), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read, object);
    }
    assert_eq!(Shell::Posix.printing("{}"), "printf %s '{}'");
}

#[test]
fn a_variable_is_set_in_each_shells_own_way() {
    let said = |shell: Shell, value: &str| shell.export("X", value);
    assert_eq!(said(Shell::Posix, "a b"), "export X='a b'\n");
    assert_eq!(said(Shell::Cmd, "a&b \"c\""), "set \"X=a&b \"c\"\"\n");
    assert!(said(Shell::Cmd, "a\nb").starts_with("rem X "));
    assert_eq!(said(Shell::PowerShell, "it's $x"), "$env:X = 'it''s $x'\n");
    assert_eq!(
        said(Shell::WindowsPowerShell, "ü$"),
        "$env:X = \"$([char]0xfc)`$\"\n"
    );
}

#[test]
fn a_variable_that_is_not_set_does_not_take_the_next_word_for_its_value() {
    let said = |shell: Shell| shell.flag_with_variable("token", "TOKEN");
    assert_eq!(said(Shell::Posix).as_deref(), Some("--token \"$TOKEN\""));
    assert_eq!(said(Shell::Cmd).as_deref(), Some("--token=\"%TOKEN%\""));
    assert_eq!(
        said(Shell::PowerShell).as_deref(),
        Some("--token=\"$TOKEN\"")
    );
    assert_eq!(said(Shell::Unknown), None);
}

/// Prints what it was given, for the test below.
#[cfg(windows)]
#[test]
fn prints_its_arguments() {
    if std::env::var_os(PRINTS).is_some() {
        let all: Vec<String> = std::env::args().collect();
        let words = all.windows(2).filter(|pair| pair[0] == "--skip");
        let words: Vec<&String> = words.map(|pair| &pair[1]).collect();
        let text = format!("<<{}>>", serde_json::json!(words));
        std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes()).expect("stdout");
    }
}

#[cfg(windows)]
const PRINTS: &str = "KUBECTL_LEASE_TEST_PRINTS";

/// As typed at its prompt, but for the quotes around all of it, which /s takes off. Each word stands beside others, for what they
/// could become together.
#[cfg(windows)]
#[test]
fn cmd_itself_hands_a_program_what_was_meant() {
    use std::os::windows::process::CommandExt;

    let program = std::env::current_exe().expect("this program");
    let test = "words::quoting::tests::prints_its_arguments";
    let has_a_form = |text: &&&str| !Shell::Cmd.pasted(text).starts_with('<');
    let all: Vec<&&str> = NASTY.iter().filter(has_a_form).collect();
    for texts in all.chunks(16) {
        let words = texts
            .iter()
            .map(|text| format!(" --skip {}", Shell::Cmd.pasted(text)));
        let words: String = words.collect();
        let program = program.display();
        let output = std::process::Command::new("cmd.exe")
            .raw_arg(format!(
                "/d /s /c \"\"{program}\" {test} --exact --nocapture{words}\""
            ))
            .env(PRINTS, "1")
            .env("A", "expanded")
            .output()
            .expect("cmd.exe");
        let printed = String::from_utf8_lossy(&output.stdout);
        let json = printed
            .split_once("<<")
            .and_then(|(_, rest)| rest.rsplit_once(">>"));
        let (json, _) = json.unwrap_or_else(|| panic!("{words}\n{printed}"));
        let read: Vec<String> = serde_json::from_str(json).expect("what was printed");
        assert_eq!(
            read,
            texts
                .iter()
                .map(|text| (**text).to_owned())
                .collect::<Vec<_>>(),
            "{words}"
        );
    }
}
