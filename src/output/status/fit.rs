//! How the columns of a list fit a terminal: names and holders shrink first, then columns go that say least.

/// How a column gives room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// It is never cut and never left out.
    Nothing,
    /// Its texts are cut.
    Cuts {
        /// Down to so many columns while anything else can go.
        least: usize,
        /// And to so many before nothing fits at all.
        shortest: usize,
        /// Whether it is left out rather than cut further.
        goes: bool,
    },
    /// It is left out, the smallest number first, and [`LAST`] after everything else was tried.
    Goes(u8),
}

/// For a column that stays as long as anything else can give room.
pub const LAST: u8 = u8::MAX;

/// From this number on, columns were asked for.
pub const ASKED_FOR: u8 = 3;

/// What the columns of a terminal are given to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// The width of each column; `None` if it is left out.
    pub widths: Vec<Option<usize>>,
    /// What is between two columns.
    pub gap: usize,
}

/// Between columns, as kubectl.
pub const GAP: usize = 3;

/// How far texts may be cut in a layout.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    Least,
    Shortest,
    /// What goes rather than being cut further has gone.
    Gone,
    ToNothing,
}

/// One way to lay columns out.
#[derive(Clone, Copy)]
struct Plan {
    /// Columns that go up to this number have gone.
    gone: Option<u8>,
    gap: usize,
    cut: Cut,
}

impl Plan {
    fn shows(self, gives: Gives) -> bool {
        match gives {
            Gives::Nothing => true,
            Gives::Cuts { goes, .. } => !goes || self.cut < Cut::Gone,
            Gives::Goes(order) => self.gone.is_none_or(|gone| order > gone),
        }
    }

    /// The least width of a column.
    fn least(self, (gives, width): (Gives, usize)) -> usize {
        match (gives, self.cut) {
            (Gives::Cuts { least, .. }, Cut::Least) => least.min(width),
            (Gives::Cuts { shortest, .. }, Cut::Shortest | Cut::Gone) => shortest.min(width),
            (Gives::Cuts { .. }, Cut::ToNothing) => width.min(1),
            (Gives::Nothing | Gives::Goes(_), _) => width,
        }
    }

    /// The width of a column whose texts are cut to `cap`, if they may be.
    fn width(self, column: (Gives, usize), cap: usize) -> usize {
        match column.0 {
            Gives::Cuts { .. } => column.1.min(cap).max(self.least(column)),
            Gives::Nothing | Gives::Goes(_) => column.1,
        }
    }

    /// The width of all with what is between them.
    fn total(self, columns: &[(Gives, usize)], cap: usize) -> usize {
        let shown = columns.iter().filter(|(gives, _)| self.shows(*gives));
        let widths: Vec<usize> = shown.map(|column| self.width(*column, cap)).collect();
        widths.iter().sum::<usize>() + self.gap * widths.len().saturating_sub(1)
    }
}

/// From the layout that shows most to the narrowest.
fn plans(columns: &[(Gives, usize)]) -> Vec<Plan> {
    let mut order: Vec<u8> = columns
        .iter()
        .filter_map(|(gives, _)| match gives {
            Gives::Goes(order) => Some(*order),
            Gives::Nothing | Gives::Cuts { .. } => None,
        })
        .collect();
    order.sort_unstable();
    let all = order.last().copied();
    let most = order.iter().rev().find(|order| **order < LAST).copied();
    let early = order.iter().copied().filter(|order| *order < LAST);
    let wide = [None].into_iter().chain(early.map(Some));
    let wide = wide.map(|gone| (gone, GAP, Cut::Least));
    let (wide, without): (Vec<_>, Vec<_>) =
        wide.partition(|(gone, ..)| gone.is_none() || *gone < most);
    // What was asked for gives way last: before the last of it goes, the gaps do.
    let last_but_one = order
        .iter()
        .rev()
        .find(|order| Some(**order) < most)
        .copied();
    let asked = most.filter(|most| *most >= ASKED_FOR);
    let asked = asked
        .into_iter()
        .flat_map(|_| [2, 1].map(|gap| (last_but_one, gap, Cut::Least)));
    let narrow = [
        (most, 2, Cut::Least),
        (most, 1, Cut::Least),
        (all, 1, Cut::Least),
        (all, 1, Cut::Shortest),
        (all, 1, Cut::Gone),
        (all, 1, Cut::ToNothing),
    ];
    (wide.into_iter().chain(asked).chain(without).chain(narrow))
        .map(|(gone, gap, cut)| Plan { gone, gap, cut })
        .collect()
}

