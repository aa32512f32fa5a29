//! A small reader of Rust, not a parser: it blanks comments, literals and test modules, expands `use` trees, and resolves `self`, `super`
//! and what a file imported. Enough for code that is formatted; a macro that builds paths could hide one.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

/// One file of the crate.
pub(super) struct File {
    /// As it is shown.
    pub(super) path: PathBuf,
    /// Its module, such as `["sync", "plan"]`; the crate root is empty.
    pub(super) module: Vec<String>,
    /// Without comments, literals and test modules, lines kept.
    pub(super) code: String,
    /// Every path it names, absolute (`crate::a::b`, `tokio::spawn`), with its line.
    pub(super) paths: Vec<(usize, Vec<String>)>,
}

impl File {
    pub(super) fn within(&self, module: &str) -> bool {
        let module: Vec<_> = module.split("::").collect();
        self.module.len() >= module.len() && self.module.iter().zip(module).all(|(ours, theirs)| ours == theirs)
    }
}

/// Every file below `root` but the modules of tests.
pub(super) fn files(root: &Path) -> Vec<File> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                files.push(read(&path, root, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn read(path: &Path, root: &Path, text: &str) -> File {
    let module = path.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = module.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    if module.last().is_some_and(|last| last == "mod" || last == "lib") {
        module.pop();
    }
    let code = without_tests(&without_text(text));
    let mut paths = paths(&code, &module);
    paths.sort();
    paths.dedup();
    File { path: path.to_owned(), module, code, paths }
}

/// Blanks comments and literals, and keeps the lines.
fn without_text(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    let starts = |at: usize, with: &str| with.chars().enumerate().all(|(i, c)| characters.get(at + i) == Some(&c));
    while at < characters.len() {
        let word_before = at > 0 && (characters[at - 1].is_alphanumeric() || characters[at - 1] == '_');
        let hashes = characters[at + 1..].iter().take_while(|c| **c == '#').count();
        let raw = characters[at] == 'r' && !word_before && characters.get(at + 1 + hashes) == Some(&'"');
        let end = if starts(at, "//") {
            (at..characters.len()).find(|i| characters[*i] == '\n').unwrap_or(characters.len())
        } else if starts(at, "/*") {
            (at + 2..characters.len()).find(|i| starts(*i, "*/")).map_or(characters.len(), |i| i + 2)
        } else if raw {
            let close = format!("\"{}", "#".repeat(hashes));
            (at + 2 + hashes..characters.len())
                .find(|i| starts(*i, &close))
                .map_or(characters.len(), |i| i + 1 + hashes)
        } else if characters[at] == '"' {
            let mut end = at + 1;
            while end < characters.len() && characters[end] != '"' {
                end += if characters[end] == '\\' { 2 } else { 1 };
            }
            end + 1
        } else if characters[at] == '\''
            && (characters.get(at + 1) == Some(&'\\') || characters.get(at + 2) == Some(&'\''))
        {
            (at + 2..characters.len())
                .find(|i| characters[*i] == '\'' && *i > at + 1)
                .map_or(characters.len(), |i| i + 1)
        } else {
            out.push(characters[at]);
            at += 1;
            continue;
        };
        let end = end.min(characters.len());
        out.extend(characters[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Blanks `#[cfg(test)] mod … { … }`: tests may know more than what they test.
fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    while let Some(start) = code.find("#[cfg(test)]") {
        let (mut depth, mut end) = (0, code.len());
        for (offset, character) in code[start..].char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ';' if depth == 0 => {}
                _ => continue,
            }
            if depth == 0 {
                end = start + offset + 1;
                break;
            }
        }
        let blank: String = code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        code.replace_range(start..end, &blank);
    }
    code
}

fn paths(code: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let (mut found, mut imported, mut rest) = (Vec::new(), HashMap::new(), String::new());
    // Statements end at `;`, but the blanked text keeps its length, so that lines can be counted.
    let mut at = 0;
    while at < code.len() {
        let begins = code[at..].starts_with("use ") && !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let length = code[at..].find(';').filter(|_| begins);
        let Some(length) = length else {
            let character = code[at..].chars().next().unwrap();
            rest.push(character);
            at += character.len_utf8();
            continue;
        };
        let line = code[..at].matches('\n').count() + 1;
        let tree = &code[at + 4..at + length];
        for (path, name) in expand(tree, &[]) {
            let path = absolute(&path, module, &HashMap::new());
            imported.insert(name, path.clone());
            found.push((line, path));
        }
        rest.extend(code[at..at + length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        at += length;
    }
    for (index, line) in rest.lines().enumerate() {
        for word in line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':') {
            let path: Vec<String> =
                word.split("::").filter(|s| !s.is_empty() && !s.contains(':')).map(str::to_owned).collect();
            if path.len() > 1 && word.contains("::") {
                found.push((index + 1, absolute(&path, module, &imported)));
            }
        }
    }
    found
}

/// The leaves of a `use` tree, each with the name it gets in the file.
fn expand(tree: &str, before: &[String]) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some(open) = tree.find('{') {
        let inner = tree[open + 1..].strip_suffix('}').unwrap_or(&tree[open + 1..]);
        let head = tree[..open].split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned);
        let before: Vec<String> = before.iter().cloned().chain(head).collect();
        return branches(inner).into_iter().flat_map(|branch| expand(branch, &before)).collect();
    }
    if tree.is_empty() {
        return Vec::new();
    }
    let (path, name) =
        tree.split_once(" as ").map_or((tree, None), |(path, name)| (path, Some(name.trim().to_owned())));
    let tail = path.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned);
    let mut path: Vec<String> = before.iter().cloned().chain(tail).collect();
    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
        path.pop();
    }
    let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
    vec![(path, name)]
}

/// Splits at the commas that are not inside inner braces.
fn branches(inner: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    parts
}

fn absolute(path: &[String], module: &[String], imported: &HashMap<String, Vec<String>>) -> Vec<String> {
    let root = || vec!["crate".to_owned()];
    let above = path.iter().take_while(|segment| *segment == "super").count();
    let mut resolved = match path[0].as_str() {
        "crate" | "ml_connector" => root(),
        "self" => [root(), module.to_vec()].concat(),
        "super" => [root(), module[..module.len().saturating_sub(above)].to_vec()].concat(),
        first => imported.get(first).cloned().unwrap_or_else(|| vec![first.to_owned()]),
    };
    resolved.extend_from_slice(&path[above.max(1)..]);
    resolved
}

#[test]
fn the_reader_finds_paths_wherever_they_stand() {
    let code = r##"
use crate::{db::Db, freshbooks::{self, model as fb}};
use super::plan::{Write, self};
// use crate::clock::Clock;
const TEXT: &str = "crate::http::x"; const RAW: &str = r#"" crate::http::y "#; const MARK: char = '"';
fn f<'a>(x: &'a str) { freshbooks::FreshBooks::new(); fb::Invoice::draft(); crate::order::record(x) }
#[cfg(test)]
mod tests { use crate::graphql::x; }
fn g() { ml_connector::app::App::start() }
"##;
    let file = read(Path::new("src/sync/apply.rs"), Path::new("src"), code);
    let found: Vec<String> = file.paths.iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect();
    let expected = [
        "2 crate::db::Db",
        "2 crate::freshbooks",
        "2 crate::freshbooks::model",
        "3 crate::sync::plan",
        "3 crate::sync::plan::Write",
        "6 crate::freshbooks::FreshBooks::new",
        "6 crate::freshbooks::model::Invoice::draft",
        "6 crate::order::record",
        "9 crate::app::App::start",
    ];
    assert_eq!(found, expected);
}
