//! kubert's `LeaseManager`: server-side apply and strategic patches of the version that was read, expiry by the local clock.

use std::time::Duration;

use kube_of_kubert::config::{KubeConfigOptions, Kubeconfig};
use kube_of_kubert::{Api, Client as Kube, Config};
use kubert::LeaseManager;
use kubert::lease::ClaimParams;
use openapi_of_kubert::api::coordination::v1::Lease;

use crate::candidate::{Candidate, Client, Terms, Writes};
use crate::scene::{Scene, THEM};
use crate::worker::{Task, Wanted, Worker};

pub const CLIENT: Client = Client {
    name: "kubert",
    start,
    writes: Writes::WithVersion,
    releases: true,
    needs_a_holder: false,
};

fn start(scene: &Scene, terms: Terms) -> Box<dyn Candidate> {
    let config = scene.their_kubeconfig();
    let namespace = scene.ns.name().to_owned();
    Worker::start(terms, async move |task: Task| {
        let config = Kubeconfig::read_from(config).expect("the harness wrote it");
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(config, &options).await;
        let client = Kube::try_from(config.expect("it is whole")).expect("a client");
        run(Api::namespaced(client, &namespace), terms, task).await;
    })
}

async fn run(api: Api<Lease>, terms: Terms, mut task: Task) {
    let manager = match LeaseManager::init(api, "job").await {
        Ok(manager) => manager,
        Err(error) => return task.said.error(&error),
    };
    let lease_duration = Duration::from_secs(terms.seconds.into());
    let params = ClaimParams {
        lease_duration,
        // It renews so long before the end; its default of 1 s is none of a busy machine's.
        renew_grace_period: lease_duration * 2 / 3,
    };
    let (mut claims, running) = match manager.spawn(THEM, params).await {
        Ok(spawned) => spawned,
        Err(error) => return task.said.error(&error),
    };
    loop {
        let holder = claims.borrow_and_update().holder.clone();
        task.said.leads(holder == THEM);
        tokio::select! {
            changed = claims.changed() => if changed.is_err() { break },
            wanted = task.wanted.wait_for(|wanted| *wanted != Wanted::Running) => match wanted.map(|wanted| *wanted) {
                // Nobody listens any more: it vacates.
                Ok(Wanted::Released) => break,
                Ok(Wanted::Running | Wanted::Dead) | Err(_) => return running.abort(),
            },
        }
    }
    drop(claims);
    if let Ok(Err(error)) = running.await {
        task.said.error(&error);
    }
}
