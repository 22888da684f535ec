//! What histories are expected to reach, and what they are not.

/// A table, rows and columns of it (`|` between several, `*` for all), and a reason.
pub type List = &'static [(&'static str, &'static str, &'static str, &'static str)];

/// The steps of the decisions, as far as the model takes them.
pub const STEPS: [&str; 14] = [
    "acquire: create",
    "acquire: replace",
    "acquire: wait, held",
    "acquire: wait, held by oneself",
    "acquire: ask for the version",
    "acquire: try out",
    "acquire: refuse",
    "steal: ask",
    "steal: replace",
    "steal: refuse",
    "ours: replace",
    "ours: refuse",
    "say_stopped: say",
    "say_stopped: nobody",
];

/// What no history reaches, and why.
pub const UNREACHABLE: List = &[
    ("state", "Done", "*", "the loop ends when the machine does"),
    (
        "state",
        "Waiting",
        "Renewed|RenewalFailed|RecordChanged|RenewalLost|DurationGone|Woken|NotStarted|ChildExited|Fenced|WatchdogDied|TreeGone|Detached|LabelSet|LabelNotSet|LabelOff|Signal|SignalForCommand|Released|StoppedSaid",
        "a hold begins with its grant",
    ),
    (
        "state",
        "Held|Fencing|Releasing|Saying",
        "Acquired",
        "it is granted once",
    ),
    (
        "state",
        "Held",
        "Released|StoppedSaid",
        "nothing is given back or said yet",
    ),
    (
        "state",
        "Fencing|Saying",
        "Released",
        "a release is under way only while it is waited for",
    ),
    (
        "state",
        "Fencing|Releasing|Saying",
        "LabelSet|LabelNotSet",
        "the label is being taken off, or is off",
    ),
    ("state", "Releasing|Saying", "LabelOff", "the label is off"),
    (
        "state",
        "Releasing|Saying",
        "NotStarted|ChildExited|Fenced|WatchdogDied|TreeGone|Detached",
        "nothing of the command is left to hear of",
    ),
    (
        "state",
        "Releasing",
        "RenewalFailed|RenewalLost",
        "no renewal is listened to",
    ),
    (
        "tree",
        "Unstarted|Remains|Detached|Gone",
        "Acquired",
        "nothing has begun before the grant",
    ),
    (
        "tree",
        "None|Unstarted|Detached|Gone",
        "NotStarted|ChildExited|Fenced|WatchdogDied|TreeGone|Detached",
        "there is no command to hear of",
    ),
    (
        "tree",
        "Remains",
        "NotStarted|ChildExited",
        "it was started, and ends once",
    ),
    (
        "tree",
        "Running",
        "Detached",
        "it is heard first that the command has ended",
    ),
    (
        "loss",
        "Altered",
        "*",
        "nothing here alters what is written; scenarios/webhooks.rs does",
    ),
    (
        "request",
        "done, then refused",
        "Get|DryRun|Version",
        "only a write has more than one answer",
    ),
];

/// What more seeds may reach, or other tests do, and what it takes. Nothing is expected of it.
pub const RARE: List = &[
    (
        "loss",
        "Regranted",
        "*",
        "somebody steals from its own identity",
    ),
    (
        "tree",
        "Remains",
        "DurationGone",
        "somebody removes the duration in that moment",
    ),
    (
        "state",
        "Fencing",
        "Renewed|NotStarted|WatchdogDied|Detached|SignalForCommand",
        "two things in one moment",
    ),
    (
        "state",
        "Fencing|Saying",
        "DurationGone",
        "somebody removes the duration in that moment",
    ),
    (
        "state",
        "Releasing|Saying",
        "Woken",
        "a deadline comes in that moment",
    ),
    (
        "state",
        "Releasing",
        "StoppedSaid",
        "two things in one moment",
    ),
    (
        "state",
        "Saying",
        "Renewed|RenewalFailed|RenewalLost|Signal|SignalForCommand",
        "two things in one moment",
    ),
    (
        "tree",
        "None|Detached",
        "DurationGone",
        "somebody removes the duration in that moment",
    ),
    ("tree", "None", "StoppedSaid", "two things in one moment"),
    (
        "tree",
        "Unstarted",
        "SignalForCommand",
        "two things in one moment",
    ),
    (
        "tree",
        "Running",
        "LabelSet|LabelNotSet|Released|StoppedSaid",
        "two things in one moment",
    ),
    (
        "tree",
        "Remains",
        "RecordChanged|RenewalLost|WatchdogDied|LabelSet|LabelNotSet|LabelOff|SignalForCommand|Released|StoppedSaid",
        "two things in one moment",
    ),
    (
        "tree",
        "Detached",
        "RenewalFailed|RenewalLost|LabelSet|LabelNotSet|Signal|SignalForCommand|StoppedSaid",
        "two things in one moment",
    ),
    (
        "tree",
        "Gone",
        "LabelSet|LabelNotSet",
        "two things in one moment",
    ),
    (
        "effect",
        "SayUnkilled",
        "*",
        "what is killed does not die for two seconds; machine_tests.rs has it",
    ),
    (
        "decide",
        "acquire: refuse",
        "*",
        "an election, an ancestor or exhausted transitions; decide_tests.rs has them",
    ),
    (
        "request",
        "done, then refused|server error|slow reply|too many",
        "Create",
        "few requests are creations",
    ),
];
