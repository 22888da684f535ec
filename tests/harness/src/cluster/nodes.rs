//! Nodes, which are in no namespace: a test makes them with names that no other test has.

use super::Cluster;
use serde_json::{Value, json};

impl Cluster {
    /// Creates a Node and returns it as stored.
    ///
    /// # Panics
    ///
    /// When it exists already.
    pub fn create_node(&self, name: &str) -> Value {
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
        let answer = self.admin().call("POST", "/api/v1/nodes", Some(&node));
        let answer = answer.unwrap_or_else(|error| panic!("POST of node {name}: {error}"));
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body
    }

    /// Deletes a Node; it may be absent already.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub fn delete_node(&self, name: &str) {
        let path = format!("/api/v1/nodes/{name}");
        let answer = self.admin().call("DELETE", &path, None);
        let answer = answer.unwrap_or_else(|error| panic!("DELETE {path}: {error}"));
        assert!(matches!(answer.status, 200 | 404), "{}", answer.body);
    }
}
