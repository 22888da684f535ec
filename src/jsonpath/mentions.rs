//! Which fields of a document a template can show: what nobody looks at need not be asked for.

use super::{Part, Step, Template};

impl Template {
    /// Whether it speaks of a field of this name, or of all that there are.
    pub fn mentions(&self, field: &str) -> bool {
        self.parts.iter().any(|part| part.mentions(field))
    }
}

impl Part {
    fn mentions(&self, field: &str) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Action(steps) => speaks_of(steps, field),
            Self::Range(steps, parts) => {
                speaks_of(steps, field) || parts.iter().any(|part| part.mentions(field))
            }
        }
    }
}

fn speaks_of(steps: &[Step], field: &str) -> bool {
    // The whole, or anything below it.
    let all = matches!(
        steps.first(),
        None | Some(Step::Wildcard | Step::Recursive | Step::Filter(_))
    );
    all || steps.iter().any(|step| match step {
        Step::Field(name) => name == field,
        Step::Union(paths) => paths.iter().any(|path| speaks_of(path, field)),
        Step::Text(_)
        | Step::Integer(_)
        | Step::Float(_)
        | Step::Bool(_)
        | Step::Wildcard
        | Step::Recursive
        | Step::Slice(_)
        | Step::Filter(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn a_template_speaks_of_what_it_names_and_of_everything_where_it_names_nothing() {
        for (text, speaks) in [
            ("{.state}", false),
            ("{.metadata.finalizers[*]}", false),
            ("events {\"events\"}", false),
            ("{.events}", true),
            ("{.state}{\" \"}{.events[0].note}", true),
            ("{range .events[*]}{.note}{end}", true),
            ("{['state','events']}", true),
            ("{..note}", true),
            ("{.*}", true),
            ("{@}", true),
            ("{$}", true),
        ] {
            let template = Template::parse(text).expect(text);
            assert_eq!(template.mentions("events"), speaks, "{text}");
        }
    }
}
