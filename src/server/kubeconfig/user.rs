//! The user of a kubeconfig: what the flags change of it, and what of it says who asks.

use std::collections::HashMap;

use kube::config::AuthInfo;

use super::super::{ConnectionOptions, filled};
use super::check::secret;

/// The user that the flags change.
pub fn override_user(user: &mut AuthInfo, options: &ConnectionOptions) {
    if let Some(token) = &options.token {
        without_credentials(user);
        user.token = Some(token.clone().into());
    }
    if options.username.is_some() || options.password.is_some() {
        let (username, password) = (user.username.take(), user.password.take());
        if options.token.is_none() {
            without_credentials(user);
        }
        user.username = options.username.clone().or(username);
        user.password = options.password.clone().map(Into::into).or(password);
    }
    if let Some(file) = &options.client_certificate {
        user.client_certificate = Some(file.clone());
        user.client_certificate_data = None;
    }
    if let Some(file) = &options.client_key {
        user.client_key = Some(file.clone());
        user.client_key_data = None;
    }
    // As kubectl: each flag takes the place of its own field, and the others stay as the kubeconfig has them.
    if options.impersonate.is_some() {
        user.impersonate.clone_from(&options.impersonate);
    }
    if !options.impersonate_groups.is_empty() {
        user.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    if options.impersonate_uid.is_some() {
        user.impersonate_uid.clone_from(&options.impersonate_uid);
    }
    if !options.impersonate_extra.is_empty() {
        let mut extra: HashMap<String, Vec<String>> = HashMap::new();
        for (key, value) in &options.impersonate_extra {
            extra.entry(key.clone()).or_default().push(value.clone());
        }
        user.impersonate_user_extra = Some(extra);
    }
    // An empty one says nothing, and as a header it would be an error of the server's.
    user.impersonate = user.impersonate.take().filter(|name| !name.is_empty());
    user.impersonate_uid = user.impersonate_uid.take().filter(|uid| !uid.is_empty());
}

/// As client-go: what is said of a user as it is keeps a plugin from being asked. A client certificate keeps an exec plugin
/// from it only: an auth-provider's token goes beside it.
pub fn without_idle_plugin(user: &mut AuthInfo) {
    let said = secret(&user.token) || filled(&user.token_file) || filled(&user.username);
    if said || filled(&user.client_certificate) || filled(&user.client_certificate_data) {
        user.exec = None;
    }
    // One that is not supported is an error, whatever stands beside it.
    let supported = |name: &str| matches!(name, "oidc" | "gcp");
    if said && (user.auth_provider.as_ref()).is_some_and(|provider| supported(&provider.name)) {
        user.auth_provider = None;
    }
}

/// Takes out what a request would carry, or a plugin give for it. A client certificate is the connection's, and stays.
pub fn without_credentials(user: &mut AuthInfo) {
    user.token = None;
    user.token_file = None;
    user.exec = None;
    user.auth_provider = None;
    user.username = None;
    user.password = None;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn user(text: &Value) -> AuthInfo {
        serde_json::from_value(text.clone()).expect("a user")
    }

    #[test]
    fn a_plugin_beside_what_says_who_asks_is_not_asked() {
        let exec = json!({ "command": "x" });
        for (said, asked) in [
            (json!({ "exec": exec }), true),
            (json!({ "exec": exec, "token": "t" }), false),
            (json!({ "exec": exec, "tokenFile": "/t" }), false),
            (json!({ "exec": exec, "username": "a" }), false),
            (json!({ "exec": exec, "password": "p" }), true),
            (json!({ "exec": exec, "client-certificate": "/c" }), false),
            (
                json!({ "exec": exec, "client-certificate-data": "Yw==" }),
                false,
            ),
            (json!({ "exec": exec, "client-key": "/k" }), true),
            (
                json!({ "exec": exec, "username": "", "token": "", "client-certificate": "" }),
                true,
            ),
        ] {
            let mut user = user(&said);
            without_idle_plugin(&mut user);
            assert_eq!(user.exec.is_some(), asked, "{said}");
        }
    }

    /// Seen of kubectl 1.32, which refuses the providers that it does not know.
    #[test]
    fn an_auth_provider_beside_a_token_or_a_password_is_not_asked() {
        for (name, beside, asked) in [
            ("oidc", json!({}), true),
            ("oidc", json!({ "token": "t" }), false),
            ("oidc", json!({ "tokenFile": "/t" }), false),
            ("oidc", json!({ "username": "a", "password": "p" }), false),
            ("oidc", json!({ "client-certificate": "/c" }), true),
            ("gcp", json!({ "token": "t" }), false),
            ("azure", json!({ "token": "t" }), true),
            ("other", json!({ "token": "t" }), true),
        ] {
            let mut said = beside;
            said["auth-provider"] = json!({ "name": name, "config": { "id-token": "id" } });
            let mut user = user(&said);
            without_idle_plugin(&mut user);
            assert_eq!(user.auth_provider.is_some(), asked, "{said}");
        }
    }

    #[test]
    fn a_flag_takes_the_place_of_its_own_field_of_who_is_impersonated() {
        let all = json!({
            "as": "bob", "as-groups": ["g"], "as-uid": "7", "as-user-extra": { "k": ["v"] },
        });
        let none = ConnectionOptions::default;
        let carol = ConnectionOptions {
            impersonate: Some("carol".to_owned()),
            ..none()
        };
        let group = ConnectionOptions {
            impersonate_groups: vec!["h".to_owned()],
            ..none()
        };
        for (said, flags, wanted) in [
            (&all, none(), ("bob", "g", "7", "v")),
            (&all, carol.clone(), ("carol", "g", "7", "v")),
            (&all, group, ("bob", "h", "7", "v")),
            (&json!({}), carol, ("carol", "", "", "")),
        ] {
            let mut user = user(said);
            override_user(&mut user, &flags);
            let extra = user.impersonate_user_extra.unwrap_or_default();
            let found = (
                user.impersonate.unwrap_or_default(),
                user.impersonate_groups.unwrap_or_default().concat(),
                user.impersonate_uid.unwrap_or_default(),
                extra.into_values().flatten().collect::<String>(),
            );
            let (name, groups, uid, extra) = wanted;
            let wanted = (name.into(), groups.into(), uid.into(), extra.into());
            assert_eq!(found, wanted, "{said} {flags:?}");
        }
    }

    #[test]
    fn an_empty_name_to_impersonate_is_none() {
        let mut user = user(&json!({ "as": "", "as-uid": "" }));
        override_user(&mut user, &ConnectionOptions::default());
        assert_eq!((user.impersonate, user.impersonate_uid), (None, None));
    }
}
