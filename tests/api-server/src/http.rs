//! HTTP: one request read whole, answered, recorded.

use std::{convert::Infallible, sync::Arc, time::Instant};

use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Request as HttpRequest, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, DATE, HeaderName, HeaderValue, USER_AGENT},
    http::request::Parts,
};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    access::{self, Attributes},
    asked::Asked,
    body::Answer,
    clock::http_date,
    discovery, leases, objects,
    options::User,
    path::Target,
    query::Query,
    reviews,
    state::{Request, State},
    status::Status,
};

/// A request, as the operations see it.
pub(crate) struct Call {
    pub method: String,
    pub path: String,
    pub query: Query,
    pub user: User,
    pub content_type: String,
    pub body: Bytes,
    /// Counts requests over the server's life.
    pub number: u64,
    /// When it had been read.
    pub at: Instant,
    user_agent: String,
}

/// An answer that is no failure.
pub(crate) enum Reply {
    Json(u16, String),
    /// The same, with what it warns of.
    Warned(u16, String, Vec<String>),
    Text(String),
    Lines(mpsc::Receiver<Bytes>),
}

impl Call {
    /// Who is written into managedFields: `fieldManager`, else the User-Agent up to the first `/`.
    pub fn manager(&self) -> String {
        let named = self.query.get("fieldManager");
        let agent = self.user_agent.split('/').next().unwrap_or_default();
        let named = named.filter(|manager| !manager.is_empty());
        named.unwrap_or(agent).to_owned()
    }
}

/// Answers one request. Failures of the client's connection end the request without a record.
pub(crate) async fn serve(
    state: Arc<State>,
    request: HttpRequest<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let at = Instant::now();
    let open = matches!(
        Target::of(head.uri.path()),
        Target::Version | Target::Health | Target::Discovery(_)
    );
    if open || !state.outages.now().paused {
        return Ok(handle(&state, head, body, at));
    }
    // What has been read is carried out, also when the client has gone by then.
    let later = tokio::spawn(async move {
        state.outages.until_resumed().await;
        handle(&state, head, body, at)
    });
    match later.await {
        Ok(response) => Ok(response),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn handle(state: &Arc<State>, head: Parts, body: Bytes, at: Instant) -> Response<Answer> {
    let header = |name: HeaderName| text(&head.headers, &name);
    let (path, query) = (
        head.uri.path().to_owned(),
        head.uri.query().unwrap_or_default().to_owned(),
    );
    let (user_agent, number) = (header(USER_AGENT), state.number());
    let mut record = Request {
        method: head.method.to_string(),
        path: path.clone(),
        query: query.clone(),
        user: None,
        user_agent: user_agent.clone(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        status: 0,
        at,
    };
    let asked = Asked::of(&record.method, &path, &Query::parse(&query));
    let server = state.behaviour();
    // Under the lock: there can be thousands of users, too many to copy for each request.
    let authenticated =
        access::authenticate(&state.lock().users, &head.headers, &path, &asked, &server);
    let reply = authenticated.and_then(|user| {
        record.user = user.as_ref().map(|user| user.name.clone());
        let target = Target::of(&path);
        let open = matches!(target, Target::Version | Target::Health);
        let user = user
            .or_else(|| open.then(User::default))
            .ok_or_else(Status::unauthorized)?;
        let content_type = header(CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let method = head.method.to_string();
        let query = Query::parse(&query);
        let call = Call {
            number,
            at,
            method,
            path,
            query,
            user,
            content_type,
            body,
            user_agent,
        };
        answer(state, &call, target)
    });
    let response = respond(state, reply);
    record.status = response.status().as_u16();
    let mut inner = state.lock();
    inner.requests.push(record);
    inner.log_answer(number);
    response
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

fn answer(state: &Arc<State>, call: &Call, target: Target) -> Result<Reply, Status> {
    let json = |value: Value| Ok(Reply::Json(200, value.to_string()));
    let core = |namespace: Option<&str>, resource: &str, name: Option<&str>| {
        let verb = if name.is_some() { "get" } else { "list" };
        call.user.check(&Attributes {
            verb,
            group: "",
            resource,
            namespace,
            name,
        })
    };
    match target {
        Target::Leases { namespace } => leases::collection(state, call, namespace.as_deref()),
        Target::Lease { namespace, name } => leases::object(state, call, &namespace, &name),
        Target::Object {
            kind,
            namespace,
            name,
            status,
        } => {
            let place = objects::Place {
                kind,
                namespace: namespace.as_deref(),
                status,
            };
            objects::answer(state, call, &place, name.as_deref())
        }
        Target::Review(review) => reviews::answer(state, call, review),
        Target::Myself(version) => reviews::myself(state, call, version),
        Target::Unknown => {
            call.user.check_path(&call.method, &call.path)?;
            Err(Status::no_such_resource())
        }
        _ if call.method != "GET" => Err(Status::method_not_allowed()),
        Target::Namespaces => {
            core(None, "namespaces", None)?;
            json(discovery::namespaces(&state.lock()))
        }
        Target::Namespace { name } => {
            core(Some(&name), "namespaces", Some(&name))?;
            json(discovery::namespace(&state.lock(), &name)?)
        }
        Target::Core {
            resource,
            namespace,
            name,
        } => {
            core(namespace.as_deref(), &resource, name.as_deref())?;
            Err(Status::no_such_resource())
        }
        Target::OtherResource => Err(Status::no_such_resource()),
        Target::Version => json(match &state.version_told {
            Some(told) => told.clone(),
            None => discovery::version(&state.behaviour()),
        }),
        Target::Health => Ok(Reply::Text("ok".into())),
        Target::Discovery(document) => json(discovery::document(document, &state.behaviour())?),
    }
}

fn respond(state: &State, reply: Result<Reply, Status>) -> Response<Answer> {
    let whole = |text: String| Answer::Whole(Some(Bytes::from(text)));
    let mut warnings = Vec::new();
    let (code, kind, body) = match reply {
        Ok(Reply::Json(code, text)) => (code, "application/json", whole(text)),
        Ok(Reply::Warned(code, text, told)) => {
            warnings = told;
            (code, "application/json", whole(text))
        }
        Ok(Reply::Text(text)) => (200, "text/plain; charset=utf-8", whole(text)),
        Ok(Reply::Lines(lines)) => (200, "application/json", Answer::Lines(lines)),
        Err(status) => (
            status.code,
            "application/json",
            whole(status.to_json().to_string()),
        ),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        hyper::StatusCode::from_u16(code).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        "cache-control",
        HeaderValue::from_static("no-cache, private"),
    );
    for warning in warnings {
        let text = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append("warning", value);
        }
    }
    let now = state.lock().clock.now();
    let date = http_date(now.checked_add(state.date_offset).unwrap_or(now));
    if let (true, Ok(date)) = (state.date_header, HeaderValue::from_str(&date)) {
        headers.insert(DATE, date);
    }
    response
}
