//! A test's own namespace: its users, their kubeconfigs and the commands they run.

mod leases;
mod objects;

pub use objects::pod;

use crate::access::{Rule, User};
use crate::cluster::Cluster;
use crate::command::{Command, binary};
use crate::kubeconfig::kubeconfig;
use crate::output::Output;
use crate::proxy::Proxy;
use crate::running::Running;
use crate::{random, scratch};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// A namespace that no other test uses. Clones are the same namespace.
#[derive(Clone)]
pub struct Namespace {
    cluster: Cluster,
    name: String,
    folder: PathBuf,
}

impl Namespace {
    pub(crate) fn new(cluster: &Cluster, name: &str) -> Namespace {
        Namespace {
            cluster: cluster.clone(),
            name: name.to_owned(),
            folder: scratch::folder(name),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// A new user with these verbs on leases in this namespace, and nothing else.
    pub fn user(&self, verbs: &[&str]) -> User {
        self.user_with(&[Rule::leases(verbs)])
    }

    /// A new user with these permissions, in effect when this returns.
    pub fn user_with(&self, rules: &[Rule]) -> User {
        self.cluster.user(&self.name, rules)
    }

    /// Replaces a user's permissions, in effect when this returns.
    pub fn set_rules(&self, user: &User, rules: &[Rule]) {
        self.cluster.set_rules(user, &self.name, rules);
    }

    /// The user who may do everything.
    pub fn admin(&self) -> User {
        self.cluster.admin_user()
    }

    /// A kubeconfig with the user's token and this namespace.
    pub fn kubeconfig(&self, user: &User) -> PathBuf {
        self.write_kubeconfig(&self.kubeconfig_json(user))
    }

    /// The same for a [`Proxy`] at `url`.
    pub fn kubeconfig_via(&self, user: &User, url: &str) -> PathBuf {
        self.write_kubeconfig(&kubeconfig(
            url,
            Some(Proxy::ca_pem()),
            &self.name,
            &user.token,
        ))
    }

    /// The kubeconfig itself, for a test to change. Cluster, user and context are all named `test`.
    pub fn kubeconfig_json(&self, user: &User) -> Value {
        let cluster = &self.cluster;
        kubeconfig(&cluster.url(), cluster.ca_pem(), &self.name, &user.token)
    }

    /// Writes a file for this test, readable by its owner only.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, contents).expect("the test's folder is writable");
        scratch::for_its_owner(&path);
        path
    }

    /// Writes an executable script, such as an exec credential plugin, for the shell that it names.
    #[cfg(unix)]
    pub fn script(&self, name: &str, contents: &str) -> PathBuf {
        let source = self.file(&format!("{name}.source"), contents);
        let path = self.program_file(name, &source);
        fs::remove_file(source).expect("the file is ours");
        path
    }

    /// An executable copy of `source` for this test.
    pub fn program_file(&self, name: &str, source: &Path) -> PathBuf {
        let path = self.folder.join(name);
        scratch::copy_program(source, &path);
        path
    }

    /// The tool with these arguments, as `user` in this namespace.
    pub fn command<I: AsRef<OsStr>>(
        &self,
        user: &User,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        Command::new(binary(), arguments).connected(self, user)
    }

    /// Another program (`kubectl`, `bash`), as `user` in this namespace, with the tool on its PATH.
    pub fn program<I: AsRef<OsStr>>(
        &self,
        user: &User,
        program: &str,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        Command::new(program, arguments)
            .connected(self, user)
            .with_binary_on_path()
    }

    /// Runs the tool to its end.
    #[track_caller]
    pub fn run<I: AsRef<OsStr>>(
        &self,
        user: &User,
        arguments: impl IntoIterator<Item = I>,
    ) -> Output {
        self.command(user, arguments).run()
    }

    /// Starts the tool in the background.
    #[track_caller]
    pub fn spawn<I: AsRef<OsStr>>(
        &self,
        user: &User,
        arguments: impl IntoIterator<Item = I>,
    ) -> Running {
        self.command(user, arguments).spawn()
    }

    fn write_kubeconfig(&self, config: &Value) -> PathBuf {
        self.file(
            &format!("kubeconfig-{}", random::hex(4)),
            config.to_string(),
        )
    }
}
