//! Before anything is sent: the kubeconfig and what is chosen from it.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{ConnectionOptions, Scene, config, flags, none, served, token};
use crate::server::Connection;
use crate::server::testing::runtime;

#[test]
fn a_file_that_is_no_kubeconfig_is_named_with_the_line_at_fault() {
    let mut scene = Scene::new();
    let whole = config("https://10.0.0.1", &token()).to_string();
    for (situation, contents) in [
        ("a list without an end", "clusters: ["),
        ("text", "this is text\n"),
        ("a page", "<html><body>login</body></html>"),
        ("no text", "\0\u{1}"),
        ("JSON that is cut off", &whole[..120]),
        (
            "YAML that is cut off",
            "clusters:\n- cluster:\n    server: https://x\n  name: a\ncontexts:\n- con",
        ),
        (
            "another kind",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n",
        ),
        ("two users without a name", "users:\n-\n-\n"),
        (
            "a key that is there twice, and no list",
            "current-context: a\ncurrent-context: b\nusers: x\n",
        ),
        ("nothing", ""),
    ] {
        let path = scene.file("config", contents);
        let said = scene.said_by(&path, none());
        scene.note(situation, &said);
    }
    for path in ["/nowhere/config", "/"] {
        let said = scene.said_by(path, none());
        scene.note(path, &said);
    }
    assert_snapshot!(scene.told());
}

/// What is different in a kubeconfig.
type Change = fn(&mut Value);

#[test]
fn names_that_the_kubeconfig_does_not_have_are_told_with_the_nearest() {
    let mut scene = Scene::new();
    let whole = config("http://127.0.0.1:1", &token());
    let mut several = whole.clone();
    several["contexts"] = ["dev", "prod-eu", "prod-us"]
        .map(|name| json!({ "name": name, "context": { "cluster": "kind-dev", "user": "alice" } }))
        .into();
    let context = |name: &str| flags(|it| it.context = Some(name.to_owned()));
    for name in ["dve", "prod", "staging", "dev"] {
        scene.tell(&format!("--context {name}"), &several, context(name));
    }
    for name in ["alcie", "alice"] {
        let user = flags(|it| it.user = Some(name.to_owned()));
        scene.tell(&format!("--user {name}"), &whole, user);
    }
    for name in ["nope", "kind-dev"] {
        let cluster = flags(|it| it.cluster = Some(name.to_owned()));
        scene.tell(&format!("--cluster {name}"), &whole, cluster);
    }
    let changes: [(&str, Change); 7] = [
        ("a context of another cluster", |config| {
            config["contexts"][0]["context"]["cluster"] = json!("kind-prod")
        }),
        ("a context of another user", |config| {
            config["contexts"][0]["context"]["user"] = json!("gone")
        }),
        ("no current context", |config| {
            config["current-context"] = json!("")
        }),
        ("a current context that is gone", |config| {
            config["current-context"] = json!("gone")
        }),
        ("no server", |config| {
            config["clusters"][0]["cluster"] = json!({})
        }),
        ("an address that is none", |config| {
            config["clusters"][0]["cluster"]["server"] = json!("https://a b")
        }),
        ("an authority, and no verification", |config| {
            let cluster = &mut config["clusters"][0]["cluster"];
            cluster["insecure-skip-tls-verify"] = json!(true);
            cluster["certificate-authority-data"] = json!("YWJj");
        }),
    ];
    for (situation, change) in changes {
        let mut config = whole.clone();
        change(&mut config);
        scene.tell(situation, &config, none());
    }
    for list in ["clusters", "users", "contexts"] {
        let mut config = whole.clone();
        let again = config[list][0].clone();
        config[list].as_array_mut().expect("a list").push(again);
        scene.tell(&format!("two {list} of one name"), &config, none());
    }
    assert_snapshot!(scene.told());
}

#[test]
fn a_flag_is_an_answer_and_two_that_exclude_each_other_are_wrong_usage() {
    let mut scene = Scene::new();
    let mut both = config("https://127.0.0.1:1", &token());
    let cluster = &mut both["clusters"][0]["cluster"];
    cluster["insecure-skip-tls-verify"] = json!(true);
    cluster["certificate-authority-data"] = json!("YWJj");
    let insecure = flags(|it| it.insecure_skip_tls_verify = true);
    scene.tell("no verification", &both, insecure.clone());
    let exclusive = ConnectionOptions {
        certificate_authority: Some("/nowhere".to_owned()),
        ..insecure
    };
    scene.tell("no verification, and an authority", &both, exclusive);
    for (situation, flags) in [
        (
            "a group",
            flags(|it| it.impersonate_groups = vec!["g".into()]),
        ),
        ("a uid", flags(|it| it.impersonate_uid = Some("u".into()))),
        (
            "something else",
            flags(|it| it.impersonate_extra = vec![("k".into(), "v".into())]),
        ),
    ] {
        let plain = config("https://127.0.0.1:1", &token());
        scene.tell(&format!("{situation} of nobody"), &plain, flags);
    }
    for entry in [
        json!({ "token": "t", "as-groups": ["g"] }),
        json!({ "token": "t", "as-uid": "u" }),
        json!({ "token": "t", "as-user-extra": { "k": ["v"] } }),
    ] {
        let config = config("https://127.0.0.1:1", &entry);
        scene.tell(&entry.to_string(), &config, none());
    }
    assert_snapshot!(scene.told());
}

