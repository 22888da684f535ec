//! A credential plugin run where there are no process groups: what it prints, how it ended, its end when it hangs.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{Circumstances, Ended, Outcome, Program};

/// The most that is read of what a plugin prints, and says.
const LIMIT: u64 = 1 << 20;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Runs `program`. Dropped, it ends the program.
pub async fn run(program: &Program, circumstances: Circumstances) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let ended = match start(program) {
        Ok(mut child) => {
            let out = read(child.0.stdout.take());
            let err = read(child.0.stderr.take());
            let ended = wait(&mut child, circumstances.limit).await;
            drop(child);
            stdout = out.await.unwrap_or_default();
            stderr = err.await.unwrap_or_default();
            ended
        }
        Err(error) => Ended::NotStarted(error),
    };
    Outcome {
        ended,
        stdout,
        stderr,
    }
}

/// Killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already: nothing to do about that.
        let _ = self.0.kill();
    }
}

fn start(program: &Program) -> io::Result<Running> {
    let stream = |inherit, ours| if inherit { Stdio::inherit() } else { ours };
    let mut starter = Command::new(&program.command);
    starter
        .args(&program.arguments)
        .envs(program.environment.iter().cloned())
        .stdin(stream(program.interactive, Stdio::null()))
        .stdout(Stdio::piped())
        .stderr(stream(program.aloud, Stdio::piped()));
    for name in &program.without {
        starter.env_remove(name);
    }
    starter.spawn().map(Running)
}

fn read(pipe: Option<impl Read + Send + 'static>) -> tokio::task::JoinHandle<Vec<u8>> {
    tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error counts.
            let _ = pipe.take(LIMIT).read_to_end(&mut bytes);
        }
        bytes
    })
}

async fn wait(child: &mut Running, limit: Option<Duration>) -> Ended {
    let ended = async {
        loop {
            match child.0.try_wait() {
                Ok(Some(status)) => return Ended::Exited(code(status)),
                Ok(None) => tokio::time::sleep(LOOK).await,
                Err(error) => return Ended::NotStarted(error),
            }
        }
    };
    match limit {
        Some(limit) => match tokio::time::timeout(limit, ended).await {
            Ok(ended) => ended,
            Err(_) => Ended::TimedOut(limit),
        },
        None => ended.await,
    }
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(-1)
}

/// Whatever runs has been ended when it was dropped.
pub fn end_all() {}
