//! What a cluster admin does about a permission that is missing, read from the server's words.

use serde_json::json;

use crate::hint::{self, Hint};
use crate::words::{self, named, quoting};

/// What the server says: `KIND "NAME" is forbidden: User "USER" cannot VERB resource "RESOURCE" in API group "GROUP"`, and where.
#[derive(Debug, PartialEq, Eq)]
struct Denied {
    name: Option<String>,
    user: String,
    verb: String,
    resource: String,
    group: String,
    namespace: Option<String>,
}

impl Denied {
    /// `None` for an admission rule's own words, or a gateway's: they name no verb.
    fn read(message: &str) -> Option<Self> {
        let (before, rest) = quoted(message)?;
        let (name, user, rest) = match before.ends_with(" is forbidden: User ") {
            true => (None, rest.0, rest.1),
            false => {
                let (between, user) = quoted(rest.1)?;
                (between == " is forbidden: User ").then_some(())?;
                (Some(rest.0), user.0, user.1)
            }
        };
        let (asked, (resource, rest)) = quoted(rest)?;
        let verb = asked.strip_prefix(" cannot ")?.strip_suffix(" resource ")?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-:".contains(c);
        (!verb.is_empty() && verb.chars().all(is_word)).then_some(())?;
        let (between, (group, rest)) = quoted(rest)?;
        (between == " in API group ").then_some(())?;
        let namespace = match rest.starts_with(" in the namespace ") {
            true => Some(quoted(rest)?.1.0?),
            false => None,
        };
        Some(Self {
            name: name.map_or(Some(None), |name| name.map(Some))?,
            // Who words it may write for a browser to show.
            user: (user?.replace("&lt;", "<").replace("&gt;", ">")).replace("&amp;", "&"),
            verb: verb.to_owned(),
            resource: resource?,
            group: group?,
            namespace,
        })
    }
}

/// What is before the first quoted text; that text, if it can be read, and what is behind it.
fn quoted(text: &str) -> Option<(&str, (Option<String>, &str))> {
    let (before, rest) = text.split_once('"')?;
    let mut escaped = false;
    let end = rest.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })?;
    Some((before, (unquoted(&rest[..end]), &rest[end + 1..])))
}

/// What Go's `%q` has written.
fn unquoted(text: &str) -> Option<String> {
    let mut read = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            read.push(c);
            continue;
        }
        let c = rest.next()?;
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let number: String = rest.by_ref().take(digits).collect();
        let is_whole = number.len() == digits && number.chars().all(|c| c.is_ascii_hexdigit());
        let number = || {
            let number = u32::from_str_radix(&number, 16).ok().filter(|_| is_whole)?;
            char::from_u32(number)
        };
        read.push(match c {
            '"' | '\\' => c,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            // Above those it is a byte of what is no text.
            'x' => number().filter(char::is_ascii)?,
            'u' | 'U' => number()?,
            _ => return None,
        });
    }
    Some(read)
}

/// A Role, or where there is no namespace a ClusterRole.
struct Role {
    /// It tells all that the role has, and no other role has it: applied again it is the same one.
    name: String,
    namespace: Option<String>,
    /// The command that prints it.
    printed: Hint,
}

impl Role {
    /// Of these words for `kubectl create`.
    fn created(name: String, namespace: Option<String>, grants: &str) -> Self {
        let kind = if namespace.is_some() {
            "role"
        } else {
            "clusterrole"
        };
        let printed = create(kind, &name, namespace.as_deref());
        Self {
            printed: printed.with(format!("{grants} {PRINTED}")),
            name,
            namespace,
        }
    }

