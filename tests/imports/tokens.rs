//! The tokens of a file: the paths in it, and the modules that it declares. Code for tests is left out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A module that another declares.
pub struct Child {
    /// Its name.
    pub module: String,
    /// Where they are, if not where they usually are: one for each system.
    pub files: Vec<PathBuf>,
}

/// What one file names.
#[derive(Default)]
pub struct Reader {
    /// The module that they are in.
    pub at: Vec<String>,
    /// What `use` brings into it, by the name that it has there.
    pub names: BTreeMap<String, Vec<String>>,
    /// All paths that are longer than a name, and their lines.
    pub paths: Vec<(Vec<String>, usize)>,
    /// The modules that it declares in files of their own.
    pub children: Vec<Child>,
}

impl Reader {
    /// Reads these too.
    pub fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let mut files = Vec::new();
        while at < tokens.len() {
            match &tokens[at..] {
                [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
                    if hash.as_char() == '#' =>
                {
                    at += 2;
                    let text = attribute.to_string().replace(' ', "");
                    let for_tests = ["[cfg(test", "[cfg(all(test", "[cfg(any(test,fuzzing))"];
                    if for_tests.iter().any(|begin| text.starts_with(begin)) {
                        at = after_item(&tokens, at);
                    } else if let Some((_, file)) = text.split_once("path=\"") {
                        files.extend(file.split('"').next().map(PathBuf::from));
                    } else {
                        self.tokens(attribute.stream());
                    }
                }
                [TokenTree::Ident(word), TokenTree::Ident(name), end, ..] if word == "mod" => {
                    at += 3;
                    match end {
                        TokenTree::Group(inside) => {
                            self.at.push(name.to_string());
                            self.tokens(inside.stream());
                            self.at.pop();
                        }
                        _ => {
                            let (module, files) = (name.to_string(), std::mem::take(&mut files));
                            self.children.push(Child { module, files });
                        }
                    }
                }
                // Not `use<'a>`.
                [
                    TokenTree::Ident(word),
                    TokenTree::Ident(_) | TokenTree::Group(_),
                    ..,
                ] if word == "use" => {
                    let end = after_item(&tokens, at);
                    self.tree(&[], &tokens[at + 1..end]);
                    at = end;
                }
                [TokenTree::Ident(first), ..] if !follows_colons(&tokens[..at]) => {
                    let (path, length) = path_at(&tokens[at..]);
                    if path.len() > 1 && first.to_string().starts_with(char::is_lowercase) {
                        self.paths
                            .push((self.whole(path), first.span().start().line));
                    }
                    at += length;
                }
                [TokenTree::Group(group), ..] => {
                    self.tokens(group.stream());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// What a `use` names, behind what stands before the braces.
    fn tree(&mut self, before: &[String], tokens: &[TokenTree]) {
        let (path, length) = path_at(tokens);
        let path = [before, &path].concat();
        match &tokens[length..] {
            [TokenTree::Group(several), ..] if several.delimiter() == Delimiter::Brace => {
                let inside: Vec<TokenTree> = several.stream().into_iter().collect();
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ',');
                for one in inside.split(is_comma).filter(|one| !one.is_empty()) {
                    self.tree(&path, one);
                }
            }
            rest => {
                let line = tokens.first().map_or(0, |token| token.span().start().line);
                let mut path = path;
                path.pop_if(|last| last == "self");
                let name = match rest {
                    [TokenTree::Ident(_), TokenTree::Ident(name), ..] => Some(name.to_string()),
                    [TokenTree::Punct(star), ..] if star.as_char() == '*' => None,
                    _ => path.last().cloned(),
                };
                let path = self.whole(path);
                self.paths.push((path.clone(), line));
                self.names.extend(name.map(|name| (name, path)));
            }
        }
    }

    /// A path from the root, if it says how it gets there.
    fn whole(&self, path: Vec<String>) -> Vec<String> {
        let ups = path.iter().take_while(|step| *step == "super").count();
        let root = || {
            ["crate".to_owned()]
                .into_iter()
                .chain(self.at.iter().cloned())
        };
        match path.first().map(String::as_str) {
            Some("super") => {
                let around = root().take(1 + self.at.len().saturating_sub(ups));
                around.chain(path.into_iter().skip(ups)).collect()
            }
            Some("self") => root().chain(path.into_iter().skip(1)).collect(),
            _ => path,
        }
    }
}

/// `a::b::c`, and how many tokens it is.
fn path_at(tokens: &[TokenTree]) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut at = 0;
    while let Some(TokenTree::Ident(step)) = tokens.get(at) {
        path.push(step.to_string());
        at += 1;
        match follows_colons(&tokens[..(at + 2).min(tokens.len())]) {
            true => at += 2,
            false => break,
        }
    }
    (path, at)
}

fn follows_colons(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(it) if it.as_char() == ':');
    matches!(tokens, [.., TokenTree::Punct(first), second]
        if first.as_char() == ':' && first.spacing() == Spacing::Joint && is_colon(second))
}

/// The end of the item that begins there: its semicolon or its braces.
fn after_item(tokens: &[TokenTree], at: usize) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Punct(end) => end.as_char() == ';',
        TokenTree::Group(body) => body.delimiter() == Delimiter::Brace,
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    let is_use = matches!(tokens.get(at), Some(TokenTree::Ident(word)) if word == "use");
    let end = tokens[at..].iter().position(|token| match is_use {
        true => matches!(token, TokenTree::Punct(end) if end.as_char() == ';'),
        false => is_end(token),
    });
    end.map_or(tokens.len(), |end| at + end + 1)
}
