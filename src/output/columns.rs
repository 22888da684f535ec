//! kubectl's `-o custom-columns=…`: a table whose columns are paths.

use serde_json::Value;

use crate::jsonpath::{Template, sprint};
use crate::words::shown::{printable, shortened, value, width};

/// Beyond, a line is no line any more; an etcd object may hold a megabyte.
const WIDEST: usize = 65_000;

/// Between columns, and the least width with what is between, as kubectl's.
const GAP: usize = 3;
const LEAST: usize = 6;

/// Parsed custom columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Columns(Vec<(String, Template)>);

impl Columns {
    /// Parses `NAME:.metadata.name,STATE:.state`; braces and the first dot of a path may be left out.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(',')
            .map(|column| {
                let wrong = || format!("{column:?} is not HEADER:PATH");
                let (name, path) = column.split_once(':').ok_or_else(wrong)?;
                Ok((name.to_owned(), template(path)?))
            })
            .collect::<Result<_, String>>()
            .map(Self)
    }

    /// The paths.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.0.iter().map(|(_, path)| path)
    }

    /// Parses a line of headers and a line of paths, each with blanks between.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse_file(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::split_whitespace);
        let (Some(names), Some(paths)) = (lines.next(), lines.next()) else {
            return Err("the file has a line of headers and a line of paths".to_owned());
        };
        let (names, paths): (Vec<&str>, Vec<&str>) = (names.collect(), paths.collect());
        if names.len() != paths.len() || names.is_empty() {
            let (names, paths) = (names.len(), paths.len());
            return Err(format!("the file has {names} headers and {paths} paths"));
        }
        let columns = names.into_iter().zip(paths);
        columns
            .map(|(name, path)| Ok((name.to_owned(), template(path)?)))
            .collect::<Result<_, String>>()
            .map(Self)
    }
}

/// Prints columns, some lines at a time.
#[derive(Debug, Default)]
pub struct Printer {
    widths: Vec<usize>,
}

impl Printer {
    /// A line for each item, and before the first ones the headers, unless they are not wanted.
    ///
    /// # Errors
    /// As a template.
    pub fn page(
        &mut self,
        columns: &Columns,
        items: &[Value],
        no_headers: bool,
    ) -> Result<String, String> {
        let mut rows = Vec::with_capacity(items.len() + 1);
        if self.widths.is_empty() {
            self.widths.resize(columns.0.len(), LEAST - GAP);
            if !no_headers {
                rows.push(
                    columns
                        .0
                        .iter()
                        .map(|(name, _)| printable(name).into_owned())
                        .collect(),
                );
            }
        }
        for item in items {
            let cells = columns.0.iter().map(|(_, path)| cell(&path.values(item)?));
            rows.push(cells.collect::<Result<Vec<String>, String>>()?);
        }
        for (index, known) in self.widths.iter_mut().enumerate() {
            let widest = rows
                .iter()
                .filter_map(|row| row.get(index))
                .map(|cell| width(cell))
                .max();
            *known = (*known).max(widest.unwrap_or(0));
        }
        let mut text = String::new();
        for row in rows {
            let last = row.len().saturating_sub(1);
            for (index, (cell, known)) in row.iter().zip(&self.widths).enumerate() {
                text.push_str(cell);
                if index != last {
                    text.push_str(&" ".repeat(known + GAP - width(cell)));
                }
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// As kubectl reads the path of a column: without one there is nothing, and a dot alone is the whole object.
fn template(path: &str) -> Result<Template, String> {
    match path.trim() {
        "" => Template::parse(""),
        "." | "{.}" => Template::parse("{@}"),
        _ => Template::path(path),
    }
}

fn cell(found: &[Value]) -> Result<String, String> {
    if found.is_empty() {
        return Ok("<none>".to_owned());
    }
    let texts: Vec<String> = found.iter().map(sprint).collect();
    Ok(shortened(&value(&texts.join(",")), WIDEST, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn items() -> [Value; 2] {
        [
            json!({"metadata": {"name": "a", "labels": {"x": "1", "app": "db"}, "finalizers": ["f", "g"]}, "n": null}),
            json!({"metadata": {"name": "stuck-migration", "annotations": {"e": ""}}}),
        ]
    }

    #[track_caller]
    fn prints(columns: &str, lines: &[&str]) {
        let columns = Columns::parse(columns).expect(columns);
        let text = Printer::default()
            .page(&columns, &items(), false)
            .expect("columns");
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn columns_print_as_kubectls() {
        prints("N:metadata.name", &["N", "a", "stuck-migration"]);
        prints("N:", &["N", "<none>", "<none>"]);
        prints(
            "N: ,M:.metadata.name",
            &["N        M", "<none>   a", "<none>   stuck-migration"],
        );
        prints(
            "N:.metadata.name,L:{.metadata.labels},F:.metadata.finalizers,X:.nothing,Z:.n",
            &[
                "N                 L                 F        X        Z",
                "a                 map[app:db x:1]   [f g]    <none>   <nil>",
                "stuck-migration   <none>            <none>   <none>   <none>",
            ],
        );
        prints(
            "E:.metadata.annotations.e,F:.metadata.finalizers[*]",
            &["E        F", "<none>   f,g", "         <none>"],
        );
        prints(
            "A:.n,B:.metadata.name",
            &["A        B", "<nil>    a", "<none>   stuck-migration"],
        );
    }

    #[test]
    fn a_narrow_column_has_kubectls_least_width_and_later_lines_keep_it() {
        let columns = Columns::parse("A:.a,B:.b").expect("columns");
        let mut printer = Printer::default();
        let item = json!({"a": "x", "b": "y"});
        let longer = json!({"a": "longer", "b": "y"});
        for (item, line) in [(item, "A     B\nx     y\n"), (longer, "longer   y\n")] {
            let page = printer.page(&columns, &[item], false);
            assert_eq!(page.as_deref(), Ok(line));
        }
    }

    #[test]
    fn a_file_has_a_line_of_headers_and_one_of_paths() {
        assert_eq!(
            Columns::parse_file("N   H\n.metadata.name  spec.holderIdentity\n"),
            Columns::parse("N:.metadata.name,H:.spec.holderIdentity")
        );
        let item = json!({"a": "x"});
        for whole in ["N:.", "N:{.}"] {
            let columns = Columns::parse(whole).expect(whole);
            let printed = Printer::default().page(&columns, std::slice::from_ref(&item), true);
            assert_eq!(printed.as_deref(), Ok("map[a:x]\n"));
        }
        for wrong in ["", "N", "N H\n.a", "\n\n"] {
            assert!(Columns::parse_file(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_column_is_refused_and_what_is_out_of_range_is_an_error() {
        let name = ".metadata.name";
        for wrong in ["", "N", name, "N:.a,", "N:.a[x]", "N:{.a", "N:.a}", "N:{}"] {
            assert!(Columns::parse(wrong).is_err(), "{wrong:?}");
        }
        let columns = Columns::parse("F:.metadata.finalizers[5]").expect("columns");
        let printed = Printer::default().page(&columns, &items(), false);
        assert_eq!(
            printed,
            Err("array index out of bounds: index 5, length 2".to_owned())
        );
    }
}
