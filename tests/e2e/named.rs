//! Whatever a client has stored as the holder can be named: in a hint that is pasted, and by every subcommand.

use crate::support::{fresh, held, holder, stored};

const ODD: [&str; 4] = ["--yes", " ", "a\u{1b}[2J'b", "\u{202e}-x"];

#[test]
fn every_holder_can_be_named_by_what_a_hint_shows_and_by_a_flag() {
    let (ns, user) = fresh();
    for odd in ODD {
        ns.delete("job");
        ns.create(&held("job", odd, 60));
        let flag = format!("--holder={odd}");
        let output = ns.run(&user, ["renew", "job", &flag]);
        assert_eq!(output.code, Some(0), "{odd:?} {output}");
        let refused = ns.run(&user, ["steal", "job", "--yes", "--if-holder=other"]);
        assert_eq!(refused.code, Some(122), "{refused}");
        let command = refused.stderr.rsplit(": kubectl ").next();
        let command = command.unwrap_or_default().trim_end();
        let script = format!("kubectl-{command} --holder=me --yes --now");
        let stolen = ns.program(&user, "bash", ["-c", &script]).run();
        assert_eq!(stolen.code, Some(0), "{odd:?} {stolen}");
        assert_eq!(holder(&stored(&ns, "job")), "me");
    }
    // A new one is as it is given.
    let acquire = ["acquire", "new", "--create", "--holder= x "];
    let output = ns.run(&user, acquire);
    assert_eq!(output.code, Some(0), "{output}");
    assert_eq!(holder(&stored(&ns, "new")), " x ");
    // It is not made of blanks: that is a variable that is not set.
    for call in [
        &["acquire", "job", "--holder= "][..],
        &["hold", "job", "--holder= ", "--", "true"],
        &["steal", "job", "--holder= ", "--yes"],
        &["create", "other", "--holder= "],
    ] {
        let output = ns.run(&user, call);
        assert_eq!(output.code, Some(2), "{output}");
    }
}
