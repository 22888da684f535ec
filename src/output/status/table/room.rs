//! The room that a terminal gives to the columns of a list, and to the ids of its holders' runs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Row;
use super::super::fit::{Fitted, GAP, Gives, fit};
use super::{HOLDER, Printer};
use crate::lease::summary::instance;
use crate::words::shown::{may_take, value, width};

/// So much of a run's id tells it from the others of a list.
const BEGINNING: usize = 4;

/// So often a layout is tried again that a terminal may draw wider than it was counted.
const TRIES: usize = 4;

impl Printer {
    /// How the columns fit, with the cells cut to theirs.
    pub(super) fn fit_page(&mut self, rows: &[Row], cells: &mut [Vec<String>]) -> Fitted {
        let Some(room) = self.layout.width.map(usize::from) else {
            return self.fitted(rows, cells, 0);
        };
        let wholes = cells.to_vec();
        let before: Vec<usize> = self.columns.iter().map(|column| column.width).collect();
        let mut spare = 0;
        let mut fitted = self.laid_out(rows, cells, &wholes, spare);
        // Where a column goes for it, others have its room.
        for _ in 0..TRIES {
            let over = beyond(cells, &fitted, room);
            if over == 0 {
                break;
            }
            spare += over;
            cells.clone_from_slice(&wholes);
            for (column, width) in self.columns.iter_mut().zip(&before) {
                column.width = *width;
            }
            fitted = self.laid_out(rows, cells, &wholes, spare);
        }
        for index in self.cut_columns() {
            let rows = cells.iter().zip(&wholes);
            let rows = rows.filter_map(|(cells, wholes)| {
                Some((cells.get(index)?.as_str(), wholes.get(index)?.as_str()))
            });
            self.known.entry(index).or_default().add(rows);
        }
        fitted
    }

    /// How the columns fit when so many of the terminal are left to `spare`, with the cells cut to theirs.
    fn laid_out(
        &mut self,
        rows: &[Row],
        cells: &mut [Vec<String>],
        wholes: &[Vec<String>],
        spare: usize,
    ) -> Fitted {
        let mut fitted = self.fitted(rows, cells, spare);
        if self.noted && fitted.widths.last() == Some(&None) {
            self.mark_states(cells);
            fitted = self.fitted(rows, cells, spare);
        }
        let ellipsis = if self.layout.ascii { "..." } else { "…" };
        for index in self.cut_columns() {
            let Some(Some(room)) = fitted.widths.get(index) else {
                continue;
            };
            let wholes = wholes.iter().filter_map(|row| row.get(index));
            let mut column: Vec<(&mut String, &str)> = cells
                .iter_mut()
                .filter_map(|row| row.get_mut(index))
                .zip(wholes.map(String::as_str))
                .collect();
            let known = self.known.entry(index).or_default();
            known.cut(&mut column, *room, ellipsis);
        }
        fitted
    }

    /// The columns whose texts are cut.
    fn cut_columns(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        columns
            .filter(|(_, column)| matches!(column.gives, Gives::Cuts { .. }))
            .map(|(index, _)| index)
            .collect()
    }

    /// How the columns fit, with these cells in them; holders that are too long lose a run's own id before anything else is
    /// cut. So many columns of a terminal are left to `spare`.
    fn fitted(&mut self, rows: &[Row], cells: &mut [Vec<String>], spare: usize) -> Fitted {
        let mut widths = self.widths(cells);
        if let Some(room) = self.layout.width.map(usize::from) {
            let room = room.saturating_sub(spare);
            let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
            let holder = self.columns.iter().position(|column| column.name == HOLDER);
            if let Some(holder) = holder.filter(|_| total > room) {
                let ellipsis = if self.layout.ascii { "..." } else { "…" };
                for (cells, short) in cells.iter_mut().zip(without_ids(rows, ellipsis)) {
                    if let (Some(short), Some(cell)) = (short, cells.get_mut(holder)) {
                        *cell = short;
                    }
                }
                widths = self.widths(cells);
                let mut fitted = self.fit(&widths, room);
                self.give_ids_back(rows, cells, holder, room, &mut fitted);
                return fitted;
            }
            return self.fit(&widths, room);
        }
        for (column, width) in self.columns.iter_mut().zip(&widths) {
            column.width = *width;
        }
        Fitted {
            widths: widths.into_iter().map(Some).collect(),
            gap: GAP,
        }
    }

