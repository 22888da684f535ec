//! Templates and what kubectl prints for them, of a Lease and of a list.

use serde_json::{Value, json};

use super::*;

fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": name, "namespace": "default", "labels": {"tier": "db", "app.io/x": "1"},
            "annotations": {"n": "a b", "e": "", "q": "x'y\"z<"}, "finalizers": ["f.io/a", "f.io/b", "f.io/c"],
        },
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 3},
    })
}

fn list() -> Value {
    let mut other = lease("b");
    other["spec"] = json!({"holderIdentity": ""});
    other["metadata"] = json!({"name": "b", "namespace": "default"});
    json!({"apiVersion": "v1", "kind": "List", "items": [lease("a"), other]})
}

#[track_caller]
fn prints(document: &Value, template: &str, text: &str) {
    let parsed = Template::parse(template).expect(template);
    assert_eq!(
        parsed.render(document, false).as_deref(),
        Ok(text),
        "{template}"
    );
}

#[test]
fn one_lease_prints_as_kubectl_prints_it() {
    for (template, text) in [
        (".metadata.name", ".metadata.name"),
        ("{.metadata.labels}", r#"{"app.io/x":"1","tier":"db"}"#),
        ("{.metadata.finalizers}", r#"["f.io/a","f.io/b","f.io/c"]"#),
        ("{.metadata.finalizers[0]}", "f.io/a"),
        ("{.metadata.finalizers[]}", "f.io/a"),
        ("{.metadata.finalizers[-1]}", "f.io/c"),
        ("{.metadata.finalizers[-2]}", "f.io/b"),
        ("{.metadata.finalizers[-1:]}", "f.io/c"),
        ("{.metadata.finalizers[0:2]}", "f.io/a f.io/b"),
        ("{.metadata.finalizers[1:1]}", ""),
        ("{.metadata.finalizers[::2]}", "f.io/a f.io/c"),
        ("{.metadata.finalizers[0,2]}", "f.io/a f.io/c"),
        ("{.metadata.finalizers[*]}", "f.io/a f.io/b f.io/c"),
        ("{.metadata.finalizers.*}", "f.io/a f.io/b f.io/c"),
        ("{.metadata.finalizers[?(@==\"f.io/a\")]}", "f.io/a"),
        (
            "{.metadata.finalizers.name}{.metadata.finalizers[*].name}",
            "",
        ),
        ("{.metadata['name','namespace']}", "a default"),
        ("{.metadata['name']}", "a"),
        ("{.metadata.labels['app\\.io/x']}", "1"),
        ("{.metadata.labels['app.io/x']}", ""),
        ("{.metadata.labels.app\\.io/x}", "1"),
        ("{..name}", "a"),
        ("{..metadata.name}", "a"),
        ("{.metadata..n}", "a b"),
        ("{.spec.*}", "me 15 3"),
        ("{.nothing}x{.spec.holderIdentity.foo}y", "xy"),
        (
            "{range .metadata.finalizers[*]}{@}{\"\\n\"}{end}",
            "f.io/a\nf.io/b\nf.io/c\n",
        ),
        (
            "{range .metadata.finalizers}{@}{'\\n'}{end}",
            "[\"f.io/a\",\"f.io/b\",\"f.io/c\"]\n",
        ),
        (
            "{.spec.leaseDurationSeconds}{\"\\t\"}{.spec.leaseTransitions}",
            "15\t3",
        ),
        ("{.metadata.name .spec}", ""),
        ("{\"a\" \"b\"}", "b"),
        ("{1}{true}{-1.5}", "1true-1.5"),
        ("{@.metadata.name}{$.metadata.name}", "aa"),
        ("x{\"\\u0041\\x42\\103\"}y", "xABCy"),
        ("{\"it's \\\"x\\\"\"}", "it's \"x\""),
        ("{ .metadata.name }", "a"),
        ("{.}", ""),
        ("{.metadata.annotations.q}", "x'y\"z<"),
        (
            "{.metadata.annotations}",
            r#"{"e":"","n":"a b","q":"x'y\"z\u003c"}"#,
        ),
        ("holder: {.spec.holderIdentity}\n", "holder: me\n"),
    ] {
        prints(&lease("a"), template, text);
    }
}

#[test]
fn a_list_prints_as_kubectl_prints_it() {
    for (template, text) in [
        ("{..name}", "a b"),
        ("{.items..name}", "a b"),
        ("{..metadata.name}", "a b"),
        ("{.items[*].metadata.name}", "a b"),
        ("{.items[0,1].metadata.name}", "a b"),
        ("{.items[:1].metadata.name}", "a"),
        ("{.items[-1].metadata.name}", "b"),
        ("{.items[?(@.metadata.name==\"a\")]..name}", "a"),
        ("{.items[?(@.metadata.name == 'a' )].metadata.name}", "a"),
        ("{.items[?(@.metadata.name!='a')].metadata.name}", "b"),
        ("{.items[?(@.metadata.labels.tier)].metadata.name}", "a"),
        (
            "{.items[?(@.metadata.labels.app\\.io/x==\"1\")].metadata.name}",
            "a",
        ),
        (
            "{.items[?(@.spec.leaseDurationSeconds>10)].metadata.name}",
            "a",
        ),
        (
            "{.items[?(@.spec.leaseDurationSeconds<=14.5)].metadata.name}",
            "",
        ),
        (
            "{.items[*]['metadata.name','spec.holderIdentity']}",
            "a b me ",
        ),
        ("{.items[*]['metadata.name', 'kind']}", "a b Lease Lease"),
        (
            "{range .items[*]}[{.metadata.name}, {.spec.holderIdentity}] {end}",
            "[a, me] [b, ] ",
        ),
        (
            "{range .items[*]}{range .metadata.finalizers[*]}{@} {end};{end}.",
            "f.io/a f.io/b f.io/c ;;.",
        ),
        (
            "{range .items[?(@.metadata.name==\"zz\")]}{.x}{end}end",
            "end",
        ),
        ("{.kind} {.items[0].kind}", "List Lease"),
        ("{.items[*].metadata.finalizers[0]}", "f.io/a"),
        ("{..finalizers[0]}", "f.io/a"),
    ] {
        prints(&list(), template, text);
    }
}

#[test]
fn what_kubectl_cannot_find_out_is_an_error() {
    for (template, why) in [
        (
            "{.items[7]}",
            "array index out of bounds: index 7, length 2",
        ),
        (
            "{.items[-5]}",
            "array index out of bounds: index -3, length 2",
        ),
        (
            "{.items[:9]}",
            "array index out of bounds: index 8, length 2",
        ),
        (
            "{.items[2:1]}",
            "array index out of bounds: index 2, length 2",
        ),
        (
            "{.items[1:0]}",
            "starting index 1 is greater than ending index 0",
        ),
        ("{.items[0:2:0]}", "step must be > 0"),
        ("{.kind[0]}", "a string is not array or slice"),
        ("{.items[0].spec[*]}", "an object is not array or slice"),
        (
            "{.kind[?(@.a)]}",
            "a string is not array or slice and cannot be filtered",
        ),
        (
            "{.items[?(@.spec.leaseDurationSeconds==\"x\")]}",
            "incompatible types for comparison",
        ),
        ("{.items[?(@..name==\"x\")]}", ""),
    ] {
        let parsed = Template::parse(template).expect(template);
        match parsed.render(&list(), false) {
            Err(said) => assert_eq!(said, why, "{template}"),
            Ok(text) => assert_eq!((text.as_str(), why), ("", ""), "{template}"),
        }
    }
}

#[test]
fn the_largest_and_smallest_numbers_are_out_of_range_like_any_other() {
    for index in [i64::MAX, i64::MIN] {
        for template in [
            format!("{{.items[{index}]}}"),
            format!("{{.items[:{index}]}}"),
            format!("{{.items[{index}:{index}]}}"),
        ] {
            for document in [list(), json!({"items": []})] {
                let parsed = Template::parse(&template).expect(&template);
                let found = parsed.render(&document, false);
                let error = "array index out of bounds";
                assert!(found.map_or_else(|why| why.starts_with(error), |text| text.is_empty()));
            }
        }
    }
}

#[test]
fn broken_templates_are_refused() {
    for (template, why) in [
        ("{.items", "unclosed action"),
        ("{range .items[*]}x", "{range} without {end}"),
        ("{end}", "{end} without {range}"),
        ("{.items[}", "unterminated array"),
        ("{\"x}", "unterminated quoted string"),
        ("{\"\\q\"}", "invalid quoted string \"\\q\""),
        ("{foo}", "unrecognized identifier foo"),
        ("{.items[a]}", "invalid array index a"),
        ("{.metadata[\"name\"]}", "invalid array index \"name\""),
        ("{.items[?(#)]}", "unrecognized character in action: '#'"),
        ("{.items[?(@.a=1)]}", "unrecognized filter operator ="),
        ("{.items[?(@.a==1}", "unterminated filter"),
        ("{....a}", "invalid multiple recursive descent"),
        ("{.a}{#}", "unrecognized character in action: '#'"),
    ] {
        assert_eq!(Template::parse(template), Err(why.to_owned()), "{template}");
    }
}

#[test]
fn numbers_and_nothing_print_as_go_prints_them() {
    let document =
        json!({"a": 10.0, "b": 1e21, "c": 1.5e-7, "d": null, "e": [null, {"x": 2.5}], "f": -3});
    prints(
        &document,
        "{.a} {.b} {.c} {.d} {.f}",
        "10 1e+21 1.5e-07 null -3",
    );
    assert_eq!(sprint(&document["e"]), "[<nil> map[x:2.5]]");
}

#[test]
fn a_path_alone_needs_neither_braces_nor_its_dot() {
    for text in [
        "metadata.name",
        ".metadata.name",
        "{.metadata.name}",
        "{metadata.name}",
    ] {
        let path = Template::path(text).expect(text);
        assert_eq!(path.values(&lease("a")), Ok(vec![json!("a")]), "{text}");
    }
    for text in ["", ".", "{}", "a}b", "{.a}{.b}"] {
        assert!(Template::path(text).is_err(), "{text}");
    }
}

#[test]
fn a_name_that_is_not_there_is_an_error_where_that_is_asked_for() {
    let document = json!({ "a": { "b": 1 }, "items": [{ "n": "x", "k": 1 }, { "n": "y" }] });
    let strict = |text: &str| {
        let template = Template::parse(text).expect("a template").strict();
        template.render(&document, false)
    };
    for (text, expected) in [
        ("{.a.b}", Ok("1")),
        ("{.x}", Err("x is not found")),
        ("{.a.b.c}", Err("c is not found")),
        ("{.a.x.y}", Err("x is not found")),
        ("text {.a.b}{.x}", Err("x is not found")),
        // One of several has it; whether it is there is what a filter asks.
        ("{.items[*].k}", Ok("1")),
        ("{.items[*].x}", Err("x is not found")),
        ("{range .items[*]}{.n}{end}", Ok("xy")),
        ("{range .items[*]}{.k}{end}", Err("k is not found")),
        ("{.items[?(@.k)].n}", Ok("x")),
        ("{.items[?(@.k==1)].n}", Err("k is not found")),
        ("{..k}", Ok("1")),
        ("{..x}", Err("x is not found")),
        ("{.items[?(@.n==\"z\")].x}", Ok("")),
        ("{['a','x']}", Err("x is not found")),
    ] {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(strict(text), expected, "{text}");
        let lenient = Template::parse(text).expect("a template");
        assert!(lenient.render(&document, false).is_ok(), "{text}");
    }
}
