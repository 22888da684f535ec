//! Lists: selectors, pages and resource versions.

use serde_json::{Value, json};

use crate::client::{Answer, Client, LEASES, lease};

fn names(answer: &Answer) -> Vec<&str> {
    let items = answer.body["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().expect("a name"))
        .collect()
}

fn with_five() -> Client {
    let client = Client::admin();
    for (name, label) in [("e", "1"), ("a", "1"), ("d", "2"), ("b", "2"), ("c", "3")] {
        let mut sent = lease(name, json!({}));
        sent["metadata"]["labels"] = json!({"i": label});
        client.post(LEASES, &sent);
    }
    client
        .server
        .seed(json!({"metadata": {"name": "z", "namespace": "kube-system"}}));
    client
}

#[test]
fn a_list_is_ordered_and_consistent_at_the_latest_version() {
    let client = with_five();
    let answer = client.get(LEASES);
    assert_eq!(names(&answer), ["a", "b", "c", "d", "e"]);
    assert_eq!(
        (
            answer.body["kind"].as_str(),
            answer.body["items"][0].get("kind")
        ),
        (Some("LeaseList"), None)
    );
    let latest =
        client.server.lease("kube-system", "z").expect("a lease")["metadata"]["resourceVersion"]
            .clone();
    assert_eq!(answer.body["metadata"], json!({"resourceVersion": latest}));
    let all = client.get("/apis/coordination.k8s.io/v1/leases?resourceVersion=0");
    assert_eq!(names(&all), ["a", "b", "c", "d", "e", "z"]);
    assert_eq!(
        names(&client.get(&LEASES.replace("default", "nope"))),
        Vec::<&str>::new()
    );
}

#[test]
fn selectors_choose() {
    let client = with_five();
    for (query, expected) in [
        ("labelSelector=i%3D2", vec!["b", "d"]),
        ("labelSelector=i,i+notin+(1,2)", vec!["c"]),
        ("fieldSelector=metadata.name%3Da", vec!["a"]),
        (
            "fieldSelector=metadata.name!%3Da,metadata.namespace%3Ddefault&labelSelector=i%3D1",
            vec!["e"],
        ),
    ] {
        assert_eq!(
            names(&client.get(&format!("{LEASES}?{query}"))),
            expected,
            "{query}"
        );
    }
    assert_eq!(
        client.get(&format!("{LEASES}?labelSelector=a+in")).code,
        400
    );
}

#[test]
fn pages_go_on_where_they_stopped() {
    let client = with_five();
    let first = client.get(&format!("{LEASES}?limit=2"));
    assert_eq!(
        (names(&first), &first.body["metadata"]["remainingItemCount"]),
        (vec!["a", "b"], &json!(3))
    );
    let token = |answer: &Answer| {
        answer.body["metadata"]["continue"]
            .as_str()
            .expect("a token")
            .to_owned()
    };
    let second = client.get(&format!("{LEASES}?limit=2&continue={}", token(&first)));
    assert_eq!(
        (
            names(&second),
            &second.body["metadata"]["remainingItemCount"]
        ),
        (vec!["c", "d"], &json!(1))
    );
    let third = client.get(&format!("{LEASES}?limit=2&continue={}", token(&second)));
    assert_eq!(
        (names(&third), third.body["metadata"].get("continue")),
        (vec!["e"], None)
    );
    assert_eq!(third.version(), first.version());
    let selected = client.get(&format!("{LEASES}?limit=1&labelSelector=i%3D1"));
    assert_eq!(
        (
            names(&selected),
            selected.body["metadata"].get("remainingItemCount")
        ),
        (vec!["a"], None)
    );
}

#[test]
fn later_pages_show_the_state_at_the_first_until_it_is_compacted() {
    let client = with_five();
    let first = client.get(&format!("{LEASES}?limit=1"));
    client.delete(&format!("{LEASES}/c"));
    client.merge(
        &format!("{LEASES}/d"),
        &json!({"spec": {"holderIdentity": "later"}}),
    );
    client.create("bb", json!({}));
    let token = first.body["metadata"]["continue"]
        .as_str()
        .expect("a token");
    let rest = client.get(&format!("{LEASES}?continue={token}"));
    assert_eq!(names(&rest), ["b", "c", "d", "e"]);
    assert_eq!(rest.body["items"][2]["spec"], json!({}));
    let client = with_five();
    let first = client.get(&format!("{LEASES}?limit=2"));
    client.create("f", json!({}));
    client.server.compact();
    let token = first.body["metadata"]["continue"]
        .as_str()
        .expect("a token");
    let answer = client.get(&format!("{LEASES}?limit=2&continue={token}"));
    assert_eq!(
        (answer.code, answer.body["reason"].as_str()),
        (410, Some("Expired"))
    );
    let token = answer.body["metadata"]["continue"]
        .as_str()
        .expect("another token");
    assert_eq!(
        names(&client.get(&format!("{LEASES}?continue={token}"))),
        ["c", "d", "e", "f"]
    );
}

#[test]
fn wrong_parameters_are_told() {
    let client = with_five();
    let answer = client.get(&format!("{LEASES}?continue=abc"));
    assert!(
        answer
            .message()
            .starts_with("invalid continue token: continue key is not valid")
    );
    let answer = client.get(&format!("{LEASES}?limit=abc"));
    assert_eq!(
        (answer.code, answer.message()),
        (400, "strconv.ParseInt: parsing \"abc\": invalid syntax")
    );
    let first = client.get(&format!("{LEASES}?limit=2"));
    let token = first.body["metadata"]["continue"]
        .as_str()
        .expect("a token");
    let answer = client.get(&format!("{LEASES}?continue={token}&resourceVersion=3"));
    assert_eq!(
        answer.message(),
        "specifying resource version is not allowed when using continue"
    );
    assert_eq!(
        client
            .get(&format!("{LEASES}?resourceVersion=99999999"))
            .code,
        504
    );
}

#[test]
fn namespaces_whose_names_begin_alike_are_in_the_order_of_etcds_keys() {
    let client = Client::admin();
    for namespace in ["team", "team-b", "team0"] {
        for name in ["x", "y"] {
            let seeded = json!({"metadata": {"name": name, "namespace": namespace}});
            client.server.seed(seeded);
        }
    }
    let places = |answer: &Answer| -> Vec<String> {
        let place = |item: &Value| {
            let part = |field: &str| item["metadata"][field].as_str().expect(field).to_owned();
            format!("{}/{}", part("namespace"), part("name"))
        };
        let items = answer.body["items"].as_array().expect("items");
        items.iter().map(place).collect()
    };
    let everything = "/apis/coordination.k8s.io/v1/leases";
    let expected = [
        "team-b/x", "team-b/y", "team/x", "team/y", "team0/x", "team0/y",
    ];
    let whole = client.get(everything);
    assert_eq!(places(&whole), expected);
    let mut page = client.get(&format!("{everything}?limit=1"));
    // What was deleted since is in its place.
    client.delete(&format!("{}/x", LEASES.replace("default", "team")));
    let mut paged = places(&page);
    while let Some(next) = page.body["metadata"]["continue"].as_str() {
        page = client.get(&format!("{everything}?limit=1&continue={next}"));
        paged.extend(places(&page));
    }
    assert_eq!(paged, expected);
    let one = client.get(&LEASES.replace("default", "team"));
    assert_eq!(places(&one), ["team/y"]);
}
