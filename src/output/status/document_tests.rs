//! The document and templates over it: whole, page by page, and with hostile content.

use super::Row;
use super::document::{ListWriter, for_templates, line, list, list_for_templates, one};
use super::samples::{assert_safe, endless, expired, free, held, hostile, row, skewed};
use crate::jsonpath::Template;
use crate::lease::record::Keep;
use crate::output::columns::{Columns, Printer};
use crate::output::document::text;
use crate::output::format::DocumentFormat::{Json, Yaml};
use serde_json::{Value, json};

#[test]
fn one_lease_is_this_document() {
    let expected = json!({
        "apiVersion": "kubectl-lease/v1",
        "kind": "LeaseStatus",
        "metadata": {
            "name": "skewed", "namespace": "default", "uid": "uid-held", "resourceVersion": "77",
            "creationTimestamp": "2026-01-01T11:00:00Z",
        },
        "state": "Held",
        "proof": "ServerStamp",
        "observedAt": "2026-01-01T12:00:00Z",
        "class": "lock",
        "holder": "me@host",
        "acquireTime": "2026-01-01T11:50:00Z",
        "renewTime": "2026-01-01T10:59:55Z",
        "durationSeconds": 15,
        "transitions": 3,
        "renewedSecondsAgo": 5.0,
        "expiresInSeconds": 10.0,
        "skewSeconds": -3600.0,
        "reason": null,
        "strategy": null,
        "preferredHolder": null,
        "previousHolder": null,
    });
    assert_eq!(one(&row(&skewed())), expected);
}

#[test]
fn states_and_proofs_are_words() {
    let words = |lease: &Value| {
        let document = one(&row(lease));
        (
            document["state"].clone(),
            document["proof"].clone(),
            document["expiresInSeconds"].clone(),
        )
    };
    assert_eq!(
        words(&expired()),
        (json!("Expired"), json!("RenewTime"), json!(-585.0))
    );
    assert_eq!(words(&free()), (json!("Free"), Value::Null, Value::Null));
    assert_eq!(
        words(&endless()),
        (json!("HeldWithoutExpiry"), Value::Null, Value::Null)
    );
}

#[test]
fn yaml_is_the_same_document() {
    let text = text(&one(&row(&held())), Yaml).expect("YAML");
    assert!(
        text.starts_with("acquireTime: \"2026-01-01T11:50:00Z\"\napiVersion: kubectl-lease/v1\n"),
        "{text}"
    );
    assert!(
        text.contains("\nexpiresInSeconds: 10.0\nholder: me@host\nkind: LeaseStatus\n"),
        "{text}"
    );
}

#[test]
fn a_list_written_page_by_page_is_the_same_document() {
    let rows: Vec<Row> = hostile().iter().map(row).collect();
    for pages in [
        vec![&rows[..]],
        vec![&rows[..1], &rows[1..]],
        vec![&rows[..0]],
    ] {
        let all = list(&pages.concat());
        for format in [Json, Yaml] {
            let mut writer = ListWriter::new(format);
            let mut out: String = pages
                .iter()
                .map(|page| writer.page(page).expect("a page"))
                .collect();
            out.push_str(writer.end());
            assert_eq!(out, text(&all, format).expect("a document"));
        }
    }
}

#[test]
fn hostile_content_is_escaped_and_not_lost() {
    for lease in hostile() {
        let document = one(&row(&lease));
        for json in [text(&document, Json).expect("JSON"), line(&document)] {
            assert_safe(&json);
            assert_eq!(
                serde_json::from_str::<Value>(&json).expect("JSON"),
                document
            );
        }
        assert_eq!(line(&document).lines().count(), 1);
        let yaml = text(&document, Yaml).expect("YAML");
        assert_safe(&yaml);
        assert_eq!(
            serde_yaml::from_str::<Value>(&yaml).expect("YAML"),
            document
        );
    }
    let beyond = json!({"holder": "a\u{e0001}b"});
    let shown = line(&beyond);
    assert_eq!(shown, "{\"holder\":\"a\\udb40\\udc01b\"}\n");
    assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), beyond);
}

#[test]
fn a_template_escapes_on_a_terminal_and_columns_always() {
    let rows: Vec<Row> = hostile().iter().map(row).collect();
    let template = Template::parse("{range .items[*]}{.holder}{\"\\n\"}{end}").expect("a template");
    let shown = template
        .render(&list_for_templates(&rows), true)
        .expect("text");
    assert_safe(&shown);
    assert_eq!(shown.lines().count(), rows.len());
    let exact = template
        .render(&list_for_templates(&rows[..1]), false)
        .expect("text");
    assert_eq!(exact.strip_suffix('\n'), rows[0].lease.holder.as_deref());

    let columns = Columns::parse("N:.metadata.name,H:.holder,R:.reason").expect("columns");
    let items: Vec<Value> = rows.iter().map(for_templates).collect();
    let shown = Printer::default()
        .page(&columns, &items, true)
        .expect("columns");
    assert_safe(&shown);
    assert_eq!(shown.lines().count(), rows.len());
}

#[test]
fn a_path_through_all_levels_meets_each_field_of_a_lease_once_as_in_kubectl() {
    let lease = super::samples::elected();
    let summary = Keep::Objects.of(&super::samples::record(&lease));
    let mut row = row(&lease);
    row.lease = summary;
    let list = list_for_templates(&[row.clone(), row.clone()]);
    for field in ["acquireTime", "renewTime", "strategy", "holderIdentity"] {
        let found = |path: &str, document: &Value| {
            let template = Template::parse(path).expect("a template");
            template.render(document, false).expect("text")
        };
        let own = lease["spec"][field].as_str().expect("a text");
        let one = for_templates(&row);
        assert_eq!(found(&format!("{{..{field}}}"), &one), own);
        assert_eq!(
            found(&format!("{{..{field}}}"), &list),
            format!("{own} {own}")
        );
        assert_eq!(found(&format!("{{.spec.{field}}}"), &one), own);
    }
    // What a status says by itself stays.
    let template = Template::parse("{.renewTime} {..holder}").expect("a template");
    let text = template.render(&for_templates(&row), false).expect("text");
    assert_eq!(text, "2026-01-01T11:59:55Z me@host");
}
