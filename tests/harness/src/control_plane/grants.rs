//! Namespaces and RBAC objects on the real server, each effective before the test goes on.

use super::ControlPlane;
use crate::access::{Rule, User, parts};
use crate::api::{Answer, Api};
use crate::endpoint::Endpoint;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
/// RBAC reaches the authorizer through watches, usually within milliseconds.
const EFFECTIVE_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(5);

impl ControlPlane {
    pub(crate) fn create_namespace(&self, name: &str) {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let answer = self.call("POST", "/api/v1/namespaces", Some(&namespace));
        assert_eq!(
            answer.status, 201,
            "cannot create namespace {name}: {}",
            answer.body
        );
    }

    /// Makes `rules` all that `user` may do, in `namespace` or everywhere, and waits until the server agrees.
    pub(crate) fn grant(&self, user: &User, namespace: &str, rules: &[Rule]) {
        let (everywhere, here): (Vec<&Rule>, Vec<&Rule>) =
            rules.iter().partition(|rule| rule.everywhere);
        let scope = format!("{RBAC}/namespaces/{namespace}");
        self.bind(&scope, "Role", user, &here);
        // Also when empty, should there be one from before.
        self.bind(RBAC, "ClusterRole", user, &everywhere);

        let wanted = parts(&rules.iter().map(Rule::rbac).collect::<Vec<_>>());
        let own = Api::new(Endpoint::new(&self.url(), Some(self.ca_pem())), &user.token);
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": { "namespace": namespace },
        });
        let deadline = Instant::now() + EFFECTIVE_LIMIT;
        loop {
            let answer = own
                .call("POST", REVIEW, Some(&review))
                .expect("the API server is reachable");
            if parts(&granted(&answer.body)) == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{}'s rules are not in effect after {EFFECTIVE_LIMIT:?}: {}",
                user.name,
                answer.body
            );
            std::thread::sleep(POLL);
        }
    }

    fn bind(&self, scope: &str, kind: &str, user: &User, rules: &[&Rule]) {
        let plural = format!("{}s", kind.to_lowercase());
        let rules: Vec<Value> = rules.iter().map(|rule| rule.rbac()).collect();
        let metadata = json!({ "name": user.name });
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "rules": rules,
        });
        if !self.put(
            &format!("{scope}/{plural}"),
            &user.name,
            &role,
            rules.is_empty(),
        ) {
            return;
        }
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": format!("{kind}Binding"),
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user.name },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name }],
        });
        let bindings = plural.replace("roles", "rolebindings");
        self.put(&format!("{scope}/{bindings}"), &user.name, &binding, false);
    }

    /// Creates or replaces an object; returns whether it was created. Absent and only `if_present`: does nothing.
    fn put(&self, collection: &str, name: &str, object: &Value, if_present: bool) -> bool {
        let path = format!("{collection}/{name}");
        if if_present && self.call("GET", &path, None).status == 404 {
            return false;
        }
        let answer = self.call("POST", collection, Some(object));
        let answer = if answer.status == 409 {
            self.call("PUT", &path, Some(object))
        } else {
            answer
        };
        assert!(
            matches!(answer.status, 200 | 201),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        answer.status == 201
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.admin().call(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

/// A review's rules without those that every authenticated user has.
fn granted(review: &Value) -> Vec<Value> {
    let rules = review["status"]["resourceRules"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let ours = |rule: &Value| {
        rule["apiGroups"]
            .as_array()
            .is_some_and(|groups| !groups.contains(&"authorization.k8s.io".into()))
    };
    rules.into_iter().filter(ours).collect()
}
