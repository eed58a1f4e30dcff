//! Reads source files as the house rules see them: the paths that a file names, with the line of each.
//! A tokenizer, not a compiler: comments, strings and inline test modules are left out, `use` trees are spread out, and
//! `self::`/`super::` are resolved. Names made by macros are not seen.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// One file of the repository.
pub struct Source {
    /// Its path from the repository's root, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    named: OnceLock<Vec<Named>>,
}

/// One path that a file names, e.g. `crate::order::event::OrderEvent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Counted from 1.
    pub line: usize,
    /// Joined by `::`.
    pub path: String,
}

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends in `.{extension}`, in the order of names.
pub fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join(folder), &mut |path| {
        if path.extension().is_some_and(|found| found == extension) {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.push(Source::planted(&name, &fs::read_to_string(path).unwrap()));
        }
    });
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// One file as text.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules" | "vendor" | "data") && !name.starts_with('.') {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}

impl Source {
    /// A file of this name and text: a real one, or one that exists only in a test of the rules.
    pub fn planted(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), named: OnceLock::new() }
    }

    /// The paths it names outside its test modules. Within `actors/` and `src/`, `self` and `super` become `crate::…`.
    pub fn names(&self) -> &[Named] {
        self.named.get_or_init(|| self.scan())
    }

    fn scan(&self) -> Vec<Named> {
        let tokens = without_test_modules(tokens(&blanked(&self.text)));
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            if tokens[at].text == "use" {
                at = tree(&tokens, at + 1, "", &mut found);
            } else if tokens[at].is_word() {
                let (line, mut path) = (tokens[at].line, tokens[at].text.clone());
                at += 1;
                while at + 1 < tokens.len() && tokens[at].text == "::" && tokens[at + 1].is_word() {
                    path = join(&path, &tokens[at + 1].text);
                    at += 2;
                }
                found.push(Named { line, path });
            } else {
                at += 1;
            }
        }
        let here = self.module();
        for named in &mut found {
            named.path = resolved(&named.path, &here);
        }
        found
    }

    fn module(&self) -> Vec<String> {
        let inner = self.path.strip_prefix("actors/").or_else(|| self.path.strip_prefix("src/")).unwrap_or(&self.path);
        let mut parts: Vec<String> = inner.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
            parts.pop();
        }
        parts
    }
}

#[derive(Clone, Debug)]
struct Token {
    line: usize,
    text: String,
}

impl Token {
    fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

fn join(prefix: &str, part: &str) -> String {
    if prefix.is_empty() { part.to_owned() } else { format!("{prefix}::{part}") }
}

/// Reads one `use` tree from `at` under `prefix`; returns where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &str, found: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_owned();
    while at < tokens.len() {
        let token = &tokens[at];
        match token.text.as_str() {
            "{" => {
                at += 1;
                while at < tokens.len() && tokens[at].text != "}" {
                    at = tree(tokens, at, &path, found);
                    if at < tokens.len() && tokens[at].text == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "::" => at += 1,
            "as" => at += 2,
            "*" => at += 1,
            _ if token.is_word() => {
                if token.text != "self" || path.is_empty() {
                    path = join(&path, &token.text);
                }
                at += 1;
                let ends = tokens.get(at).is_none_or(|next| next.text != "::");
                let globbed = tokens.get(at + 1).is_some_and(|next| next.text == "*");
                if ends || globbed {
                    found.push(Named { line: token.line, path: path.clone() });
                }
            }
            _ => return at,
        }
    }
    at
}

fn resolved(path: &str, here: &[String]) -> String {
    let mut parts: Vec<&str> = path.split("::").collect();
    if !matches!(parts[0], "self" | "super") || parts.len() == 1 {
        return path.to_owned();
    }
    let mut module: Vec<&str> = here.iter().map(String::as_str).collect();
    while let Some(first) = parts.first() {
        match *first {
            "self" => {}
            "super" => drop(module.pop()),
            _ => break,
        }
        parts.remove(0);
    }
    ["crate"].into_iter().chain(module).chain(parts).collect::<Vec<_>>().join("::")
}

/// The text with comments, strings and character literals turned into spaces; lines stay where they are.
pub fn blanked(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let starts = |at: usize, word: &str| word.chars().enumerate().all(|(n, c)| source.get(at + n) == Some(&c));
    while at < source.len() {
        let end = if starts(at, "//") {
            (at..source.len()).find(|&n| source[n] == '\n').unwrap_or(source.len())
        } else if starts(at, "/*") {
            (at + 2..source.len()).find(|&n| starts(n, "*/")).map_or(source.len(), |n| n + 2)
        } else if source[at] == 'r'
            && (at == 0 || !source[at - 1].is_alphanumeric())
            && raw_hashes(&source, at + 1).is_some()
        {
            let hashes = raw_hashes(&source, at + 1).unwrap();
            let close = format!("\"{}", "#".repeat(hashes));
            (at + 2 + hashes..source.len()).find(|&n| starts(n, &close)).map_or(source.len(), |n| n + 1 + hashes)
        } else if source[at] == '"' {
            quoted(&source, at, '"')
        } else if source[at] == '\'' && (source.get(at + 1) == Some(&'\\') || source.get(at + 2) == Some(&'\'')) {
            quoted(&source, at, '\'')
        } else {
            out.push(source[at]);
            at += 1;
            continue;
        };
        out.extend(source[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

fn raw_hashes(source: &[char], at: usize) -> Option<usize> {
    let hashes = source[at..].iter().take_while(|&&c| c == '#').count();
    (source.get(at + hashes) == Some(&'"')).then_some(hashes)
}

fn quoted(source: &[char], at: usize, quote: char) -> usize {
    let mut end = at + 1;
    while end < source.len() && source[end] != quote {
        end += if source[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(source.len())
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                found.push(Token { line: number + 1, text: rest[..length].to_owned() });
            }
            rest = &rest[length..];
        }
    }
    found
}

/// Drops every `#[cfg(test)]` item: `mod … { … }`, `mod …;` or anything else up to its end.
fn without_test_modules(tokens: Vec<Token>) -> Vec<Token> {
    let is_mark = |at: usize| {
        ["#", "[", "cfg", "(", "test", ")", "]"]
            .iter()
            .enumerate()
            .all(|(n, word)| tokens.get(at + n).is_some_and(|token| token.text == *word))
    };
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !is_mark(at) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        let mut depth = 0;
        while at < tokens.len() {
            match tokens[at].text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                ";" if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        at += 1;
    }
    kept
}

#[test]
fn use_trees_are_spread_and_relative_paths_resolved() {
    let source = Source::planted(
        "actors/order/decide.rs",
        "//! crate::not::me\nuse super::{event::OrderEvent, state::*};\nuse crate::{\n    kitchen::{self, event::KitchenEvent as K},\n};\n\
         fn f() { let s = \"crate::in::a::string\"; crate::rider::Rider::new('x') }\n\
         #[cfg(test)]\nmod tests { use crate::payment::Payment; }",
    );
    let names: Vec<String> =
        source.names().iter().map(|named| named.path.clone()).filter(|path| path.starts_with("crate::")).collect();
    assert_eq!(
        names,
        [
            "crate::order::event::OrderEvent",
            "crate::order::state",
            "crate::kitchen",
            "crate::kitchen::event::KitchenEvent",
            "crate::rider::Rider::new"
        ]
    );
}
