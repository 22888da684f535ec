//! A contender: one call of the tool after the other, until nobody is started any more.

use std::time::Duration;

use super::calls::Plan;
use super::{Stage, draws, section};
use crate::faults::surroundings::{Able, Surroundings};
use crate::history::{Exit, Role};

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(300);

/// Goes on until nobody is started any more.
pub fn contend(stage: &Stage, able: &Able, contender: u32) {
    let mut random = stage.random(u64::from(contender));
    let mut count = 0;
    while !stage.starts_over() {
        stage.pass(PAUSE.mul_f64(random.f64()), Stage::starts_over);
        if stage.starts_over() {
            return;
        }
        let plan = draws::next(stage, able, &mut random, (contender, count));
        let works = Duration::from_millis(random.u64(50..400));
        count += 1;
        let (role, holder, leases) = (plan.role, plan.holder.clone(), plan.leases.clone());
        let ended = stage.perform(plan);
        if role == Role::Acquire
            && ended.exit == Exit::Code(0)
            && let (Some(holder), Some(lease)) = (holder, leases.first())
        {
            section::work(stage, &ended, lease, works);
            release(stage, contender, &holder, lease);
        }
    }
}

/// Gives back what an `acquire` or a `steal` has taken.
pub fn release(stage: &Stage, contender: u32, holder: &str, lease: &str) {
    stage.perform(Plan {
        contender,
        role: Role::Release,
        holder: Some(holder.to_owned()),
        leases: vec![lease.to_owned()],
        words: vec![
            "release".to_owned(),
            lease.to_owned(),
            format!("--holder={holder}"),
        ],
        command: None,
        surroundings: Surroundings::default(),
        timeout: None,
    });
}
