//! kubectl's flags about templates: `--allow-missing-template-keys` and `--template`.

use crate::support::{fresh, held, said};

const STRICT: &str = "--allow-missing-template-keys=false";

#[test]
fn a_name_that_is_not_there_prints_nothing_unless_that_is_not_allowed() {
    let (ns, user) = fresh();
    let missing = "error: the template cannot be filled in: nope is not found\n";
    for subcommand in ["status", "renew", "release"] {
        for (format, lenient) in [
            ("jsonpath={.nope}", ""),
            ("jsonpath-as-json={.nope}", "[]\n"),
        ] {
            ns.create(&held("job", "me", 60));
            let words = [subcommand, "job", "--holder=me", "-o", format];
            let words = || {
                words
                    .into_iter()
                    .filter(|word| !(subcommand == "status" && word.starts_with("--holder")))
            };
            for allow in [
                &[][..],
                &["--allow-missing-template-keys"],
                &["--allow-missing-template-keys=T"],
            ] {
                ns.delete("job");
                ns.create(&held("job", "me", 60));
                let output = ns.run(&user, words().chain(allow.iter().copied()));
                said(&output, 0, lenient, "");
            }
            ns.delete("job");
            ns.create(&held("job", "me", 60));
            let output = ns.run(&user, words().chain([STRICT]));
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(1), ""),
                "{output}"
            );
            assert!(output.stderr.starts_with(missing), "{output}");
            ns.delete("job");
        }
    }
}

#[test]
fn what_is_there_and_what_is_no_template_is_printed_in_any_case() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    for (format, expected) in [
        ("jsonpath={.metadata.name}", "job"),
        ("name", "lease.coordination.k8s.io/job\n"),
        ("custom-columns=A:.nope", "A\n<none>\n"),
    ] {
        said(
            &ns.run(&user, ["status", "job", "-o", format, STRICT]),
            0,
            expected,
            "",
        );
    }
    let list = ns.run(&user, ["status", "-o", "jsonpath={.items[*].nope}", STRICT]);
    assert_eq!((list.code, list.stdout.as_str()), (Some(1), ""), "{list}");
}

#[test]
fn a_template_may_stand_in_a_flag_of_its_own() {
    let (ns, user) = fresh();
    ns.create(&held("job", "me", 60));
    let file = ns.file("template", "{.metadata.name}!");
    let file = file.to_str().expect("text");
    for (words, expected) in [
        (
            &["-o", "jsonpath", "--template={.metadata.name}"][..],
            "job",
        ),
        (
            &["--template", "{.metadata.name}", "-ojsonpath-as-json"],
            "[\n    \"job\"\n]\n",
        ),
        (&["-o", "jsonpath-file", "--template", file], "job!"),
        // As in kubectl, other formats have none.
        (
            &["-o", "name", "--template={.metadata.name}"],
            "lease.coordination.k8s.io/job\n",
        ),
    ] {
        let all = ["status", "job"].into_iter().chain(words.iter().copied());
        said(&ns.run(&user, all), 0, expected, "");
    }
}
