//! What a request asks for, in the terms of RBAC, by its method, path and query alone.

use crate::{
    access::Attributes,
    options::User,
    path::{Review, Target},
    query::Query,
    selector::Selector,
    status::{GROUP, Status},
};

/// A verb on a resource, or on a path that is none.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    verb: &'static str,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Path(String),
    Resource {
        group: &'static str,
        resource: String,
        namespace: Option<String>,
        name: Option<String>,
    },
}

impl Asked {
    pub fn of(method: &str, path: &str, query: &Query) -> Self {
        let of = |group, resource: &str, namespace: Option<String>, name: Option<String>| {
            let selector = Selector::parse("", query.text("fieldSelector")).unwrap_or_default();
            let selected = selector.name().map(str::to_owned);
            let verb = match (method, &name) {
                ("GET", Some(_)) => "get",
                ("GET", None) if query.flag("watch") => "watch",
                ("GET", None) => "list",
                ("POST", _) => "create",
                ("PUT", _) => "update",
                ("PATCH", _) => "patch",
                _ => "delete",
            };
            let what = What::Resource {
                group,
                resource: resource.to_owned(),
                namespace,
                name: name.or_else(|| selected.filter(|_| method == "GET")),
            };
            Self { verb, what }
        };
        match Target::of(path) {
            Target::Leases { namespace } => of(GROUP, "leases", namespace, None),
            Target::Lease { namespace, name } => of(GROUP, "leases", Some(namespace), Some(name)),
            Target::Object {
                kind,
                namespace,
                name,
                status,
            } => {
                let resource = if status { kind.status } else { kind.plural };
                of(kind.group, resource, namespace, name)
            }
            Target::Namespaces => of("", "namespaces", None, None),
            Target::Namespace { name } => of("", "namespaces", Some(name.clone()), Some(name)),
            Target::Core {
                resource,
                namespace,
                name,
            } => of("", &resource, namespace, name),
            Target::Review(review) => {
                let resource = match review {
                    Review::Access => "selfsubjectaccessreviews",
                    Review::Rules => "selfsubjectrulesreviews",
                };
                of("authorization.k8s.io", resource, None, None)
            }
            Target::Myself(_) => of("authentication.k8s.io", "selfsubjectreviews", None, None),
            Target::OtherResource
            | Target::Version
            | Target::Health
            | Target::Discovery(_)
            | Target::Unknown => Self {
                verb: match method {
                    "GET" => "get",
                    "POST" => "post",
                    "PUT" => "put",
                    "PATCH" => "patch",
                    _ => "delete",
                },
                what: What::Path(path.to_owned()),
            },
        }
    }

    /// Whether `user` may do this while acting as somebody else in this way.
    pub fn check_on(&self, user: &User, way: &str) -> Result<(), Status> {
        let verb = format!("impersonate-on:{way}:{}", self.verb);
        match &self.what {
            What::Path(path) => user.check_path(&verb, path),
            What::Resource {
                group,
                resource,
                namespace,
                name,
            } => user.check(&Attributes {
                verb: &verb,
                group,
                resource,
                namespace: namespace.as_deref(),
                name: name.as_deref(),
            }),
        }
    }
}
