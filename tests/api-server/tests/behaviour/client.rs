//! A plain blocking client, and the bodies that the tests send.

use std::{
    io::{BufRead, BufReader},
    sync::Arc,
    time::Duration,
};

use lease_api_server::{ApiServer, Options};
use serde_json::{Value, json};
use ureq::{
    Agent,
    http::{HeaderMap, Request, Response},
    tls::{Certificate, RootCerts, TlsConfig},
};

pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

/// A server, and a user's connection to it.
pub struct Client {
    pub server: Arc<ApiServer>,
    agent: Agent,
    token: String,
    headers: Vec<(String, String)>,
}

/// The administrator of a server of this minor version, as it is by default.
pub fn of_kubernetes(minor: u32) -> Client {
    Client::with(Options {
        tls: false,
        ..Options::of_kubernetes(minor)
    })
}

/// An answer, read whole.
pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

impl Answer {
    pub fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }

    pub fn version(&self) -> u64 {
        self.body["metadata"]["resourceVersion"]
            .as_str()
            .expect("a resourceVersion")
            .parse()
            .expect("a number")
    }
}

impl Client {
    /// The administrator of a new server that serves plain HTTP.
    pub fn admin() -> Self {
        Self::with(Options {
            tls: false,
            ..Options::default()
        })
    }

    pub fn with(options: Options) -> Self {
        let server = Arc::new(ApiServer::start(options).expect("a server"));
        Self::of(server, "admin")
    }

    pub fn of(server: Arc<ApiServer>, user: &str) -> Self {
        let roots: Vec<_> = server
            .ca_pem()
            .map(|pem| Certificate::from_pem(pem.as_bytes()).expect("a certificate"))
            .into_iter()
            .collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .tls_config(tls)
            .user_agent("tester/1.0 (test)")
            .build()
            .new_agent();
        let token = server.token(user).unwrap_or_default();
        Self {
            server,
            agent,
            token,
            headers: Vec::new(),
        }
    }

    /// The same server with another token.
    pub fn token(&self, token: &str) -> Self {
        let mut client = Self::of(Arc::clone(&self.server), "");
        client.token = token.into();
        client
    }

    pub fn user(&self, user: &str) -> Self {
        Self::of(Arc::clone(&self.server), user)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn raw(&self, method: &str, path: &str, kind: &str, body: &str) -> Response<ureq::Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server.url()));
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if !body.is_empty() {
            request = request.header("content-type", kind);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        let request = self
            .agent
            .configure_request(request)
            .allow_non_standard_methods(true)
            .build();
        self.agent.run(request).expect("an answer")
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        let mut response = self.raw(method, path, kind, body);
        let text = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()
            .expect("a body");
        Answer {
            code: response.status().as_u16(),
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
            headers: response.headers().clone(),
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", &body.to_string())
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, "application/json", &body.to_string())
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "", "")
    }

    pub fn merge(&self, path: &str, body: &Value) -> Answer {
        self.send(
            "PATCH",
            path,
            "application/merge-patch+json",
            &body.to_string(),
        )
    }

    /// Creates a Lease in `default`.
    pub fn create(&self, name: &str, spec: Value) -> Value {
        let answer = self.post(LEASES, &lease(name, spec));
        assert_eq!(answer.code, 201, "{}", answer.body);
        answer.body
    }

    /// The events of a watch, one at a time; `None` when it ends.
    pub fn watch(&self, query: &str) -> impl Iterator<Item = Value> + use<> {
        self.watch_at(LEASES, query)
    }

    /// The same for another collection than the Leases in `default`.
    pub fn watch_at(&self, path: &str, query: &str) -> impl Iterator<Item = Value> + use<> {
        let response = self.raw("GET", &format!("{path}?watch=true&{query}"), "", "");
        assert_eq!(response.status().as_u16(), 200);
        let lines = BufReader::new(response.into_body().into_reader()).lines();
        lines
            .map_while(Result::ok)
            .map(|line| serde_json::from_str(&line).expect("a JSON line"))
    }
}

pub fn lease(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec})
}

pub fn path(name: &str) -> String {
    format!("{LEASES}/{name}")
}

/// The type and the name of an event.
pub fn told(event: &Value) -> (&str, &str) {
    let text = |value: &'static str| value;
    (
        event["type"].as_str().unwrap_or_else(|| text("no type")),
        event["object"]["metadata"]["name"]
            .as_str()
            .unwrap_or_default(),
    )
}
