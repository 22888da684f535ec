//! Texts that are cut to a column, so that two that differ do not look the same where there is room for what differs.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation;

use crate::words::shown::{shortened, width};

/// So many texts are known to the lines to come: a watch may see new ones for months.
const MOST: usize = 10_000;

/// The cut texts of a column so far, each with the whole that it stands for.
#[derive(Default)]
pub struct Shown(BTreeMap<String, String>);

impl Shown {
    /// The lines to come are told from these, of which each is a text as it is shown, and the whole.
    pub fn add<'a>(&mut self, cells: impl Iterator<Item = (&'a str, &'a str)>) {
        for (shown, whole) in cells.filter(|(shown, whole)| shown != whole) {
            if self.0.len() < MOST {
                self.0
                    .entry(shown.to_owned())
                    .or_insert_with(|| whole.to_owned());
            }
        }
    }

    /// Cuts each text, of which there is the whole beside it, to `room` columns.
    pub fn cut(&self, cells: &mut [(&mut String, &str)], room: usize, ellipsis: &str) {
        let mut alike: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (cell, whole) in &mut *cells {
            if width(cell) > room {
                **cell = shortened(cell, room, ellipsis);
            }
            if cell != whole {
                alike.entry(cell.clone()).or_default().insert(whole);
            }
        }
        for (shown, wholes) in &mut alike {
            wholes.extend(self.0.get(shown).map(String::as_str));
        }
        alike.retain(|_, wholes| wholes.len() > 1);
        let mut texts: BTreeMap<&str, String> = BTreeMap::new();
        for wholes in alike.values() {
            let wholes: Vec<&str> = wholes.iter().copied().collect();
            texts.extend(wholes.iter().copied().zip(apart(&wholes, room, ellipsis)));
        }
        for (cell, whole) in cells {
            if alike.contains_key(*cell)
                && let Some(text) = texts.get(whole)
            {
                cell.clone_from(text);
            }
        }
    }
}

/// Texts in at most `room` columns each: their beginning, and then what tells each from the others.
fn apart(wholes: &[&str], room: usize, ellipsis: &str) -> Vec<String> {
    let texts: Vec<Vec<&str>> = wholes
        .iter()
        .map(|text| text.graphemes(true).collect())
        .collect();
    let places = forks(&texts);
    let of = |head: usize| {
        let texts = texts.iter().zip(&places);
        texts.map(move |(text, places)| around(text, places, head, ellipsis))
    };
    let need = of(0).map(|text| width(&text)).max().unwrap_or_default();
    // Without a beginning nobody knows what it is.
    let head = room.saturating_sub(need).max(room / 3);
    of(head).map(|text| shortened(&text, room, "")).collect()
}

/// For each text the places at which others that are like it up to there go on otherwise.
fn forks(texts: &[Vec<&str>]) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); texts.len()];
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|index| &texts[*index]);
    // Texts in their order that are alike up to a place.
    let mut left = vec![(order.as_slice(), 0)];
    while let Some((group, from)) = left.pop() {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        if first == last {
            continue;
        }
        let (first, last) = (&texts[*first], &texts[*last]);
        let same = first[from..].iter().zip(&last[from..]);
        let fork = from + same.take_while(|(one, other)| one == other).count();
        for index in group {
            places[*index].push(fork);
        }
        let next = |index: &usize| texts[*index].get(fork);
        // A text that ends here has nothing behind the fork.
        left.extend(
            group
                .chunk_by(|one, other| next(one) == next(other))
                .filter(|group| next(&group[0]).is_some())
                .map(|group| (group, fork)),
        );
    }
    places
}

/// The first `head` columns of a text, and the character at each of these places.
fn around(text: &[&str], places: &[usize], head: usize, ellipsis: &str) -> String {
    let mut left = head;
    let mut shown = text
        .iter()
        .take_while(|character| match left.checked_sub(width(character)) {
            Some(less) => {
                left = less;
                true
            }
            None => false,
        })
        .count();
    let mut out = text[..shown].concat();
    let mut up_to = |place: usize, shown: &mut usize| {
        let gap = text[*shown..place].concat();
        out.push_str(if width(&gap) <= width(ellipsis) {
            &gap
        } else {
            ellipsis
        });
        *shown = (place + 1).min(text.len());
        out.push_str(&text[place..*shown].concat());
    };
    for place in places {
        if *place >= shown {
            up_to(*place, &mut shown);
        }
    }
    up_to(text.len(), &mut shown);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut(wholes: &[&str], room: usize) -> Vec<String> {
        let mut texts: Vec<String> = wholes.iter().map(|whole| (*whole).to_owned()).collect();
        let mut cells: Vec<(&mut String, &str)> =
            texts.iter_mut().zip(wholes.iter().copied()).collect();
        Shown::default().cut(&mut cells, room, "…");
        for text in &texts {
            assert!(width(text) <= room, "{text}");
        }
        texts
    }

    #[test]
    fn the_beginning_alone_where_that_tells_them_apart() {
        assert_eq!(
            cut(&["alpha-runner", "beta-runner", "beta-runner"], 7),
            ["alpha-…", "beta-r…", "beta-r…"]
        );
    }

    #[test]
    fn what_differs_is_kept_wherever_it_is() {
        assert_eq!(
            cut(
                &[
                    "ci-runner-in-a-very-long-pool-1",
                    "ci-runner-in-a-very-long-pool-2"
                ],
                12
            ),
            ["ci-runner-…1", "ci-runner-…2"]
        );
        assert_eq!(
            cut(&["runner-of-blue-team-7", "runner-of-gold-team-7"], 12),
            ["runner-of-b…", "runner-of-g…"]
        );
        assert_eq!(
            cut(
                &[
                    "a-long-name-x-and-more-1",
                    "a-long-name-x-and-more-2",
                    "a-long-name-y-and-more-1"
                ],
                10
            ),
            ["a-long…x…1", "a-long…x…2", "a-long…y…"]
        );
        // One that is the beginning of the other.
        assert_eq!(
            cut(&["runner-of-the-team", "runner-of-the-team-2"], 10),
            ["runner-…", "runner-…-2"]
        );
    }

    #[test]
    fn thousands_that_differ_anywhere_are_all_told_apart_in_a_little_room() {
        let wholes: Vec<String> = (0..5000)
            .map(|n| {
                format!(
                    "runner-of-a-pool-{:03}-in-a-zone-{:02}-of-all",
                    n / 10,
                    n % 10
                )
            })
            .collect();
        let wholes: Vec<&str> = wholes.iter().map(String::as_str).collect();
        let shown: BTreeSet<String> = cut(&wholes, 16).into_iter().collect();
        assert_eq!(shown.len(), wholes.len());
    }

    #[test]
    fn any_room_is_enough_not_to_fail() {
        for room in 0..30 {
            cut(
                &["漢字漢字漢字漢字a", "漢字漢字漢字漢字b", "漢字漢字👩🏽‍🚒c"],
                room,
            );
        }
        cut(&["x".repeat(5000).as_str(), "x".repeat(5001).as_str()], 9);
    }

    #[test]
    fn the_lines_to_come_are_told_from_those_before() {
        let (one, two) = ("a-very-long-holder-1", "a-very-long-holder-2");
        let mut shown = Shown::default();
        shown.add([("a-very-…", one)].into_iter());
        let mut text = two.to_owned();
        shown.cut(&mut [(&mut text, two)], 8, "…");
        assert_eq!(text, "a-very…2");
        let mut text = one.to_owned();
        shown.cut(&mut [(&mut text, one)], 8, "…");
        assert_eq!(text, "a-very-…");
    }
}
