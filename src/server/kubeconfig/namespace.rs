//! The namespace of a call that asks no server.

use super::super::ConnectionOptions;
use super::find;
use crate::server::error::ConfigError;

/// The namespace that the flags, the kubeconfig or the pod say, for what asks no server: no kubeconfig is needed for it, unless
/// a flag names something in one.
///
/// # Errors
/// With what is wrong with the kubeconfig there is.
pub fn namespace_alone(options: &ConnectionOptions) -> Result<String, ConfigError> {
    let named = options.context.is_some() || options.cluster.is_some() || options.user.is_some();
    let of_context = match find(options) {
        Ok(found) => {
            let context = found.kubeconfig.contexts.into_iter().next();
            context.and_then(|named| named.context?.namespace)
        }
        Err(ConfigError::NoKubeconfig(_) | ConfigError::NoCurrentContext { .. }) if !named => None,
        Err(error) => return Err(error),
    };
    let given = options.namespace.clone().or(of_context);
    Ok(given.unwrap_or_else(|| "default".to_owned()))
}
