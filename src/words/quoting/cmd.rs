//! A word for a program that cmd.exe starts from its prompt. Two read it, one after the other: cmd.exe, which looks for `%`, then
//! for quotes, carets and what separates commands; and the program, by the rules of Microsoft's C library.

use crate::words::shown::is_printable;

/// `text` as one word; `None` where it has what no terminal shows, for which cmd.exe knows no other form.
pub fn quoted(text: &str) -> Option<String> {
    if !is_printable(text) {
        return None;
    }
    let argument = argument(text);
    if !text.contains(['"', '%']) {
        return Some(argument);
    }
    // The quotes are the program's alone: with each one escaped, all is outside of quotes for cmd.exe, where a caret escapes.
    let mut out = String::with_capacity(2 * argument.len());
    let mut after_percent = false;
    for c in argument.chars() {
        // Escapes are read after variables: `%^PATH:a=b^%` is the variable `^PATH`, which nobody has.
        if after_percent || "()%!^\"<>&|".contains(c) {
            out.push('^');
        }
        out.push(c);
        after_percent = c == '%';
    }
    Some(out)
}

/// `text` in quotes as a program reads it that takes its command line apart as Microsoft's C library does: backslashes are
/// themselves, but for those before a quote, of which two make one.
pub fn argument(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut backslashes = 0;
    for c in text.chars() {
        if c == '"' {
            out.extend(std::iter::repeat_n('\\', backslashes + 1));
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
        out.push(c);
    }
    out.extend(std::iter::repeat_n('\\', backslashes));
    out.push('"');
    out
}
