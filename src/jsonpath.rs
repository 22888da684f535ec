//! kubectl's JSONPath templates, read as kubectl reads them (client-go's util/jsonpath); no library speaks that dialect: its
//! `..`, `['a','b']`, `[-1:]` and what is out of range mean other things in RFC 9535.

mod eval;
mod go;
mod mentions;
mod slice;

pub use go::{json, sprint};
use slice::Slice;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
    /// Whether a name that is not there is an error.
    strict: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    /// `{…}`
    Action(Vec<Step>),
    /// `{range …}…{end}`
    Range(Vec<Step>, Vec<Part>),
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Field(String),
    Wildcard,
    Recursive,
    Slice(Slice),
    Union(Vec<Vec<Step>>),
    Filter(Filter),
}

#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Vec<Step>,
    /// What to compare with, and how; without it, whether there is a left side.
    right: Option<(String, Vec<Step>)>,
}

impl Template {
    /// Parses `{.items[*].metadata.name}{"\n"}`, `{range …}…{end}` and the text between.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser::new(text);
        let (parts, ended) = parser.parts()?;
        if ended {
            return Err("{end} without {range}".to_owned());
        }
        Ok(Self {
            parts,
            strict: false,
        })
    }

    /// The same for `--allow-missing-template-keys=false`: a name that is not there is an error.
    #[must_use]
    pub fn strict(self) -> Self {
        Self {
            strict: true,
            ..self
        }
    }

    /// Parses one path, with or without the braces and the first dot, as kubectl does for columns and `--sort-by`.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn path(text: &str) -> Result<Self, String> {
        let braced = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let inner = braced.unwrap_or(text);
        let inner = inner.strip_prefix('.').unwrap_or(inner);
        if inner.is_empty() || inner.contains(['{', '}']) {
            return Err(format!("{text:?} is not a path such as .metadata.name"));
        }
        Self::parse(&format!("{{.{inner}}}"))
    }
}

struct Parser {
    text: Vec<char>,
    at: usize,
    /// How many ranges are around it.
    ranges: usize,
}

/// So many ranges may stand in each other: each takes some of the stack, and no document is as deep.
const DEEPEST: usize = 100;

/// What ends a name.
fn ends_name(c: char) -> bool {
    matches!(c, '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}') || c.is_whitespace()
}