#[test]
fn an_address_without_a_scheme_is_https_where_tls_is_configured() {
    let mut scene = Scene::new();
    let mut address = config("127.0.0.1:1", &token());
    scene.tell("nothing about TLS", &address, none());
    address["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = json!(true);
    scene.tell("TLS", &address, none());
    assert_snapshot!(scene.told());
}

#[test]
fn a_port_that_is_none_is_said_before_anything_is_dialled() {
    let mut scene = Scene::new();
    for port in ["99999", "65536", "6443x", "-1", "0", "1:2"] {
        let server = config(&format!("https://127.0.0.1:{port}"), &token());
        scene.tell(&format!("the server's: {port}"), &server, none());
        let mut through = config("https://api.invalid:6443", &token());
        let proxy = format!("http://somebody:secret@127.0.0.1:{port}");
        through["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        scene.tell(&format!("its proxy's: {port}"), &through, none());
    }
    for proxy in ["ftp://127.0.0.1:1", "http://[:1"] {
        let mut through = config("https://api.invalid:6443", &token());
        through["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
        scene.tell(&format!("a proxy: {proxy}"), &through, none());
    }
    assert!(!scene.told.contains("secret") && !scene.told.contains("refused"));
    assert_snapshot!(scene.told);
}

#[test]
fn the_namespace_is_that_of_the_context_unless_a_flag_says_otherwise() {
    let scene = Scene::new();
    let in_namespace = |namespace: &str, flag: Option<&str>| {
        let mut config = config("https://127.0.0.1:1", &token());
        config["contexts"][0]["context"]["namespace"] = json!(namespace);
        let options = flags(|it| {
            it.kubeconfig = Some(scene.file("config", config.to_string()).into());
            it.namespace = flag.map(str::to_owned);
        });
        let connection = runtime().block_on(Connection::load(&options));
        connection
            .map(|connection| connection.namespace().to_owned())
            .map_err(|error| error.lines().join("\n"))
    };
    for (context, flag, wanted) in [
        ("shop", None, "shop"),
        ("shop", Some("mine"), "mine"),
        ("", None, "default"),
    ] {
        assert_eq!(in_namespace(context, flag).as_deref(), Ok(wanted));
    }
    for strange in ["prod/leases/victim?x=", "Bad NS", "..", "a.b", "-a", "a#b"] {
        let said = in_namespace(strange, None).expect_err("it is none");
        let named = format!("is {strange:?}: a namespace name is a DNS label");
        assert!(said.contains(&named), "{said}");
        assert_eq!(in_namespace(strange, Some("mine")).as_deref(), Ok("mine"));
    }
}

/// Seen of kubectl 1.32.
#[test]
fn a_kubeconfig_that_kubectl_reads_is_read() {
    let (ns, user) = served();
    let scene = Scene::new();
    let config = ns.kubeconfig_json(&user);
    let (cluster, token) = (&config["clusters"][0]["cluster"], &user.token);
    let (good, name) = (format!("{{ token: {token} }}"), ns.name());
    let context = format!("{{ cluster: c, user: u, namespace: {name} }}");
    let (one, other) = (
        format!("- name: u\n  user: {good}\n"),
        "- name: z\n  context: { user: u }\n-\n",
    );
    let twice = format!("- name: u\n  user:\n    token: a\n    token: {token}\n");
    for (users, others) in [
        (twice, ""),
        (format!("-\n{one}"), ""),
        (format!("- user: {{ token: x }}\n{one}"), ""),
        (format!("- name:\n  user:\n{one}"), ""),
        (one, other),
    ] {
        let text = format!(
            "current-context: z\ncurrent-context: c\nclusters:\n- name: c\n  cluster: {cluster}\ncontexts:\n- name: c\n  context: {context}\n{others}users:\n{users}"
        );
        let path = scene.file("as-found", &text);
        assert_eq!(scene.said_by(&path, none()), "ok", "{text}");
    }
}
