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

/// What is printed, or what is wrong with the template or with what it asks for.
fn printed(document: &Value, template: &str) -> String {
    let parsed = Template::parse(template);
    let text = parsed.and_then(|template| template.render(document, false));
    text.unwrap_or_else(|why| format!("error: {why}"))
}

/// Each line is a template, an arrow, and what is printed for it; ⏎ is a new line in either, ⇥ a tab and ␣ a blank at an end.
#[track_caller]
fn table(lines: &str, printed: impl Fn(&str) -> String) {
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines {
        let (template, wanted) = line.split_once(" =>").expect("an arrow");
        let mut wanted = wanted.trim_start().to_owned();
        for (mark, meant) in [('⏎', "\n"), ('⇥', "\t"), ('␣', " ")] {
            wanted = wanted.replace(mark, meant);
        }
        assert_eq!(printed(&template.replace('⏎', "\n")), wanted, "{line}");
    }
}

#[test]
fn one_lease_prints_as_kubectl_prints_it() {
    let lines = r#"
        .metadata.name => .metadata.name
        {.metadata.labels} => {"app.io/x":"1","tier":"db"}
        {.metadata.finalizers} => ["f.io/a","f.io/b","f.io/c"]
        {.metadata.finalizers[0]} => f.io/a
        {.metadata.finalizers[]} => f.io/a
        {.metadata.finalizers[-1]} => f.io/c
        {.metadata.finalizers[-2]} => f.io/b
        {.metadata.finalizers[-1:]} => f.io/c
        {.metadata.finalizers[0:2]} => f.io/a f.io/b
        {.metadata.finalizers[1:1]} =>
        {.metadata.finalizers[::2]} => f.io/a f.io/c
        {.metadata.finalizers[0,2]} => f.io/a f.io/c
        {.metadata.finalizers[*]} => f.io/a f.io/b f.io/c
        {.metadata.finalizers.*} => f.io/a f.io/b f.io/c
        {.metadata.finalizers[?(@=="f.io/a")]} => f.io/a
        {.metadata.finalizers.name}{.metadata.finalizers[*].name} =>
        {.metadata['name','namespace']} => a default
        {.metadata['name']} => a
        {.metadata.labels['app\.io/x']} => 1
        {.metadata.labels['app.io/x']} =>
        {.metadata.labels.app\.io/x} => 1
        {..name} => a
        {..metadata.name} => a
        {.metadata..n} => a b
        {.spec.*} => me 15 3
        {.nothing}x{.spec.holderIdentity.foo}y => xy
        {range .metadata.finalizers[*]}{@}{"\n"}{end} => f.io/a⏎f.io/b⏎f.io/c⏎
        {range .metadata.finalizers}{@}{'\n'}{end} => ["f.io/a","f.io/b","f.io/c"]⏎
        {.spec.leaseDurationSeconds}{"\t"}{.spec.leaseTransitions} => 15⇥3
        {.metadata.name .spec} =>
        {"a" "b"} => b
        {1}{true}{-1.5} => 1true-1.5
        {@.metadata.name}{$.metadata.name} => aa
        x{"\u0041\x42\103"}y => xABCy
        {"it's \"x\""} => it's "x"
        { .metadata.name } => a
        {.} =>
        {.metadata.annotations.q} => x'y"z<
        {.metadata.annotations} => {"e":"","n":"a b","q":"x'y\"z\u003c"}
        holder: {.spec.holderIdentity}⏎ => holder: me⏎
    "#;
    table(lines, |template| printed(&lease("a"), template));
}

#[test]
fn a_list_prints_as_kubectl_prints_it() {
    let lines = r#"
        {..name} => a b
        {.items..name} => a b
        {..metadata.name} => a b
        {.items[*].metadata.name} => a b
        {.items[0,1].metadata.name} => a b
        {.items[:1].metadata.name} => a
        {.items[-1].metadata.name} => b
        {.items[?(@.metadata.name=="a")]..name} => a
        {.items[?(@.metadata.name == 'a' )].metadata.name} => a
        {.items[?(@.metadata.name!='a')].metadata.name} => b
        {.items[?(@.metadata.labels.tier)].metadata.name} => a
        {.items[?(@.metadata.labels.app\.io/x=="1")].metadata.name} => a
        {.items[?(@.spec.leaseDurationSeconds>10)].metadata.name} => a
        {.items[?(@.spec.leaseDurationSeconds<=14.5)].metadata.name} =>
        {.items[*]['metadata.name','spec.holderIdentity']} => a b me␣
        {.items[*]['metadata.name', 'kind']} => a b Lease Lease
        {range .items[*]}[{.metadata.name}, {.spec.holderIdentity}] {end} => [a, me] [b, ]␣
        {range .items[*]}{range .metadata.finalizers[*]}{@} {end};{end}. => f.io/a f.io/b f.io/c ;;.
        {range .items[?(@.metadata.name=="zz")]}{.x}{end}end => end
        {.kind} {.items[0].kind} => List Lease
        {.items[*].metadata.finalizers[0]} => f.io/a
        {..finalizers[0]} => f.io/a
    "#;
    table(lines, |template| printed(&list(), template));
}

