//! Holders of slots that are killed: their commands end, and the others get in, never more at a time than there are slots.

use super::holders;
use crate::support::{SOON, fresh};
use lease_harness::{Command, Running};

#[test]
fn with_supervisors_killed_at_work_there_are_never_more_commands_than_slots() {
    let (ns, user) = fresh();
    let folder = ns.file("inside", "").with_file_name("slots");
    std::fs::create_dir(&folder).expect("the folder is ours");
    // Each writes its number into its slot's file; who is in one beside a process that lives, or beside two others, says so.
    let script = |span: &str| {
        format!(
            "cd {}; lives() {{ kill -0 $(cat $1 2>/dev/null) 2>/dev/null; }}; \
             lives $KUBECTL_LEASE_SLOT && exit 9; echo $$ >$KUBECTL_LEASE_SLOT; \
             n=0; for one in *; do lives $one && n=$((n + 1)); done; [ $n -le 2 ] || exit 10; \
             echo in; exec sleep {span}",
            folder.display()
        )
    };
    let hold = |span: &str| -> Command {
        let arguments = [
            "hold",
            "pool",
            "--slots=2",
            "--create",
            "--duration=2s",
            "--",
        ];
        let command = ns.command(&user, arguments);
        let script = script(span);
        ["/bin/sh", "-c", &script]
            .iter()
            .fold(command, |c, word| c.arg(word))
    };
    for round in 0..4 {
        let victims: Vec<Running> = (0..1 + round % 2).map(|_| hold("60").spawn()).collect();
        for victim in &victims {
            victim.wait_stdout(|line| line == "in", SOON);
        }
        let others: Vec<Running> = (0..3).map(|_| hold("0.1").spawn()).collect();
        for victim in &victims {
            victim.signal(libc::SIGKILL);
        }
        for other in others {
            let output = other.wait(SOON);
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (Some(0), "in\n"),
                "round {round}: {output}"
            );
        }
    }
    // The last ones gave theirs back; of the killed ones some may have been taken over by nobody.
    assert_eq!(holders(&ns, 2).len(), 2);
}
