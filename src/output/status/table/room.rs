//! The room that a terminal gives to the columns of a list, and to the ids of its holders' runs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Row;
use super::super::fit::{Fitted, GAP, Gives, fit};
use super::{HOLDER, Printer};
use crate::lease::summary::instance;
use crate::output::shown::{value, width};

/// So much of a run's id tells it from the others of a list.
const BEGINNING: usize = 4;

impl Printer {
    /// How the columns fit, with these cells in them; holders that are too long lose a run's own id before anything else is
    /// cut.
    pub(super) fn fitted(&mut self, rows: &[Row], cells: &mut [Vec<String>]) -> Fitted {
        let mut widths = self.widths(cells);
        if let Some(room) = self.layout.width.map(usize::from) {
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
                let gives = self.columns.get(*index)?.gives;
                // What the first page has shown stays.
                let gives = match gives {
                    Gives::Goes(_) if self.shown.is_some() => Gives::Nothing,
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

/// Holders without a run's own id, row by row, where they have one; with its beginning where two runs of one name are shown.
fn without_ids(rows: &[Row], ellipsis: &str) -> Vec<Option<String>> {
    let mut runs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, holder) in rows.iter().filter_map(named) {
        runs.entry(name).or_default().insert(holder);
    }
    let short = |row| {
        let (name, holder) = named(row)?;
        let several = runs.get(name).is_some_and(|runs| runs.len() > 1);
        let id = holder.get(name.len() + 1..).unwrap_or_default();
        let id: String = id
            .chars()
            .take(if several { BEGINNING } else { 0 })
            .collect();
        Some(format!("{}_{id}{ellipsis}", value(name)))
    };
    rows.iter().map(short).collect()
}

/// The name of a run, and its whole identity.
fn named(row: &Row) -> Option<(&str, &str)> {
    let holder = row.lease.holder.as_deref()?;
    Some((instance(holder)?, holder))
}
