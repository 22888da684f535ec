//! `--template`: kubectl's other place for what is written behind `-o jsonpath=` here.

use std::ffi::OsString;

use super::typed::Typed;
use crate::output::format::no_go_templates;

const TEMPLATE: &str = "--template=";
const OUTPUT: &str = "--output=";

/// The formats that take a template; elsewhere kubectl ignores it.
const TAKES_ONE: [&str; 3] = ["jsonpath", "jsonpath-as-json", "jsonpath-file"];

/// The words with `--template=…` moved behind the format, and left out where that has one. They were read before: each
/// flag and its value are one word.
///
/// # Errors
/// Where it is a Go template: those are what kubectl takes it for without a format.
pub fn joined(typed: &Typed<'_>, mut words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let Some(template) = typed.values("template").last() else {
        return Ok(words);
    };
    let format = typed.values("output").filter(|format| !format.is_empty());
    // A format of Go templates is refused where formats are read, with the same words.
    let format = format.last().ok_or_else(|| no_go_templates("--template"))?;
    let is = |word: &OsString, flag: &str| word.to_str().is_some_and(|word| word.starts_with(flag));
    let end = words.iter().position(|word| word == "--");
    let others = words.split_off(end.unwrap_or(words.len()));
    words.retain(|word| !is(word, TEMPLATE));
    if TAKES_ONE.contains(&format) {
        let formats = words.iter_mut().filter(|word| is(word, OUTPUT));
        formats.for_each(|word| *word = format!("{OUTPUT}{format}={template}").into());
    }
    words.extend(others);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &str) -> Result<String, String> {
        let root = crate::usage::tree();
        let words: Vec<OsString> = typed.split(' ').map(OsString::from).collect();
        let typed = Typed::read(&root, &words)?;
        let words = joined(&typed, typed.words.clone())?.into_iter();
        let words = words.map(|word| word.to_string_lossy().into_owned());
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_template_goes_behind_a_format_that_has_none() {
        for line in [
            "status --output=jsonpath --template={.a} => status --output=jsonpath={.a}",
            "status --template={.a} --output=jsonpath-as-json a => status --output=jsonpath-as-json={.a} a",
            "status --output=jsonpath-file --template=f => status --output=jsonpath-file=f",
            "status --output=jsonpath={.b} --template={.a} => status --output=jsonpath={.b}",
            "status --output=json --template={.a} => status --output=json",
            "status --output=go-template --template={{.a}} => status --output=go-template",
            "hold a -- b --template=c => hold a -- b --template=c",
        ] {
            let (typed, becomes) = line.split_once(" => ").expect("an arrow");
            assert_eq!(read(typed).as_deref(), Ok(becomes), "{typed}");
        }
        let refused = read("status --template={{.a}}");
        assert!(
            refused.is_err_and(|why| why.starts_with("Go templates need Go; use -o jsonpath="))
        );
    }
}
