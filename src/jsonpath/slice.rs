//! An index or a slice between brackets, as kubectl reads it.

/// `[from:to:step]`; `[from]` is one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slice {
    /// Negative from the end on.
    pub from: Option<i64>,
    /// The first that is not in it.
    pub to: Option<i64>,
    /// Whether `to` was not written, but follows from `[from]`.
    pub one: bool,
    /// Each how manieth.
    pub step: Option<i64>,
}

impl Slice {
    /// Reads what stands between the brackets; `None` for what is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(':').map(|part| match part {
            "" => Some(None),
            part => part.parse().ok().map(Some),
        });
        let from = numbers.next()??;
        let second = numbers.next();
        let step = numbers.next().unwrap_or(Some(None))?;
        if numbers.next().is_some() || text.contains('+') {
            return None;
        }
        Some(match second {
            None => Self {
                from,
                to: Some(from.unwrap_or(0).saturating_add(1)),
                one: true,
                step,
            },
            Some(to) => Self {
                from,
                to: to?,
                one: false,
                step,
            },
        })
    }
}
