//! What each wrong command line is told, and every page of help, as snapshots; nothing here starts a process.

use clap::CommandFactory;

use super::*;

/// A command line as in a shell: `''` is an empty word and `␣` a space inside one.
fn said(line: &str) -> String {
    let words = line.split_whitespace().skip(2).map(|word| match word {
        "''" => OsString::new(),
        word => word.replace('␣', " ").replace("␛", "\u{1b}").into(),
    });
    match read(&words.collect::<Vec<_>>()) {
        Ok(_) => "(taken)".to_owned(),
        Err(Instead::Help(_)) => "(help)".to_owned(),
        Err(Instead::Error(line)) => line,
    }
}

/// Each line with what is said of it below.
fn table(lines: &str) -> String {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let rows = lines.map(|line| format!("{line}\n    {}\n", said(line)));
    rows.collect()
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
#[cfg_attr(windows, ignore = "the signals of Unix are in it")]
fn values_that_cannot_be_are_named_with_what_is_allowed() {
    let wrong = table(
        "
        kubectl lease create -- Job
        kubectl lease acquire -- -job
        kubectl lease renew job-
        kubectl lease check job_1
        kubectl lease release a..b
        kubectl lease steal .a
        kubectl lease status ''
        kubectl lease status a␣b
        kubectl lease acquire ümlaut
        kubectl lease acquire job␛[2J
        kubectl lease hold Job -- true
        kubectl lease hold -- job
        kubectl lease status -n A
        kubectl lease status -n a.b
        kubectl lease -n ../x status
        kubectl lease create job --duration=0
        kubectl lease acquire job --duration=0s
        kubectl lease hold job --duration=500ms
        kubectl lease steal job --duration=1.5s
        kubectl lease create job --duration=-5s
        kubectl lease create job --duration=-1
        kubectl lease create job --duration=2147483648
        kubectl lease create job --duration=600000h
        kubectl lease create job --duration=99999999999999999999
        kubectl lease create job --duration=soon
        kubectl lease create job --duration=
        kubectl lease create job --duration=5␣s
        kubectl lease create job --duration=1e3
        kubectl lease hold job --timeout=-1s -- true
        kubectl lease hold job --timeout=soon -- true
        kubectl lease hold job --kill-after=x -- true
        kubectl lease hold job --request-timeout=x -- true
        kubectl lease hold job --timeout -5 -- true
        kubectl lease acquire job --duration -5s
        kubectl lease renew job --timeout -1h
        kubectl lease status --request-timeout -1
        kubectl lease hold job --on-lost=FOO -- true
        kubectl lease acquire job -E 300
        kubectl lease acquire job -E x
        kubectl lease acquire job -E -1
        kubectl lease status --chunk-size -5
        kubectl lease acquire job --holder=
        kubectl lease create job --holder=
        kubectl lease hold job --holder ''
        kubectl lease renew job --holder ''
        kubectl lease check job --holder ''
        kubectl lease release job --holder ''
        kubectl lease steal job --holder ''
        kubectl lease steal job --if-holder=
        kubectl lease acquire job --holder ␣␣
        kubectl lease create job -l a
        kubectl lease create job -l ''
        kubectl lease create job -l =x
        kubectl lease create job -l a␣b=c
        kubectl lease create job -l /a=c
        kubectl lease create job -l a=b,c=-d
        kubectl lease create job --annotations=a
        kubectl lease create job --annotations=/=x
        kubectl lease create job -oxml
        kubectl lease acquire job -oxml
        kubectl lease renew job -oxml
        kubectl lease release job -oxml
        kubectl lease steal job -oxml
        kubectl lease status -oxml
        kubectl lease status -o=jsonpath={.items[
        kubectl lease status -o=custom-columns=NAME
        kubectl lease status --state=lost
        kubectl lease status --sort-by=size
        kubectl lease version -oxml
        kubectl lease status --template={{.a}}
        kubectl lease release job --template {{.kind}}
        kubectl lease status -o go-template --template={{.kind}}
        kubectl lease renew job -o go-template-file=x
        kubectl lease status --allow-missing-template-keys=maybe
        kubectl lease create job --dry-run=x
        kubectl lease completion tcsh
        kubectl lease explain magic
        kubectl lease status -w=yes
        kubectl lease status -Aw=no
        kubectl lease status --all-namespaces=
        kubectl lease steal job -y=j
        kubectl lease status -v=x
        kubectl lease status --v=
        kubectl lease acquire job --field-manager=
        kubectl lease renew job --field-manager=a␛b
        kubectl lease release job --field-manager=kubectl-lease-clock
        ",
    );
    snapshot("values", &wrong);
}

#[test]
fn what_is_missing_unknown_or_contradictory_is_told_with_what_was_meant() {
    let wrong = table(
        "
        kubectl lease acquire
        kubectl lease hold job --
        kubectl lease create job --preferred-holder=x
        kubectl lease acquire job --holder
        kubectl lease acquire job --holder --create
        kubectl lease acquire job --holder=me --unique
        kubectl lease status job -A
        kubectl lease status job -l a=b
        kubectl lease status --exit-code
        kubectl lease status job --exit-code -w
        kubectl lease status -w --ignore-not-found
        kubectl lease aquire job
        kubectl lease sta
        kubectl lease get leases
        kubectl lease lock job
        kubectl lease exec job -- ls
        kubectl lease unlock job
        kubectl lease takeover job
        kubectl lease extend job
        kubectl lease apply job
        kubectl lease delete job
        kubectl lease docs
        kubectl lease my-lease
        kubectl lease ???
        kubectl lease -A
        kubectl lease -n default
        kubectl lease acquire job --hodler=me
        kubectl lease acquire job --time=5s
        kubectl lease acquire job --wait
        kubectl lease hold job --watch -- true
        kubectl lease check job --yes
        kubectl lease check job -o json
        kubectl lease check job --template={.a}
        kubectl lease --state=held status
        kubectl lease --state held status
        kubectl lease --watch status
        kubectl lease status -Q
        kubectl lease status -5
        kubectl lease hold a b
        kubectl lease hold a ./b.sh --all
        kubectl lease hold a no-program ./x y
         hold a true /c dir
        kubectl lease hold a B -- true
        kubectl lease hold a ./b.sh --timeout=x
        kubectl lease acquire a ./b.sh
        kubectl lease acquire a b
        kubectl lease create a b
        kubectl lease renew a b
        kubectl lease check a b c
        kubectl lease steal a b --yes
        kubectl lease steal lease/a lease/b
        kubectl lease renew lease job
        kubectl lease create leases.coordination.k8s.io job
        kubectl lease status lease job
        kubectl lease release lease a b
        kubectl lease release -- lease a
        kubectl lease explain lease holder
        ",
    );
    snapshot("words", &wrong);
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_named_with_its_flag() {
    use std::os::unix::ffi::OsStringExt;

    for (words, said) in [
        (
            &[&b"release"[..], b"job", b"--holder=m\xff"][..],
            "invalid value \"m\u{fffd}\" for --holder: it is not UTF-8",
        ),
        (
            &[b"steal", b"--if-holder", b"m\xff", b"job"],
            "invalid value \"m\u{fffd}\" for --if-holder: it is not UTF-8",
        ),
        (
            &[b"status", b"j\xffb"],
            "invalid value \"j\u{fffd}b\": it is not UTF-8",
        ),
    ] {
        let words = words.iter().map(|word| OsString::from_vec(word.to_vec()));
        let words: Vec<OsString> = words.collect();
        let Err(Instead::Error(line)) = read(&words) else {
            panic!("it was taken: {words:?}")
        };
        assert_eq!(line, format!("error: {said}"));
    }
}

/// The command and each one below it that help shows, as they are in a terminal of 80 columns.
fn pages() -> Vec<clap::Command> {
    fn below(command: &clap::Command, all: &mut Vec<clap::Command>) {
        all.push(command.clone());
        let shown = command.get_subcommands().filter(|one| !one.is_hide_set());
        let shown = shown.filter(|one| one.get_name() != "help");
        shown.for_each(|one| below(one, all));
    }
    let mut root = Cli::command().term_width(80);
    root.build();
    let mut all = Vec::new();
    below(&root, &mut all);
    all
}

/// Two screens of 45 lines: what takes, asks and records in bulk has that many flags.
const LINES: usize = 90;

/// A command under a lease can be had in as many ways as one in a pod: as much as `kubectl run --help` has.
const LINES_OF_HOLD: usize = 130;

#[test]
fn each_help_fits_a_terminal_of_80_columns_and_two_screens() {
    for command in pages() {
        let page = help::page(&command, true).to_string();
        snapshot(&format!("help-{}", command.get_name()), &page);
        let most = match command.get_name() {
            "hold" => LINES_OF_HOLD,
            _ => LINES,
        };
        assert!(page.lines().count() <= most, "{page}");
        assert!(
            page.lines().all(|line| line.chars().count() <= 80),
            "{page}"
        );
        // A paragraph whose line was broken where it was not written to be leaves a word alone.
        let alone = |line: &str| !line.starts_with(' ') && !line.contains([' ', ':']);
        let alone = page.lines().find(|line| !line.is_empty() && alone(line));
        assert_eq!(alone, None, "{page}");
    }
    snapshot("options", &options().to_string());
}

#[test]
fn the_exit_codes_in_each_help_are_those_of_the_table() {
    let mut told = 0;
    for command in pages() {
        let page = help::page(&command, true).to_string();
        let Some((_, codes)) = page.split_once("Exit status:\n") else {
            continue;
        };
        told += 1;
        let codes = codes.split("\n\n").next().unwrap_or_default();
        let numbers = codes
            .split([' ', '\n', '/'])
            .filter_map(|word| word.parse().ok());
        let numbers: Vec<u32> = numbers.collect();
        assert!(!numbers.is_empty(), "{page}");
        for code in numbers {
            assert!(crate::exit::is_one(code), "{code}: {page}");
        }
    }
    assert!(told >= 12, "{told}");
}

#[test]
fn a_short_help_is_the_long_one_without_what_teaches() {
    for command in pages() {
        let [short, whole] = [false, true].map(|whole| help::page(&command, whole).to_string());
        let arguments = short.split("  -h, --help").next().unwrap_or_default();
        assert!(whole.starts_with(arguments), "{short}");
        assert!(!short.contains("Examples:"), "{short}");
        let ends = [&short, &whole].map(|page| page.trim_end().ends_with("kubectl lease options"));
        assert_eq!(ends[0], ends[1], "{short}");
    }
}

#[test]
fn help_is_that_of_the_subcommand_wherever_it_is_asked_for() {
    let help = |line: &str| {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        match read(&words) {
            Err(Instead::Help(text)) => text.to_string(),
            Err(Instead::Error(line)) => panic!("{line}"),
            Ok(cli) => panic!("{cli:?}"),
        }
    };
    let whole = help("hold --help");
    for line in [
        "help hold",
        "-n status hold --help",
        "hold status --help",
        "--context=x hold --create job --help",
        "hold --help=true",
    ] {
        assert_eq!(help(line), whole, "{line}");
    }
    assert_eq!(help("hold -vh"), help("hold -h"));
    let install = help("completion install --help");
    assert!(install.contains("Usage: kubectl lease completion install"));
    for line in ["help", "--help"] {
        assert_eq!(help(line), help::page(&tree(), true).to_string(), "{line}");
    }
}

#[test]
fn the_last_word_asks_for_help_as_programs_of_windows_are_asked() {
    let asks = |line: &str| {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        asks_as_on_windows(&words)
    };
    assert!(asks("/?") && asks("hold job /?") && asks("status -?"));
    assert!(!asks("hold job -- cmd /?") && !asks("hold /? job") && !asks("status ?"));
}

/// What is a program on PATH begins the command, though a lease may be called so.
#[cfg(unix)]
#[test]
fn a_program_among_the_names_begins_the_command() {
    let said = said("kubectl lease hold job true /c dir");
    assert!(said.ends_with("as in: hold job -- true /c dir"), "{said}");
}
