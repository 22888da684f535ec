//! Rows under their titles, as `kubectl describe` lays them out: the last column has what is left of the line.

use crate::words::shown::{shortened, width};

/// The least that is left for the last column, however narrow a terminal is.
const NARROWEST: usize = 20;

/// The titles, a line below them and the rows, whose last cells are cut where there are no more than so many `columns`.
pub fn laid_out(titles: Vec<String>, mut rows: Vec<Vec<String>>, columns: Option<usize>) -> String {
    let below = titles.iter().map(|title| "-".repeat(title.len()));
    let below = below.collect();
    rows.splice(..0, [titles, below]);
    let mut widths = vec![0; rows.iter().map(Vec::len).max().unwrap_or(0)];
    for row in &rows {
        for (least, cell) in widths.iter_mut().zip(row) {
            *least = width(cell).max(*least);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let Some((last, others)) = row.split_last() else {
            continue;
        };
        let mut begin = "  ".to_owned();
        for (cell, least) in others.iter().zip(&widths) {
            begin.push_str(cell);
            begin.push_str(&" ".repeat(least - width(cell) + 2));
        }
        let room = columns.map(|columns| columns.saturating_sub(width(&begin)).max(NARROWEST));
        let last = room.map_or_else(|| last.clone(), |room| shortened(last, room, "…"));
        text.push_str(begin.trim_end_matches(' '));
        if !last.is_empty() {
            let blank = begin.len() - begin.trim_end_matches(' ').len();
            text.push_str(&" ".repeat(blank));
            text.push_str(&last);
        }
        text.push('\n');
    }
    text
}
