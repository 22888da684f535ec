//! What each file of `src` names of the others, and of libraries.

mod tokens;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;

use tokens::{Child, Reader};

/// One file names something in another.
pub struct Import {
    /// The file that names it, below `src`.
    pub from: String,
    /// Where.
    pub line: usize,
    /// The file that defines it, below `src`.
    pub to: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{} knows src/{}", self.from, self.line, self.to)
    }
}

/// The room of a file.
pub fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first)
}

/// One file names something in a library.
pub struct Library {
    /// The library.
    pub name: String,
    /// The file that names it, below `src`.
    pub from: String,
    /// Where.
    pub line: usize,
}

/// All of the sources but the code for tests.
#[derive(Default)]
pub struct Sources {
    pub imports: Vec<Import>,
    pub libraries: Vec<Library>,
    modules: BTreeMap<Vec<String>, Module>,
}

/// A file, as a module.
struct Module {
    file: String,
    /// What `use` brings into it, by the name that it has there.
    names: BTreeMap<String, Vec<String>>,
    /// All paths in it, whole, with their lines.
    paths: Vec<(Vec<String>, usize)>,
}

impl Sources {
    pub fn read() -> Self {
        let mut all = Self::default();
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        all.module(&src, &src.join("lib.rs"), &src, Vec::new());
        all.resolve();
        all
    }

    /// Reads a file and those of the modules it declares, which are in `folder` unless it says otherwise.
    fn module(&mut self, src: &Path, path: &Path, folder: &Path, name: Vec<String>) {
        let text =
            fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let tokens: TokenStream = text
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = Reader {
            at: name.clone(),
            ..Reader::default()
        };
        reader.tokens(tokens);
        let file = path
            .strip_prefix(src)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        let Reader {
            names,
            paths,
            children,
            ..
        } = reader;
        self.modules
            .insert(name.clone(), Module { file, names, paths });
        for Child { module, files } in children {
            let beside = path.parent().unwrap_or(src);
            let nested = folder.join(&module);
            let files: Vec<(PathBuf, PathBuf)> = match files.as_slice() {
                [] => {
                    let plain = folder.join(format!("{module}.rs"));
                    let file = if plain.exists() {
                        plain
                    } else {
                        nested.join("mod.rs")
                    };
                    vec![(file, nested)]
                }
                given => {
                    let given = given.iter().map(|file| beside.join(file));
                    given
                        .map(|file| (file.clone(), file.with_file_name("")))
                        .collect()
                }
            };
            for (file, below) in files {
                let mut inner = [name.clone(), vec![module.clone()]].concat();
                // Of the modules of one name, each for another system, others know the first.
                while self.modules.contains_key(&inner) {
                    inner.last_mut().expect("a name").push('\'');
                }
                self.module(src, &file, &below, inner);
            }
        }
    }

    fn resolve(&mut self) {
        for (name, module) in &self.modules {
            let mut seen = BTreeSet::new();
            for (path, line) in &module.paths {
                let Some(to) = self.definer(&self.rooted(name, path), 0) else {
                    self.libraries.push(Library {
                        name: path[0].clone(),
                        from: module.file.clone(),
                        line: *line,
                    });
                    continue;
                };
                // The root is nobody's surroundings: it is the roof.
                let around = name == to || (!to.is_empty() && name.starts_with(to));
                let file = &self.modules[to].file;
                if !around && seen.insert((file, *line)) {
                    self.imports.push(Import {
                        from: module.file.clone(),
                        line: *line,
                        to: file.clone(),
                    });
                }
            }
        }
    }

    /// A path in a module from the root, unless it is of a library.
    fn rooted(&self, module: &[String], path: &[String]) -> Vec<String> {
        let first = &path[0];
        let child = [module, std::slice::from_ref(first)].concat();
        let here = &self.modules[module];
        let is_name = |bound: &Vec<String>| bound.first() != Some(first);
        match self.modules.contains_key(&child) || here.names.get(first).is_some_and(is_name) {
            true => [&["crate".to_owned()], module, path].concat(),
            false => path.to_owned(),
        }
    }

    /// The module that defines what a path names; `None` where that is a library.
    fn definer(&self, path: &[String], depth: usize) -> Option<&[String]> {
        assert!(depth < 20, "{path:?} goes round");
        let (root, rest) = path.split_first()?;
        if root != "crate" {
            return None;
        }
        let mut at = 0;
        while at < rest.len() && self.modules.contains_key(&rest[..=at]) {
            at += 1;
        }
        let (found, module) = self.modules.get_key_value(&rest[..at])?;
        match rest.get(at).and_then(|item| module.names.get(item)) {
            Some(passed_on) => {
                let passed_on = self.rooted(found, passed_on);
                let whole = [passed_on.as_slice(), &rest[at + 1..]].concat();
                // What a library defines is this module's, as far as the house goes.
                self.definer(&whole, depth + 1).or(Some(found))
            }
            None => Some(found),
        }
    }

    /// Files that know each other in a circle, as the imports that make it.
    pub fn circles(&self) -> Vec<Vec<&Import>> {
        let mut left: Vec<&Import> = self.imports.iter().collect();
        // What knows nobody is in no circle, and then neither is what knows nobody else.
        loop {
            let knowing: BTreeSet<&str> = left.iter().map(|import| import.from.as_str()).collect();
            let before = left.len();
            left.retain(|import| knowing.contains(import.to.as_str()));
            if left.len() == before {
                break;
            }
        }
        let mut arrows: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
        for import in &left {
            arrows.entry(&import.from).or_default().push(import);
        }
        let mut seen = BTreeSet::new();
        let circles = left.into_iter().filter_map(|import| {
            let back = way(&arrows, &import.to, &import.from)?;
            Some([vec![import], back].concat())
        });
        let files = |circle: &Vec<&Import>| -> BTreeSet<String> {
            circle.iter().map(|import| import.from.clone()).collect()
        };
        circles
            .filter(|circle| seen.insert(files(circle)))
            .collect()
    }
}

/// The shortest way from one file to another.
fn way<'a>(
    arrows: &BTreeMap<&str, Vec<&'a Import>>,
    from: &str,
    to: &str,
) -> Option<Vec<&'a Import>> {
    let mut reached = BTreeSet::from([from.to_owned()]);
    let mut ways = VecDeque::from([(from, Vec::new())]);
    while let Some((at, way)) = ways.pop_front() {
        if at == to {
            return Some(way);
        }
        for import in arrows.get(at).into_iter().flatten() {
            if reached.insert(import.to.clone()) {
                ways.push_back((&import.to, [way.as_slice(), &[*import]].concat()));
            }
        }
    }
    None
}