#[test]
fn what_kubectl_cannot_find_out_and_broken_templates_are_errors() {
    let lines = r#"
        {.items[7]} => error: array index out of bounds: index 7, length 2
        {.items[-5]} => error: array index out of bounds: index -3, length 2
        {.items[:9]} => error: array index out of bounds: index 8, length 2
        {.items[2:1]} => error: array index out of bounds: index 2, length 2
        {.items[1:0]} => error: starting index 1 is greater than ending index 0
        {.items[0:2:0]} => error: step must be > 0
        {.kind[0]} => error: a string is not array or slice
        {.items[0].spec[*]} => error: an object is not array or slice
        {.kind[?(@.a)]} => error: a string is not array or slice and cannot be filtered
        {.items[?(@.spec.leaseDurationSeconds=="x")]} => error: incompatible types for comparison
        {.items[?(@..name=="x")]} =>

        {.items => error: unclosed action
        {range .items[*]}x => error: {range} without {end}
        {end} => error: {end} without {range}
        {.items[} => error: unterminated array
        {"x} => error: unterminated quoted string
        {"\q"} => error: invalid quoted string "\q"
        {foo} => error: unrecognized identifier foo
        {.items[a]} => error: invalid array index a
        {.metadata["name"]} => error: invalid array index "name"
        {.items[?(#)]} => error: unrecognized character in action: '#'
        {.items[?(@.a=1)]} => error: unrecognized filter operator =
        {.items[?(@.a==1} => error: unterminated filter
        {....a} => error: invalid multiple recursive descent
        {.a}{#} => error: unrecognized character in action: '#'
    "#;
    table(lines, |template| printed(&list(), template));
}

/// Each takes some of the stack: a file of nothing else ended the program.
#[test]
fn ranges_stand_in_each_other_up_to_a_limit() {
    let nested = |depth: usize| format!("{}x{}", "{range .a}".repeat(depth), "{end}".repeat(depth));
    let parsed = |depth| Template::parse(&nested(depth)).map(drop);
    assert_eq!(parsed(100), Ok(()));
    let why = Err("more than 100 ranges in each other".to_owned());
    assert_eq!((parsed(101), parsed(100_000)), (why.clone(), why));
    // One after the other there may be any number.
    assert!(Template::parse(&nested(1).repeat(1000)).is_ok());
}

#[test]
fn the_largest_and_smallest_numbers_are_out_of_range_like_any_other() {
    for index in [i64::MAX, i64::MIN] {
        for range in [
            format!("{index}"),
            format!(":{index}"),
            format!("{index}:{index}"),
        ] {
            for document in [list(), json!({"items": []})] {
                let found = printed(&document, &format!("{{.items[{range}]}}"));
                let error = "error: array index out of bounds";
                assert!(found.is_empty() || found.starts_with(error), "{found}");
            }
        }
    }
}

#[test]
fn numbers_and_nothing_print_as_go_prints_them() {
    let document =
        json!({"a": 10.0, "b": 1e21, "c": 1.5e-7, "d": null, "e": [null, {"x": 2.5}], "f": -3});
    let numbers = printed(&document, "{.a} {.b} {.c} {.d} {.f}");
    assert_eq!(numbers, "10 1e+21 1.5e-07 null -3");
    assert_eq!(sprint(&document["e"]), "[<nil> map[x:2.5]]");
}

#[test]
fn a_path_alone_needs_neither_braces_nor_its_dot() {
    let dot = ".metadata.name";
    for text in ["metadata.name", dot, "{.metadata.name}", "{metadata.name}"] {
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
        let lenient = printed(&document, text);
        assert!(!lenient.starts_with("error: "), "{text}: {lenient}");
        let template = Template::parse(text).expect("a template").strict();
        let found = template.render(&document, false);
        found.unwrap_or_else(|why| format!("error: {why}"))
    };
    // One of several has it; whether it is there is what a filter asks.
    let lines = r#"
        {.a.b} => 1
        {.x} => error: x is not found
        {.a.b.c} => error: c is not found
        {.a.x.y} => error: x is not found
        text {.a.b}{.x} => error: x is not found
        {.items[*].k} => 1
        {.items[*].x} => error: x is not found
        {range .items[*]}{.n}{end} => xy
        {range .items[*]}{.k}{end} => error: k is not found
        {.items[?(@.k)].n} => x
        {.items[?(@.k==1)].n} => error: k is not found
        {..k} => 1
        {..x} => error: x is not found
        {.items[?(@.n=="z")].x} =>
        {['a','x']} => error: x is not found
    "#;
    table(lines, strict);
}