impl Parser {
    fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            ranges: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn follows(&self, what: &str) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        what.chars()
            .enumerate()
            .all(|(index, c)| rest.get(index) == Some(&c))
    }

    fn since(&self, begin: usize) -> String {
        self.text
            .get(begin..self.at)
            .unwrap_or_default()
            .iter()
            .collect()
    }

    /// Text and actions up to the end of the range around them, or of the text.
    fn parts(&mut self) -> Result<(Vec<Part>, bool), String> {
        let mut parts = Vec::new();
        while self.peek().is_some() {
            let begin = self.at;
            while self.peek().is_some_and(|c| c != '{') {
                self.at += 1;
            }
            if self.at > begin {
                parts.push(Part::Text(self.since(begin)));
            }
            if self.next().is_none() {
                break;
            }
            while self.peek() == Some(' ') {
                self.at += 1;
            }
            match self.identifier().as_deref() {
                Some("range") => {
                    let steps = self.action()?;
                    self.ranges += 1;
                    if self.ranges > DEEPEST {
                        return Err(format!("more than {DEEPEST} ranges in each other"));
                    }
                    let (inner, ended) = self.parts()?;
                    self.ranges -= 1;
                    if !ended {
                        return Err("{range} without {end}".to_owned());
                    }
                    parts.push(Part::Range(steps, inner));
                }
                Some("end") => {
                    self.action()?;
                    return Ok((parts, true));
                }
                Some("true") => parts.push(Part::Action(self.after(Step::Bool(true))?)),
                Some("false") => parts.push(Part::Action(self.after(Step::Bool(false))?)),
                Some(other) => return Err(format!("unrecognized identifier {other}")),
                None => parts.push(Part::Action(self.action()?)),
            }
        }
        Ok((parts, false))
    }

    /// A word at the beginning of an action.
    fn identifier(&mut self) -> Option<String> {
        if !self.peek().is_some_and(|c| c == '_' || c.is_alphabetic()) {
            return None;
        }
        let begin = self.at;
        while self.peek().is_some_and(|c| !ends_name(c)) {
            self.at += 1;
        }
        Some(self.since(begin))
    }

    fn after(&mut self, first: Step) -> Result<Vec<Step>, String> {
        let mut steps = vec![first];
        steps.extend(self.action()?);
        Ok(steps)
    }

    /// The steps up to the closing brace, and that.
    fn action(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            if self.follows("[?(") {
                steps.push(self.filter()?);
                continue;
            }
            if self.follows("..") {
                if steps.last() == Some(&Step::Recursive) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                self.at += 2;
                steps.push(Step::Recursive);
                if self.peek().is_some_and(|c| c == '_' || c.is_alphanumeric()) {
                    steps.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\n' | '\r') => return Err("unclosed action".to_owned()),
                Some('}') => return Ok(steps),
                Some(' ' | '@' | '$') => {}
                Some('[') => self.brackets(&mut steps)?,
                Some(quote @ ('"' | '\'')) => steps.push(Step::Text(self.quoted(quote)?)),
                Some('.') => steps.push(self.field()),
                Some(c) if c == '+' || c == '-' || c.is_ascii_digit() => steps.push(self.number()?),
                Some(c) if c == '_' || c.is_alphabetic() => {
                    self.at -= 1;
                    match self.identifier().as_deref() {
                        Some("true") => steps.push(Step::Bool(true)),
                        Some("false") => steps.push(Step::Bool(false)),
                        word => {
                            let word = word.unwrap_or_default();
                            return Err(format!("unrecognized identifier {word}"));
                        }
                    }
                }
                Some(c) => return Err(format!("unrecognized character in action: {c:?}")),
            }
        }
    }

    /// A name after its dot; a backslash takes the next character as it is.
    fn field(&mut self) -> Step {
        let begin = self.at;
        while let Some(c) = self.peek() {
            match c {
                '\\' => self.at = (self.at + 2).min(self.text.len()),
                c if ends_name(c) => break,
                _ => self.at += 1,
            }
        }
        match self.since(begin).as_str() {
            "*" => Step::Wildcard,
            name => Step::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Step, String> {
        let begin = self.at - 1;
        while self.peek().is_some_and(|c| c == '.' || c.is_ascii_digit()) {
            self.at += 1;
        }
        let text = self.since(begin);
        let integer = text.parse().map(Step::Integer);
        integer
            .or_else(|_| text.parse().map(Step::Float))
            .map_err(|_| format!("cannot parse number {text}"))
    }

    /// Up to the quote that began it.
    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let unterminated = || "unterminated quoted string".to_owned();
        let begin = self.at;
        let mut before = quote;
        loop {
            match self.next() {
                None | Some('\n') => return Err(unterminated()),
                Some(c) if c == quote && before != '\\' => break,
                Some(c) => before = c,
            }
        }
        let inner: String = self.since(begin);
        let inner = inner.strip_suffix(quote).ok_or_else(unterminated)?;
        go::unquoted(inner, quote)
            .ok_or_else(|| format!("invalid quoted string {quote}{inner}{quote}"))
    }

    /// An index, a slice, a key or several of these, after the opening bracket.
    fn brackets(&mut self, steps: &mut Vec<Step>) -> Result<(), String> {
        let begin = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".to_owned()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = self.since(begin);
        let text = text.strip_suffix(']').unwrap_or(&text);
        if text.contains(',') {
            let members = text.split(',').map(|member| {
                let member = format!("[{}]", member.trim_matches(' '));
                inside(&member)
            });
            steps.push(Step::Union(members.collect::<Result<_, _>>()?));
            return Ok(());
        }
        let key = text
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        if let Some(key) = key.filter(|key| !key.contains('\'')) {
            // A dot in it begins another name, as in kubectl.
            steps.extend(inside(&format!(".{key}"))?);
            return Ok(());
        }
        let slice = Slice::parse(if text == "*" { ":" } else { text });
        steps.push(Step::Slice(
            slice.ok_or_else(|| format!("invalid array index {text}"))?,
        ));
        Ok(())
    }

    fn filter(&mut self) -> Result<Step, String> {
        self.at += "[?(".len();
        let begin = self.at;
        let (mut quote, mut before) = (None, ' ');
        loop {
            let c = self.next().filter(|c| *c != '\n');
            let Some(c) = c else {
                return Err("unterminated filter".to_owned());
            };
            match quote {
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c == ')' => break,
                Some(open) if c == open && before != '\\' => quote = None,
                None | Some(_) => {}
            }
            before = c;
        }
        let text = self.since(begin);
        let text = text.strip_suffix(')').unwrap_or(&text);
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        let compares = |c: char| "!<>=".contains(c);
        let Some(at) = text.find(compares).filter(|at| *at > 0) else {
            let left = inside(text)?;
            return Ok(Step::Filter(Filter { left, right: None }));
        };
        let (left, rest) = text.split_at(at);
        let right = rest.trim_start_matches(compares);
        let operator = &rest[..rest.len() - right.len()];
        if !["==", "!=", "<", "<=", ">", ">="].contains(&operator) {
            return Err(format!("unrecognized filter operator {operator}"));
        }
        Ok(Step::Filter(Filter {
            left: inside(left)?,
            right: Some((operator.to_owned(), inside(right)?)),
        }))
    }
}

/// The steps of what stands inside braces.
fn inside(text: &str) -> Result<Vec<Step>, String> {
    let mut parser = Parser::new(&format!("{text}}}"));
    parser.action()
}

#[cfg(test)]
#[path = "jsonpath/tests.rs"]
mod tests;
