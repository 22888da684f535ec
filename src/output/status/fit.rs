//! How the columns of a list fit a terminal: names and holders shrink first, then columns go that say least.

/// How a column gives room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// It is never cut and never left out.
    Nothing,
    /// Its texts are cut, down to so many columns while anything else can go.
    Cuts(usize),
    /// It is left out, the smallest number first.
    Goes(u8),
}

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

/// A text cut shorter than this tells nothing.
const SHORTEST: usize = 3;

/// The layout of columns of these widths in `room`. Where they cannot all be shown, the last resort is the narrowest
/// layout; `whole`: then nothing is cut, since a line takes two in either case.
pub fn fit(columns: &[(Gives, usize)], room: usize, whole: bool) -> Fitted {
    let mut order: Vec<u8> = columns
        .iter()
        .filter_map(|(gives, _)| match gives {
            Gives::Goes(order) => Some(*order),
            Gives::Nothing | Gives::Cuts(_) => None,
        })
        .collect();
    order.sort_unstable();
    // From the layout that shows most to the narrowest.
    let mut layouts: Vec<(Option<u8>, usize, bool)> = vec![(None, GAP, false)];
    layouts.extend(order.iter().map(|gone| (Some(*gone), GAP, false)));
    let all = order.last().copied();
    layouts.extend([(all, 2, false), (all, 1, false), (all, 1, true)]);
    for (gone, gap, shortest) in layouts {
        let kept = |gives: Gives| match gives {
            Gives::Goes(order) => gone.is_none_or(|gone| order > gone),
            Gives::Nothing | Gives::Cuts(_) => true,
        };
        let shown: Vec<(Gives, usize)> = columns
            .iter()
            .copied()
            .filter(|(gives, _)| kept(*gives))
            .collect();
        let least = |(gives, width): &(Gives, usize)| match gives {
            Gives::Cuts(_) if shortest => SHORTEST.min(*width),
            Gives::Cuts(least) => (*least).min(*width),
            Gives::Nothing | Gives::Goes(_) => *width,
        };
        let gaps = gap * shown.len().saturating_sub(1);
        let minimum: usize = shown.iter().map(least).sum::<usize>() + gaps;
        if minimum > room && !(shortest && !whole) {
            continue;
        }
        let cap = cap(&shown, room.saturating_sub(gaps), least);
        let widths = columns.iter().map(|column| {
            let (gives, width) = *column;
            let cut = match gives {
                Gives::Cuts(_) => width.min(cap).max(least(column)),
                Gives::Nothing | Gives::Goes(_) => width,
            };
            kept(gives).then_some(cut)
        });
        return Fitted {
            widths: widths.collect(),
            gap,
        };
    }
    Fitted {
        widths: columns.iter().map(|(_, width)| Some(*width)).collect(),
        gap: GAP,
    }
}

/// The width to which the widest are cut so that all fit.
fn cap(shown: &[(Gives, usize)], room: usize, least: impl Fn(&(Gives, usize)) -> usize) -> usize {
    let total = |cap: usize| -> usize {
        let width = |column: &(Gives, usize)| match column.0 {
            Gives::Cuts(_) => column.1.min(cap).max(least(column)),
            Gives::Nothing | Gives::Goes(_) => column.1,
        };
        shown.iter().map(width).sum()
    };
    let widest = shown.iter().map(|(_, width)| *width).max().unwrap_or(0);
    let (mut fits, mut too_wide) = (0, widest + 1);
    while too_wide - fits > 1 {
        let middle = fits + (too_wide - fits) / 2;
        if total(middle) <= room {
            fits = middle;
        } else {
            too_wide = middle;
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    use Gives::{Cuts, Goes, Nothing};

    /// NAME, STATE, HOLDER, EXPIRES IN, TRANSITIONS and AGE.
    const COLUMNS: [(Gives, usize); 6] = [
        (Cuts(12), 40),
        (Nothing, 7),
        (Cuts(10), 20),
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
        assert_eq!(widths(0), (vec![3, 7, 3, 10], 1));
    }

    #[test]
    fn what_takes_two_lines_all_the_same_is_not_cut() {
        let fitted = fit(&[(Cuts(10), 40), (Nothing, 70)], 60, true);
        assert_eq!(fitted.widths, [Some(40), Some(70)]);
        assert_eq!(fitted.gap, GAP);
    }

    #[test]
    fn every_room_is_used_and_none_is_exceeded() {
        for room in 26..200 {
            let (widths, gap) = widths(room);
            let total: usize = widths.iter().sum::<usize>() + gap * (widths.len() - 1);
            assert!(total <= room, "{room}: {widths:?}");
        }
    }
}
