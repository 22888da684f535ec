//! The words typed so far, read along clap's own command tree: what they said already, and what the last one begins.

use clap::{Arg, ArgAction, Command};

/// A command line whose last word is not finished.
pub struct Line<'a> {
    /// The subcommand that the words lead to.
    pub command: &'a Command,
    /// Every argument typed so far, with its value if it has one.
    pub given: Vec<(&'a Arg, Option<String>)>,
    /// Whether there was a word that is no flag and no subcommand: an argument by position, or a mistake.
    pub positional: bool,
    /// What the last word begins.
    pub wanted: Wanted<'a>,
}

/// What the last word begins.
pub enum Wanted<'a> {
    /// A subcommand, or the next argument by position.
    Word {
        /// What is typed of it.
        typed: String,
        /// The argument that stands at this position, if there is one.
        argument: Option<&'a Arg>,
    },
    /// The name of a flag, its dashes included.
    Flag(String),
    /// The value of a flag.
    Value {
        /// The flag.
        flag: &'a Arg,
        /// What has to stay before the value in the same word: `-o` of `-ojson`. A shell takes `--flag=` off itself.
        before: String,
        /// What is typed of the value.
        typed: String,
    },
    /// A word of another command, after `--`.
    Foreign,
}

impl<'a> Line<'a> {
    /// Reads `words`; without any, the first one is about to begin. `root` must have been built.
    pub fn read(root: &'a Command, words: &[String]) -> Self {
        let mut reader = Reader {
            command: root,
            given: Vec::new(),
            pending: None,
            positions: 0,
            escaped: false,
        };
        let (last, before) = match words.split_last() {
            Some((last, before)) => (last.as_str(), before),
            None => ("", words),
        };
        for word in before {
            reader.word(word);
        }
        let wanted = reader.wanted(last);
        Self {
            command: reader.command,
            given: reader.given,
            positional: reader.positions > 0,
            wanted,
        }
    }

    /// Whether `argument` may still be given: not twice, and not beside one that excludes it.
    pub fn admits(&self, argument: &Arg) -> bool {
        let excludes = |one: &Arg, other: &Arg| {
            let conflicts = self.command.get_arg_conflicts_with(one);
            conflicts.iter().any(|arg| arg.get_id() == other.get_id())
        };
        self.given.iter().all(|(given, _)| {
            let again = given.get_id() == argument.get_id();
            if again {
                return matches!(argument.get_action(), ArgAction::Append | ArgAction::Count);
            }
            // A flag of the parent has no conflicts below it.
            let here = self
                .command
                .get_arguments()
                .any(|arg| arg.get_id() == given.get_id());
            !here || !(excludes(argument, given) || excludes(given, argument))
        })
    }

    /// The value that was given to the argument of this id.
    pub fn value(&self, id: &str) -> Option<&str> {
        let mut found = self.given.iter().filter(|(arg, _)| arg.get_id() == id);
        found.next_back()?.1.as_deref()
    }
}

struct Reader<'a> {
    command: &'a Command,
    given: Vec<(&'a Arg, Option<String>)>,
    /// A flag whose value is the next word.
    pending: Option<&'a Arg>,
    positions: usize,
    escaped: bool,
}

impl<'a> Reader<'a> {
    fn word(&mut self, word: &str) {
        if let Some(flag) = self.pending.take() {
            self.given.push((flag, Some(word.to_owned())));
        } else if self.escaped {
            self.position(word);
        } else if word == "--" {
            self.escaped = true;
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            if let Some(flag) = self.long(name) {
                if value.is_none() && wants_next(flag) {
                    self.pending = Some(flag);
                } else {
                    self.given.push((flag, value));
                }
            }
        } else if word.len() > 1 && word.starts_with('-') {
            match self.shorts(&word[1..]) {
                Some((flag, at)) if at == word.len() - 1 => self.pending = Some(flag),
                Some((flag, at)) => {
                    let value = &word[1..][at..];
                    let value = value.strip_prefix('=').unwrap_or(value).to_owned();
                    self.given.push((flag, Some(value)));
                }
                None => {}
            }
        } else if let Some(subcommand) = self.subcommand(word) {
            self.command = subcommand;
            self.positions = 0;
        } else {
            self.position(word);
        }
    }

    fn wanted(&mut self, last: &str) -> Wanted<'a> {
        if let Some(flag) = self.pending.take() {
            return Wanted::Value {
                flag,
                before: String::new(),
                typed: last.to_owned(),
            };
        }
        if self.escaped && self.command.get_positionals().any(Arg::is_last_set) {
            return Wanted::Foreign;
        }
        if !self.escaped && last.starts_with("--") {
            let flag = last.split_once('=');
            return match flag.and_then(|(name, value)| Some((self.long(&name[2..])?, value))) {
                Some((flag, value)) => Wanted::Value {
                    flag,
                    before: String::new(),
                    typed: value.to_owned(),
                },
                None => Wanted::Flag(last.to_owned()),
            };
        }
        if !self.escaped && last.starts_with('-') {
            return match self.shorts(&last[1..]) {
                Some((flag, at)) => {
                    let value = &last[1..][at..];
                    let equals = usize::from(value.starts_with('='));
                    let before = match equals {
                        // `-o=` is taken off by the shell as `--output=` is.
                        1 => String::new(),
                        _ => last[..=at].to_owned(),
                    };
                    Wanted::Value {
                        flag,
                        before,
                        typed: value[equals..].to_owned(),
                    }
                }
                None => Wanted::Flag(last.to_owned()),
            };
        }
        Wanted::Word {
            typed: last.to_owned(),
            argument: self.positional(self.positions),
        }
    }

    fn position(&mut self, word: &str) {
        if let Some(argument) = self.positional(self.positions) {
            self.given.push((argument, Some(word.to_owned())));
        }
        self.positions += 1;
    }

    /// Reads `-abc`: the first flag with a value and where that value begins; flags without one are noted.
    fn shorts(&mut self, cluster: &str) -> Option<(&'a Arg, usize)> {
        for (at, letter) in cluster.char_indices() {
            let flag = self.command.get_arguments();
            let flag = flag
                .into_iter()
                .find(|arg| arg.get_short() == Some(letter))?;
            if takes_value(flag) {
                return Some((flag, at + letter.len_utf8()));
            }
            self.given.push((flag, None));
        }
        None
    }

    fn long(&self, name: &str) -> Option<&'a Arg> {
        let mut all = self.command.get_arguments();
        all.find(|arg| arg.get_long() == Some(name))
    }

    fn positional(&self, index: usize) -> Option<&'a Arg> {
        let mut all = self
            .command
            .get_positionals()
            .filter(|arg| !arg.is_last_set());
        let mut last = None;
        for _ in 0..=index {
            match all.next() {
                Some(argument) => last = Some(argument),
                // The last one may be given time and again.
                None => return last.filter(|last| matches!(last.get_action(), ArgAction::Append)),
            }
        }
        last
    }

    fn subcommand(&self, word: &str) -> Option<&'a Command> {
        if self.positions > 0 {
            return None;
        }
        self.command.find_subcommand(word)
    }
}

/// Whether the argument has a value at all.
pub fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// Whether the value is the next word: `--dry-run` only has one after `=`.
fn wants_next(flag: &Arg) -> bool {
    takes_value(flag) && !flag.is_require_equals_set()
}
