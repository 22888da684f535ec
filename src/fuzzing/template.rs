//! What `-o` takes, and what is made of a document by it: an expression, a NUL, a document.

use serde_json::Value;

use super::{assert_shows_nothing_hidden, halves};
use crate::jsonpath::Template;
use crate::output::columns::Printer;
use crate::output::document;
use crate::output::format::{GrantFormat, ObjectFormat, StatusFormat, ValueFormat};
use crate::words::shown::is_safe;

pub fn fuzz(input: &[u8]) {
    let (format, document) = halves(input);
    let Ok(format) = std::str::from_utf8(format) else {
        return;
    };
    // As in kubectl each of several is found again below each of those before it: so many take long, and are nobody's.
    if format.matches(',').count() > 12 || format.matches("..").count() > 4 {
        return;
    }
    let document = serde_json::from_slice(document).unwrap_or(Value::Null);
    // A file is another's contents; what is in one comes as the others do.
    if !format.to_ascii_lowercase().contains("-file=") {
        let _ = format.parse::<ObjectFormat>();
        let _ = format.parse::<GrantFormat>();
        match format.parse::<StatusFormat>() {
            Ok(StatusFormat::CustomColumns(columns)) => {
                let items = [document.clone(), Value::Null];
                let printed = Printer::default().page(&columns, &items, false);
                printed
                    .iter()
                    .for_each(|text| assert_shows_nothing_hidden(text));
                columns
                    .templates()
                    .for_each(|one| drop(fill(one, &document)));
            }
            Ok(StatusFormat::Value(format)) => {
                let _ = document::value(&document, &format);
                if let ValueFormat::JsonPath(template) | ValueFormat::JsonPathAsJson(template) =
                    format
                {
                    fill(&template, &document);
                }
            }
            Ok(StatusFormat::Wide | StatusFormat::Name | StatusFormat::Prometheus) | Err(_) => {}
        }
    }
    if let Ok(template) = Template::parse(format) {
        assert_eq!(Template::parse(format).as_ref(), Ok(&template));
        let shown = fill(&template, &document);
        // The text of the template itself is the user's own.
        if is_safe(format) && !format.contains('\\') {
            shown
                .iter()
                .for_each(|text| assert_shows_nothing_hidden(text));
        }
    }
    let _ = Template::path(format).map(|template| fill(&template, &document));
}

/// What a terminal shows of it, if anything.
fn fill(template: &Template, document: &Value) -> Option<String> {
    let _ = template.mentions("events");
    let _ = template.clone().strict().render(document, false);
    let lists = template.lists(document);
    let values = template.values(document);
    let shown = template.render(document, true);
    assert_eq!(lists.is_ok(), values.is_ok());
    assert_eq!(lists.is_ok(), shown.is_ok());
    let count = |lists: &Vec<Value>| -> usize {
        let each = lists.iter().map(|list| list.as_array().map_or(0, Vec::len));
        each.sum()
    };
    assert_eq!(
        lists.ok().as_ref().map(count),
        values.ok().map(|all| all.len())
    );
    shown.ok()
}
