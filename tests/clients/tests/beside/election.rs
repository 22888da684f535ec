//! kube-leader-election's `LeaseLock`: merge patches of whatever is there, expiry by the local clock.

use std::time::Duration;

use kube_leader_election::{LeaseLock, LeaseLockParams, LeaseLockResult};
use kube_of_election::config::{KubeConfigOptions, Kubeconfig};
use kube_of_election::{Client as Kube, Config};

use crate::candidate::{Candidate, Client, Terms, Writes};
use crate::scene::{Scene, THEM};
use crate::worker::{Task, Wanted, Worker};

pub const CLIENT: Client = Client {
    name: "kube-leader-election",
    start,
    writes: Writes::Blindly,
    releases: true,
    needs_a_holder: true,
};

fn start(scene: &Scene, terms: Terms) -> Box<dyn Candidate> {
    let config = scene.their_kubeconfig();
    let namespace = scene.ns.name().to_owned();
    Worker::start(terms, async move |mut task: Task| {
        let config = Kubeconfig::read_from(config).expect("the harness wrote it");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(config, &options).await;
        let client = Kube::try_from(config.expect("it is whole")).expect("a client");
        let lease_ttl = Duration::from_secs(terms.seconds.into());
        let params = LeaseLockParams {
            holder_id: THEM.to_owned(),
            lease_name: "job".to_owned(),
            lease_ttl,
        };
        let lock = LeaseLock::new(client, &namespace, params);
        loop {
            match lock.try_acquire_or_renew().await {
                Ok(LeaseLockResult::Acquired(_)) => task.said.leads(true),
                Ok(LeaseLockResult::NotAcquired(_)) => task.said.leads(false),
                Err(error) => task.said.error(&error),
            }
            // As its example does: thrice within the time to live.
            match task.pause(lease_ttl / 3).await {
                Wanted::Running => {}
                Wanted::Released => break,
                Wanted::Dead => return,
            }
        }
        if let Err(error) = lock.step_down().await {
            task.said.error(&error);
        }
    })
}
