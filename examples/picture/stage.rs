//! Shells that are typed into, and a recording of what their screens show.
#![expect(clippy::disallowed_methods, reason = "a recording has its own time")]

use std::time::{Duration, Instant};

use lease_harness::Terminal;

/// The width of each screen.
pub const COLUMNS: u16 = 116;

const LOOK: Duration = Duration::from_millis(25);
const KEY: Duration = Duration::from_millis(45);
const SOON: Duration = Duration::from_secs(30);

/// Text of one look: colour index of the terminal's palette, if any, and whether it is bold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub column: usize,
    pub text: String,
    pub colour: Option<u8>,
    pub bold: bool,
}

/// A line of a screen for as long as it looked the same.
pub struct Line {
    pub shell: usize,
    pub row: usize,
    pub spans: Vec<Span>,
    /// From the beginning of the recording.
    pub from: Duration,
    /// `None` if it stayed to the end.
    pub to: Option<Duration>,
}

/// What there was to see.
pub struct Recording {
    /// The name of each shell and its number of rows.
    pub shells: Vec<(String, usize)>,
    pub lines: Vec<Line>,
    pub length: Duration,
}

struct Shell {
    name: &'static str,
    terminal: Terminal,
    parser: vt100::Parser,
    read: usize,
    /// The open line of each row, as an index into the recording.
    rows: Vec<Option<usize>>,
}

/// The shells, and the recording so far.
pub struct Stage {
    shells: Vec<Shell>,
    lines: Vec<Line>,
    begun: Option<Instant>,
}

impl Stage {
    pub fn new(shells: [(&'static str, Terminal); 2]) -> Self {
        let shells = shells.into_iter().map(|(name, terminal)| {
            let rows = terminal.rows();
            Shell {
                name,
                terminal,
                parser: vt100::Parser::new(rows, COLUMNS, 0),
                read: 0,
                rows: vec![None; usize::from(rows)],
            }
        });
        Self {
            shells: shells.collect(),
            lines: Vec::new(),
            begun: None,
        }
    }

    /// Records from here on.
    pub fn begin(&mut self) {
        self.begun = Some(Instant::now());
    }

    /// Types a line as a person does.
    pub fn types(&mut self, shell: usize, line: &str) {
        for key in line.chars() {
            self.send(shell, &key.to_string());
            self.wait(KEY);
        }
        self.pause(150);
        self.send(shell, "\r");
    }

    /// Ctrl-L.
    pub fn clear(&mut self, shell: usize) {
        self.prompt(shell);
        self.send(shell, "\x0c");
        self.pause(200);
    }

    fn send(&self, shell: usize, keys: &str) {
        self.shells[shell].terminal.send(keys.as_bytes());
    }

    /// Waits until this text is on the screen.
    pub fn shows(&mut self, shell: usize, text: &str) {
        self.until(shell, |screen| screen.contains(text));
    }

    /// Waits for an empty prompt.
    pub fn prompt(&mut self, shell: usize) {
        self.until(shell, |screen| screen.trim_end().ends_with('$'));
    }

    fn until(&mut self, shell: usize, wanted: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        loop {
            self.look();
            let screen = self.shells[shell].parser.screen().contents();
            if wanted(&screen) {
                return;
            }
            assert!(begun.elapsed() < SOON, "it does not come:\n{screen}");
            std::thread::sleep(LOOK);
        }
    }

    /// Goes on looking for some milliseconds.
    pub fn pause(&mut self, millis: u64) {
        self.wait(Duration::from_millis(millis));
    }

    fn wait(&mut self, span: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < span {
            self.look();
            std::thread::sleep(LOOK.min(span));
        }
    }

    fn look(&mut self) {
        for shell in 0..self.shells.len() {
            self.read(shell);
            let Some(begun) = self.begun else { continue };
            for row in 0..self.shells[shell].rows.len() {
                self.note(shell, row, begun.elapsed());
            }
        }
    }

    fn read(&mut self, shell: usize) {
        let shell = &mut self.shells[shell];
        let bytes = shell.terminal.raw();
        shell.parser.process(&bytes[shell.read..]);
        shell.read = bytes.len();
    }

    fn note(&mut self, shell: usize, row: usize, now: Duration) {
        let spans = spans(self.shells[shell].parser.screen(), row);
        let open = &mut self.shells[shell].rows[row];
        if let Some(index) = *open {
            if self.lines[index].spans == spans {
                return;
            }
            self.lines[index].to = Some(now);
            *open = None;
        }
        if !spans.is_empty() {
            *open = Some(self.lines.len());
            self.lines.push(Line {
                shell,
                row,
                spans,
                from: now,
                to: None,
            });
        }
    }

    /// The recording; the shells end.
    pub fn end(self) -> Recording {
        let name = |shell: &Shell| (shell.name.to_owned(), shell.rows.len());
        Recording {
            shells: self.shells.iter().map(name).collect(),
            lines: self.lines,
            length: self.begun.map(|begun| begun.elapsed()).unwrap_or_default(),
        }
    }
}

fn spans(screen: &vt100::Screen, row: usize) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for column in 0..COLUMNS {
        let Some(cell) = u16::try_from(row)
            .ok()
            .and_then(|row| screen.cell(row, column))
        else {
            break;
        };
        let colour = match cell.fgcolor() {
            vt100::Color::Idx(index) => Some(index),
            _ => None,
        };
        let text = if cell.has_contents() {
            cell.contents()
        } else {
            " "
        };
        match spans.last_mut() {
            Some(last) if last.colour == colour && last.bold == cell.bold() => {
                last.text.push_str(text);
            }
            _ => spans.push(Span {
                column: usize::from(column),
                text: text.to_owned(),
                colour,
                bold: cell.bold(),
            }),
        }
    }
    for span in &mut spans {
        span.text.truncate(span.text.trim_end().len());
    }
    spans.retain(|span| !span.text.is_empty());
    spans
}
