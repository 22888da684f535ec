//! `--template`: kubectl's other place for what is written behind `-o jsonpath=` here.

use std::ffi::OsString;

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
pub fn joined(mut words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let end = words.iter().position(|word| word == "--");
    let ours = &words[..end.unwrap_or(words.len())];
    let last = |flag: &str| {
        let mut all = ours.iter().rev();
        all.find_map(|word| word.to_str()?.strip_prefix(flag).map(str::to_owned))
    };
    let Some(template) = last(TEMPLATE) else {
        return Ok(words);
    };
    let format = last(OUTPUT);
    // A format of Go templates is refused where formats are read, with the same words.
    let Some(format) = format else {
        return Err(no_go_templates("--template"));
    };
    let is = |word: &OsString, flag: &str| word.to_str().is_some_and(|word| word.starts_with(flag));
    let others = words.split_off(end.unwrap_or(words.len()));
    words.retain(|word| !is(word, TEMPLATE));
    if TAKES_ONE.contains(&format.as_str()) {
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
        let words = joined(typed.split(' ').map(OsString::from).collect())?;
        let words = words.iter().map(|word| word.to_string_lossy());
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_template_goes_behind_a_format_that_has_none() {
        for (typed, becomes) in [
            (
                "x status --output=jsonpath --template={.a}",
                "x status --output=jsonpath={.a}",
            ),
            (
                "x status --template={.a} --output=jsonpath-as-json a",
                "x status --output=jsonpath-as-json={.a} a",
            ),
            (
                "x status --output=jsonpath-file --template=f",
                "x status --output=jsonpath-file=f",
            ),
            (
                "x status --output=jsonpath={.b} --template={.a}",
                "x status --output=jsonpath={.b}",
            ),
            (
                "x status --output=json --template={.a}",
                "x status --output=json",
            ),
            (
                "x status --output=go-template --template={{.a}}",
                "x status --output=go-template",
            ),
            ("x hold a -- b --template=c", "x hold a -- b --template=c"),
        ] {
            assert_eq!(read(typed).as_deref(), Ok(becomes), "{typed}");
        }
        let refused = read("x status --template={{.a}}");
        assert!(
            refused.is_err_and(|why| why.starts_with("Go templates need Go; use -o jsonpath="))
        );
    }
}
