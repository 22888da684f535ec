//! Models of what Microsoft documents of cmd.exe, of PowerShell and of how a program reads its command line.

use super::super::*;

/// Argument vectors of a command line, by the rules of Microsoft's C library since 2008; with `go` by those of Go, in which two
/// quotes within quotes end them.
fn argv(line: &str, go: bool) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        if rest.peek().is_none() {
            return all;
        }
        let (mut word, mut quoted, mut backslashes) = (String::new(), false, 0);
        while let Some(c) = rest.next_if(|c| quoted || !matches!(c, ' ' | '\t')) {
            if c == '\\' {
                backslashes += 1;
                continue;
            }
            let halved = if c == '"' {
                backslashes / 2
            } else {
                backslashes
            };
            word.extend(std::iter::repeat_n('\\', halved));
            let escaped = c == '"' && backslashes % 2 == 1;
            backslashes = 0;
            match c {
                '"' if escaped => word.push(c),
                '"' if quoted && rest.next_if_eq(&'"').is_some() => {
                    word.push(c);
                    quoted = !go;
                }
                '"' => quoted = !quoted,
                c => word.push(c),
            }
        }
        word.extend(std::iter::repeat_n('\\', backslashes));
        all.push(word);
    }
}

/// What cmd.exe hands a program on of a line that was typed; `None` where it would do anything else than run that one.
fn through_cmd(line: &str) -> Option<String> {
    let variable = |name: &str| {
        let name = name.split(':').next().unwrap_or_default();
        ["PATH", "USERNAME", "A", "X"].contains(&name.to_ascii_uppercase().as_str())
    };
    // Variables first, wherever they stand. One that is not there stays as it is written.
    for (at, _) in line.match_indices('%') {
        let rest = &line[at + 1..];
        if rest.find('%').is_some_and(|end| variable(&rest[..end])) {
            return None;
        }
    }
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in line.chars() {
        match c {
            c if escaped => {
                escaped = false;
                out.push(c);
            }
            '^' if !quoted => escaped = true,
            '&' | '|' | '<' | '>' | '(' | ')' if !quoted => return None,
            '\n' | '\r' => return None,
            c => {
                quoted ^= c == '"';
                out.push(c);
            }
        }
    }
    (!escaped).then_some(out)
}

/// The string that PowerShell reads a word of a command's arguments as; `None` where it reads anything else there.
fn by_powershell(word: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = word.chars().peekable();
    let number = |text: &str| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    if word.starts_with(|c: char| "@#~".contains(c)) || word.starts_with("--%") || word.is_empty() {
        return None;
    }
    if word.starts_with('-') && !word.starts_with("--") && word.contains(['.', ':']) {
        return None;
    }
    while let Some(c) = rest.next() {
        if powershell::is_single_quote(c) {
            loop {
                let c = rest.next()?;
                if !powershell::is_single_quote(c) {
                    out.push(c);
                } else if let Some(second) = rest.next_if(|c| powershell::is_single_quote(*c)) {
                    out.push(second);
                } else {
                    break;
                }
            }
        } else if powershell::is_double_quote(c) {
            loop {
                match rest.next()? {
                    '`' => match rest.next()? {
                        c if c.is_ascii_alphanumeric() => return None,
                        c => out.push(c),
                    },
                    '$' if rest.peek() == Some(&'(') => {
                        let inner: String = rest.by_ref().take_while(|c| *c != ')').collect();
                        let code = match inner.strip_prefix("([char]::ConvertFromUtf32(") {
                            Some(code) => {
                                rest.next_if_eq(&')')?;
                                number(code)?
                            }
                            None => number(inner.strip_prefix("([char]")?)?,
                        };
                        out.push(char::from_u32(code)?);
                    }
                    '$' => return None,
                    c if powershell::is_double_quote(c) => {
                        match rest.next_if(|c| powershell::is_double_quote(*c)) {
                            Some(second) => out.push(second),
                            None => break,
                        }
                    }
                    c => out.push(c),
                }
            }
        } else if "`$;,|&<>(){} \t\n\r".contains(c) {
            return None;
        } else {
            out.push(c);
        }
    }
    Some(out)
}

/// The command line that PowerShell up to 7.2 makes of a word; 5.1 does not double a backslash at its end.
fn passed_on(word: &str, doubles: bool) -> String {
    let (mut needs, mut behind_backslash, mut quotes) = (false, false, 0);
    for c in word.chars() {
        if c == '"' && !behind_backslash {
            quotes += 1;
        } else if c.is_whitespace() && quotes % 2 == 0 {
            needs = true;
        }
        behind_backslash = c == '\\';
    }
    let end = word.len() - word.trim_end_matches('\\').len();
    let end = "\\".repeat(if doubles { end } else { 0 });
    if needs {
        format!("\"{word}{end}\"")
    } else {
        word.to_owned()
    }
}

/// What a program gets for a word, in each way that it may be read in that shell.
pub fn read(shell: Shell, word: &str) -> Vec<Option<String>> {
    let one = |line: Option<String>| {
        let of = |go| match &argv(line.as_ref()?, go)[..] {
            [one] => Some(one.clone()),
            _ => None,
        };
        [of(false), of(true)]
    };
    let legacy = |doubles| one(by_powershell(word).map(|word| passed_on(&word, doubles)));
    match shell {
        Shell::Cmd => one(through_cmd(word)).to_vec(),
        Shell::WindowsPowerShell => [legacy(false), legacy(true)].concat(),
        Shell::PowerShell => vec![by_powershell(word)],
        Shell::Unknown => [Shell::Cmd, Shell::WindowsPowerShell, Shell::PowerShell]
            .map(|shell| read(shell, word))
            .concat(),
        Shell::Posix => Vec::new(),
    }
}