    /// Of what `kubectl create` refuses, because it knows no such verb or resource.
    fn written(name: String, denied: &Denied, only: &str) -> Self {
        let (kind, metadata) = match &denied.namespace {
            Some(namespace) => ("Role", json!({ "name": name, "namespace": namespace })),
            None => ("ClusterRole", json!({ "name": name })),
        };
        let object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "rules": [{
                "apiGroups": [denied.group],
                "resources": [denied.resource],
                "resourceNames": [only],
                "verbs": [denied.verb],
            }],
        });
        Self {
            printed: Hint::elsewhere(&quoting::shell().printing(&object.to_string())),
            name,
            namespace: denied.namespace.clone(),
        }
    }

    /// The commands that make it and give it to this user. They can be pasted again; nobody is bound to a role that could not
    /// be made.
    fn given_to(self, user: &str) -> String {
        let apply = hint::kubectl_as_admin("apply -f -");
        let account = user.strip_prefix("system:serviceaccount:");
        let (whose, to) = match account.and_then(|account| account.split_once(':')) {
            // Neither name has a `+`.
            Some((namespace, account)) => (
                format!("{}+{}", named(namespace), named(account)),
                format!(
                    "--serviceaccount={}",
                    words::pasted(&format!("{namespace}:{account}"))
                ),
            ),
            None => (named(user), format!("--user={}", words::pasted(user))),
        };
        let Self {
            name,
            namespace,
            printed,
        } = self;
        let kind = if namespace.is_some() {
            "role"
        } else {
            "clusterrole"
        };
        let binding = create(
            &format!("{kind}binding"),
            &format!("{name}:{whose}"),
            namespace.as_deref(),
        );
        let binding = binding.with(format!("--{kind}={name} {to} {PRINTED}"));
        quoting::shell().and(
            &format!("{printed} | {apply}"),
            &format!("{binding} | {apply}"),
        )
    }
}

/// It fails where there is one already; what it prints can be applied again.
const PRINTED: &str = "--dry-run=client -o yaml";

fn create(kind: &str, name: &str, namespace: Option<&str>) -> Hint {
    let words = format!("create {kind} {name}");
    hint::kubectl_as_admin(&match namespace {
        Some(namespace) => format!("{words} -n {namespace}"),
        None => words,
    })
}

/// Who asked, by the server's words for a permission that is missing.
pub fn who_asked(message: &str) -> Option<String> {
    Denied::read(message).map(|denied| denied.user)
}

/// The same of a request that goes beyond what the call has done already: its verb alone is granted, for this Lease alone.
pub fn advice_for_one(message: &str, namespace: &str, name: &str) -> Option<String> {
    let denied = Denied::read(message).filter(|denied| denied.resource == "leases")?;
    let verb = &denied.verb;
    let role = Role::created(
        format!("lease-{verb}:{name}"),
        Some(namespace.to_owned()),
        &format!("--verb={verb} --resource=leases.coordination.k8s.io --resource-name={name}"),
    );
    let given = role.given_to(&denied.user);
    Some(format!(
        "The verb {verb:?} is missing. A cluster admin grants it: {given}"
    ))
}

/// What is missing, the role that has all that this call takes, and the commands that give it to who asked.
pub fn advice(message: &str, namespace: Option<&str>, name: Option<&str>) -> Option<String> {
    let denied = Denied::read(message)?;
    // What is granted to them is granted to everybody.
    if denied.user == "system:anonymous" {
        return Some(format!(
            "The request carried no credentials. Check the user in the kubeconfig: {}",
            hint::kubectl_config("view --minify")
        ));
    }
    if denied.verb == "impersonate" || denied.verb.starts_with("impersonate:") {
        return Some(impersonation(&denied));
    }
    if denied.resource == "pods" && denied.verb == "patch" {
        return Some(labelling(&denied));
    }
    if matches!(denied.resource.as_str(), "pods" | "nodes") {
        return Some(looking(&denied));
    }
    if denied.resource != "leases" {
        return None;
    }
    let verb = &denied.verb;
    let needed = hint::needed().unwrap_or(&[]);
    // Who may act as somebody else for some verbs only needs a verb of its own for each (`impersonate-on:user-info:get`).
    let prefix = verb.rsplit_once(':').map_or("", |(prefix, _)| prefix);
    let each = |verb: &&str| match prefix {
        "" => (*verb).to_owned(),
        prefix => format!("{prefix}:{verb}"),
    };
    let mut verbs: Vec<String> = needed.iter().map(each).collect();
    if !verbs.contains(verb) {
        verbs.push(verb.clone());
    }
    // RBAC does not know the name yet when it is asked for create or list.
    let unnamed = needed
        .iter()
        .chain(&[verb.as_str()])
        .any(|verb| matches!(*verb, "create" | "list"));
    let names = match name.filter(|_| !unnamed) {
        Some(name) => hint::names_with(name),
        None => Vec::new(),
    };
    let of: String = names.iter().map(|name| format!(":{name}")).collect();
    let only: String = (names.iter())
        .map(|name| format!(" --resource-name={name}"))
        .collect();
    let role = Role::created(
        format!("lease-{}{of}", verbs.join("-")),
        namespace.map(str::to_owned),
        &format!(
            "--verb={} --resource=leases.coordination.k8s.io{only}",
            verbs.join(",")
        ),
    );
    let given = role.given_to(&denied.user);
    // One holder begins with another slot than the next, and would be let in.
    let any = match hint::is_of_any() {
        true => " Every slot takes it: which is tried first depends on the holder.",
        false => "",
    };
    Some(match namespace {
        Some(_) => format!(
            "The verb {verb:?} is missing.{any} A cluster admin grants all that this takes: {given}"
        ),
        None => format!(
            "The verb {verb:?} is missing in all namespaces; give -n, or let a cluster admin grant it: {given}"
        ),
    })
}