    /// The holders whose whole text has room in their column, or in what is left of the line, have it.
    fn give_ids_back(
        &mut self,
        rows: &[Row],
        cells: &mut [Vec<String>],
        holder: usize,
        room: usize,
        fitted: &mut Fitted,
    ) {
        let shown: Vec<usize> = fitted.widths.iter().copied().flatten().collect();
        let total = shown.iter().sum::<usize>() + fitted.gap * shown.len().saturating_sub(1);
        let Some(Some(column)) = fitted.widths.get_mut(holder) else {
            return;
        };
        let most = *column + room.saturating_sub(total);
        for (row, cells) in rows.iter().zip(cells) {
            let whole = named(row).map(|(_, holder)| value(holder));
            if let (Some(whole), Some(cell)) = (whole, cells.get_mut(holder))
                && width(&whole) <= most
            {
                *column = (*column).max(width(&whole));
                *cell = whole.into_owned();
            }
        }
        if let Some(known) = self.columns.get_mut(holder) {
            known.width = *column;
        }
    }

    /// How columns of these widths fit.
    fn fit(&mut self, widths: &[usize], room: usize) -> Fitted {
        let gone = |index: usize| {
            let shown = self.shown.as_ref();
            shown.is_some_and(|shown| shown.get(index) == Some(&false))
        };
        let asked: Vec<usize> = (0..widths.len()).filter(|index| !gone(*index)).collect();
        let columns: Vec<(Gives, usize)> = asked
            .iter()
            .filter_map(|index| {
                let column = self.columns.get(*index)?;
                // What the first page has shown stays, as wide as it was.
                let gives = match column.gives {
                    Gives::Goes(_) if self.shown.is_some() => Gives::Nothing,
                    Gives::Cuts { shortest, goes, .. } if self.shown.is_some() => Gives::Cuts {
                        least: column.width,
                        shortest,
                        goes,
                    },
                    gives => gives,
                };
                Some((gives, *widths.get(*index)?))
            })
            .collect();
        let some = fit(
            &columns,
            room,
            !self.layout.on_screen && self.is_asked_for(),
        );
        let mut fitted = Fitted {
            widths: vec![None; widths.len()],
            gap: some.gap,
        };
        for (index, width) in asked.into_iter().zip(some.widths) {
            // The lines to come stand below these.
            if let (Some(column), Some(width)) = (self.columns.get_mut(index), width) {
                column.width = width;
            }
            if let Some(place) = fitted.widths.get_mut(index) {
                *place = width;
            }
        }
        fitted
    }

    /// Whether there are columns beyond the usual ones.
    fn is_asked_for(&self) -> bool {
        self.layout.wide || self.layout.labels || !self.label_columns.is_empty()
    }

    /// The width of each column with these cells in it.
    fn widths(&self, cells: &[Vec<String>]) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|column| column.width).collect();
        for row in cells {
            for (known, cell) in widths.iter_mut().zip(row) {
                *known = (*known).max(width(cell));
            }
        }
        widths
    }
}

/// By how much a terminal may draw a line of these beyond its edge, that was counted to end before.
fn beyond(cells: &[Vec<String>], fitted: &Fitted, room: usize) -> usize {
    let of = |row: &Vec<String>| {
        let (mut at, mut counted, mut more) = (0, 0, 0);
        for (cell, column) in row.iter().zip(&fitted.widths) {
            let Some(column) = column else { continue };
            if !cell.is_empty() {
                counted = at + width(cell);
            }
            if !cell.is_ascii() {
                more += may_take(cell).saturating_sub(width(cell));
            }
            at += column + fitted.gap;
        }
        match counted <= room {
            true => (counted + more).saturating_sub(room),
            false => 0,
        }
    };
    cells.iter().map(of).max().unwrap_or_default()
}

/// Holders without a run's own id, row by row, where they have one; with as much of it as tells the runs of one name apart
/// where several are shown.
fn without_ids(rows: &[Row], ellipsis: &str) -> Vec<Option<String>> {
    let mut runs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, holder) in rows.iter().filter_map(named) {
        runs.entry(name).or_default().insert(holder);
    }
    let enough: BTreeMap<&str, usize> = runs
        .iter()
        .map(|(name, runs)| (*name, telling(name, runs)))
        .collect();
    let short = |row| {
        let (name, holder) = named(row)?;
        let id = holder.get(name.len() + 1..).unwrap_or_default();
        let enough = enough.get(name).copied().unwrap_or_default();
        let id: String = id.chars().take(enough).collect();
        Some(format!("{}_{id}{ellipsis}", value(name)))
    };
    rows.iter().map(short).collect()
}

/// How much of the ids of these runs tells them apart.
fn telling(name: &str, runs: &BTreeSet<&str>) -> usize {
    let ids = || runs.iter().filter_map(|run| run.get(name.len() + 1..));
    let same = |(one, other): (&str, &str)| {
        let both = one.chars().zip(other.chars());
        both.take_while(|(one, other)| one == other).count()
    };
    // In their order, the ones that are most alike are neighbours.
    let most = ids().zip(ids().skip(1)).map(same).max();
    most.map_or(0, |most| BEGINNING.max(most + 1))
}

/// The name of a run, and its whole identity.
fn named(row: &Row) -> Option<(&str, &str)> {
    let holder = row.lease.holder.as_deref()?;
    Some((instance(holder)?, holder))
}
