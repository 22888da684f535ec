//! The lines of a table, with and without colours.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};

use super::fit::Fitted;
use crate::lease::report::State;
use crate::words::shown::width;

/// As much as most cells lack.
const BLANKS: &str = "                                ";

/// The lines with colours, laid out by the table library.
pub fn coloured(
    states: impl Iterator<Item = State>,
    state_at: Option<usize>,
    lines: Vec<Vec<String>>,
    header: bool,
    fitted: &Fitted,
) -> String {
    let shown = |line: Vec<String>| {
        let cells = line.into_iter().zip(&fitted.widths).enumerate();
        cells
            .filter(|(_, (_, width))| width.is_some())
            .map(|(index, (text, _))| (index, text))
            .collect::<Vec<(usize, String)>>()
    };
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .enforce_styling();
    let mut lines = lines.into_iter();
    if header && let Some(names) = lines.next() {
        table.set_header(shown(names).into_iter().map(|(_, name)| name));
    }
    for (state, texts) in states.zip(lines) {
        table.add_row(shown(texts).into_iter().map(|(index, text)| {
            let cell = Cell::new(text);
            if Some(index) == state_at {
                in_colour(cell, state)
            } else {
                cell
            }
        }));
    }
    let widths: Vec<usize> = fitted.widths.iter().copied().flatten().collect();
    let small = |width: usize| u16::try_from(width).unwrap_or(u16::MAX);
    let last = widths.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { small(fitted.gap) }));
        if index != last
            && let Some(width) = widths.get(index)
        {
            let least = Width::Fixed(small(width + fitted.gap));
            column.set_constraint(ColumnConstraint::LowerBoundary(least));
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same lines without colours. The table library takes longer over a cell than decoding its Lease does, and a pipe
/// may get a line for each node of a large cluster.
pub fn plain(lines: &[Vec<String>], fitted: &Fitted) -> String {
    let mut text = String::new();
    for cells in lines {
        let begin = text.len();
        for (cell, column) in cells.iter().zip(&fitted.widths) {
            let Some(column) = column else { continue };
            text.push_str(cell);
            let mut blank = (column + fitted.gap).saturating_sub(width(cell));
            while blank > 0 {
                let some = blank.min(BLANKS.len());
                text.push_str(&BLANKS[..some]);
                blank -= some;
            }
        }
        text.truncate(begin + text[begin..].trim_end().len());
        text.push('\n');
    }
    text
}

fn in_colour(cell: Cell, state: State) -> Cell {
    match state {
        State::Held | State::HeldWithoutExpiry => cell.fg(Color::Green),
        State::Expired => cell.fg(Color::Red),
        State::Terminating => cell.fg(Color::Yellow),
        State::Free | State::Deleted => cell.add_attribute(Attribute::Dim),
    }
}