/// For the pod that `hold --label-pod` labels. A Deployment's pods have another name each time, so it is for all of the
/// namespace.
fn labelling(denied: &Denied) -> String {
    let role = Role::created(
        "patch-pods".to_owned(),
        denied.namespace.clone(),
        "--verb=patch --resource=pods",
    );
    format!(
        "The verb \"patch\" is missing. A cluster admin grants it: {}",
        role.given_to(&denied.user)
    )
}

/// For whoever is to know whether holders are gone: all of that namespace, or of the cluster.
fn looking(denied: &Denied) -> String {
    let Denied { verb, resource, .. } = denied;
    let role = Role::created(
        format!("{}-{resource}", named(verb)),
        denied.namespace.clone(),
        &format!("--verb={} --resource={resource}", words::pasted(verb)),
    );
    format!(
        "The verb {verb:?} on {resource} is missing. A cluster admin grants it: {}",
        role.given_to(&denied.user)
    )
}

/// For the very one who is to be impersonated: without a name it would be for anybody, `system:masters` too.
fn impersonation(denied: &Denied) -> String {
    let Denied {
        name,
        verb,
        resource,
        group,
        namespace,
        user,
    } = denied;
    let takes = format!(
        "Acting as somebody else (--as, or \"as\" in the kubeconfig) takes the verb {verb:?}."
    );
    let Some(only) = name.as_deref().filter(|name| !name.is_empty()) else {
        return format!(
            "{takes} A cluster admin grants it on {resource:?}, with the resourceNames that are meant"
        );
    };
    let (kind, below) = resource.split_once('/').unwrap_or((resource, ""));
    let role = format!("{verb}-{}:{}", named(resource), named(only));
    // As the table of verbs that `kubectl create clusterrole` takes for what is no resource has it.
    let known = verb == "impersonate"
        && match group.as_str() {
            "" => matches!(kind, "users" | "groups" | "serviceaccounts"),
            "authentication.k8s.io" => kind == "userextras",
            _ => false,
        };
    let role = if known {
        let mut whole = kind.to_owned();
        if !group.is_empty() {
            whole.push_str(&format!(".{group}"));
        }
        if !below.is_empty() {
            whole.push_str(&format!("/{below}"));
        }
        let (whole, only) = (words::pasted(&whole), words::pasted(only));
        let grants = format!("--verb={verb} --resource={whole} --resource-name={only}");
        Role::created(role, namespace.clone(), &grants)
    } else {
        Role::written(role, denied, only)
    };
    format!(
        "{takes} A cluster admin grants it for {only:?} alone: {}",
        role.given_to(user)
    )
}

#[cfg(test)]
#[path = "forbidden_tests.rs"]
mod tests;
