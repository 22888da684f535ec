//! A page of a list: decoded like each of its Leases by itself, and shown in every format with nothing unescaped.

use serde_json::Value;

use super::assert_shows_nothing_hidden;
use crate::lease::events;
use crate::lease::evidence::Stamps;
use crate::lease::record::{Keep, Record};
use crate::lease::report::{Row, needs_version};
use crate::lease::summary::{Summary, next_page, page};
use crate::output::format::DocumentFormat;
use crate::output::status::describe::{Surroundings, describe};
use crate::output::status::table::{Layout, Printer};
use crate::output::status::{document, prometheus};

pub fn fuzz(input: &[u8]) {
    let next = next_page(input);
    let Ok(whole) = Keep::ObjectsWhole.page(input) else {
        return;
    };
    assert!(next.is_none_or(|next| !next.from.is_empty()));
    let facts = page(input).expect("it was decoded with its objects");
    assert_eq!(facts.items.len(), whole.items.len());
    for lease in &whole.items {
        by_itself(lease);
    }
    let dates = [
        "2026-01-02T00:00:10Z",
        "-009999-01-02T01:59:59Z",
        "9999-12-30T22:00:00Z",
    ];
    for (date, stamps) in
        dates
            .into_iter()
            .zip([Stamps::Trusted, Stamps::Untrusted, Stamps::Unknown])
    {
        let date = date.parse().ok();
        let row = |lease: &Summary| {
            let _ = needs_version(lease, date);
            Row::new(lease.clone(), date, stamps)
        };
        let rows: Vec<Row> = whole.items.iter().map(row).collect();
        shown(&rows);
    }
}

/// The facts that a list has of a Lease are those that it has alone. Of two fields of one name only one is there then.
fn by_itself(lease: &Summary) {
    let object = lease.object.as_deref().expect("it is kept").clone();
    let text = object.to_string();
    let alone = Keep::Objects
        .one(text.as_bytes())
        .expect("it was read before");
    if let Ok(record) = Record::listed(object) {
        let facts = Keep::Facts.of(&record);
        assert_eq!(
            facts,
            Summary {
                object: None,
                ..alone
            }
        );
    }
}

fn shown(rows: &[Row]) {
    let mut texts = vec![prometheus::whole(rows)];
    for (wide, width) in [
        (false, None),
        (true, None),
        (true, Some(60)),
        (false, Some(1)),
    ] {
        let layout = Layout {
            namespaces: true,
            wide,
            labels: wide,
            width,
            ..Layout::default()
        };
        texts.push(Printer::new(layout).page(rows, &[]));
    }
    for format in [DocumentFormat::Json, DocumentFormat::Yaml] {
        let mut writer = document::ListWriter::new(format);
        let text = writer.page(rows).expect("rows can be written") + writer.end();
        let read: Result<Value, String> = match format {
            DocumentFormat::Json => serde_json::from_str(&text).map_err(|why| why.to_string()),
            DocumentFormat::Yaml => serde_yaml::from_str(&text).map_err(|why| why.to_string()),
        };
        assert_eq!(read.as_ref(), Ok(&document::list(rows)), "{text}");
        texts.push(text);
    }
    for row in rows {
        let object = row.lease.object.as_deref().cloned();
        if let Some(record) = object.and_then(|object| Record::listed(object).ok()) {
            // As if it were an Event too.
            let around = Surroundings {
                events: Some(Ok(vec![events::read(record.as_json())])),
                columns: Some(40),
                ..Surroundings::default()
            };
            texts.push(describe(row, &record, &around));
        }
        texts.push(document::line(&document::one(row)));
        let _ = (row.age(), row.flaps_per_hour());
    }
    texts
        .iter()
        .for_each(|text| assert_shows_nothing_hidden(text));
}