/// The layout of columns of these widths in `room`. Where they cannot all be shown, the narrowest; or, if they are to be
/// shown `whole` then, nothing is cut, since a line takes two in either case.
pub fn fit(columns: &[(Gives, usize)], room: usize, whole: bool) -> Fitted {
    let plans = plans(columns);
    let fitting = plans.iter().find(|plan| plan.total(columns, 0) <= room);
    let narrowest = || plans.last().filter(|_| !whole);
    let Some(plan) = fitting.or_else(narrowest).copied() else {
        return Fitted {
            widths: columns.iter().map(|(_, width)| Some(*width)).collect(),
            gap: GAP,
        };
    };
    // The widest are cut to one width, the largest with which all fit.
    let widest = columns.iter().map(|(_, width)| *width).max().unwrap_or(0);
    let (mut cap, mut too_wide) = (0, widest + 1);
    while too_wide - cap > 1 {
        let middle = cap + (too_wide - cap) / 2;
        if plan.total(columns, middle) <= room {
            cap = middle;
        } else {
            too_wide = middle;
        }
    }
    let widths = columns.iter().map(|column| {
        let shown = plan.shows(column.0);
        shown.then(|| plan.width(*column, cap))
    });
    Fitted {
        widths: widths.collect(),
        gap: plan.gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Gives::{Cuts, Goes, Nothing};

    const NAME: Gives = Cuts {
        least: 12,
        shortest: 5,
        goes: false,
    };

    const HOLDER: Gives = Cuts {
        least: 10,
        shortest: 3,
        goes: false,
    };

    /// NAME, STATE, HOLDER, EXPIRES IN, TRANSITIONS and AGE.
    const COLUMNS: [(Gives, usize); 6] = [
        (NAME, 40),
        (Nothing, 7),
        (HOLDER, 20),
        (Nothing, 10),
        (Goes(1), 11),
        (Goes(0), 4),
    ];

    fn widths(room: usize) -> (Vec<usize>, usize) {
        let fitted = fit(&COLUMNS, room, false);
        let shown: Vec<usize> = fitted.widths.into_iter().flatten().collect();
        (shown, fitted.gap)
    }

    #[test]
    fn names_and_holders_shrink_then_columns_go_then_gaps() {
        assert_eq!(widths(200), (vec![40, 7, 20, 10, 11, 4], 3));
        assert_eq!(widths(100), (vec![33, 7, 20, 10, 11, 4], 3));
        assert_eq!(widths(80), (vec![16, 7, 16, 10, 11, 4], 3));
        assert_eq!(widths(69), (vec![12, 7, 10, 10, 11, 4], 3));
        assert_eq!(widths(68), (vec![14, 7, 14, 10, 11], 3));
        assert_eq!(widths(60), (vec![17, 7, 17, 10], 3));
        assert_eq!(widths(47), (vec![12, 7, 12, 10], 2));
        assert_eq!(widths(40), (vec![10, 7, 10, 10], 1));
        assert_eq!(widths(30), (vec![5, 7, 5, 10], 1));
        assert_eq!(widths(0), (vec![1, 7, 1, 10], 1));
    }

    #[test]
    fn what_tells_little_when_it_is_cut_goes_before_all_is_cut_to_nothing() {
        let namespace = Cuts {
            least: 9,
            shortest: 3,
            goes: true,
        };
        let columns = [(namespace, 15), (NAME, 40), (Nothing, 24), (HOLDER, 20)];
        let widths = |room| fit(&columns, room, false).widths;
        assert_eq!(widths(40), [Some(4), Some(5), Some(24), Some(4)]);
        assert_eq!(widths(37), [None, Some(5), Some(24), Some(5)]);
        assert_eq!(widths(30), [None, Some(2), Some(24), Some(2)]);
    }

    #[test]
    fn what_goes_last_goes_after_the_gaps() {
        let columns = [(NAME, 40), (Nothing, 24), (Goes(0), 4), (Goes(LAST), 8)];
        let shown = |room| fit(&columns, room, false);
        assert_eq!(shown(50).widths, [Some(12), Some(24), None, Some(8)]);
        assert_eq!((shown(46).gap, shown(46).widths[3]), (1, Some(8)));
        assert_eq!((shown(45).gap, shown(45).widths[3]), (1, None));
    }

    #[test]
    fn the_last_column_that_was_asked_for_goes_after_the_gaps() {
        let columns = |order| [(NAME, 40), (Nothing, 24), (Goes(0), 4), (Goes(order), 8)];
        let shown = |order, room| fit(&columns(order), room, false);
        assert_eq!((shown(1, 49).gap, shown(1, 49).widths[3]), (3, None));
        assert_eq!((shown(3, 49).gap, shown(3, 49).widths[3]), (2, Some(8)));
        assert_eq!((shown(3, 46).gap, shown(3, 46).widths[3]), (1, Some(8)));
        assert_eq!((shown(3, 45).gap, shown(3, 45).widths[3]), (3, None));
    }

    #[test]
    fn what_takes_two_lines_all_the_same_is_not_cut() {
        let columns = [(NAME, 40), (Nothing, 70)];
        let fitted = fit(&columns, 60, true);
        assert_eq!(fitted.widths, [Some(40), Some(70)]);
        assert_eq!(fitted.gap, GAP);
    }

    #[test]
    fn every_room_is_used_and_none_is_exceeded() {
        for room in 22..200 {
            let (widths, gap) = widths(room);
            let total: usize = widths.iter().sum::<usize>() + gap * (widths.len() - 1);
            assert!(total <= room, "{room}: {widths:?}");
        }
    }
}
