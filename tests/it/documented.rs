//! Whatever code a problem shows stands in the documentation. The codes are read from the sources: one that this reader does not find its way
//! to is a failure, too.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Whose problems orders and pulls show.
const OF_ORDERS: [&str; 5] = ["src/sync", "src/mapping", "src/order", "src/pull", "src/db"];

/// A source file without its tests.
struct Source {
    path: PathBuf,
    code: String,
}

fn sources() -> Vec<Source> {
    let (mut sources, mut folders) = (Vec::new(), vec![PathBuf::from("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is = |name: &str| path.file_stem().is_some_and(|stem| stem == name);
            // The simulated platforms have problems of their own.
            if is("sandbox") || is("tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
            sources.push(Source { path, code });
        }
    }
    sources
}

/// What stands between `before` and `after`, each time.
fn between<'a>(code: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    code.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(found, _)| found).collect()
}

/// The codes of the problems that this source makes.
fn codes(source: &Source, all: &[Source]) -> BTreeSet<String> {
    let Source { path, code } = source;
    let made = code.split("Problem::new(").skip(1).map(|rest| rest.split(',').nth(1).unwrap_or_default().trim());
    let filled = between(code, "Problem { code: ", ".to_owned()");
    let mut codes = BTreeSet::new();
    for named in made.chain(filled) {
        let found: Vec<&str> = match named {
            literal if literal.starts_with('"') => vec![literal.trim_matches('"')],
            "self.code()" => between(code, "fn code(self)", "\n    }\n")
                .into_iter()
                .flat_map(|body| between(body, "=> \"", "\""))
                .collect(),
            // Handed to what makes it.
            "code" => between(code, "let ", " = |code")
                .into_iter()
                .flat_map(|name| between(code, &format!("{name}("), ","))
                .map(|given| given.trim().trim_matches('"'))
                .collect(),
            constant => {
                let of = |source: &'_ Source| -> Vec<String> {
                    let value = between(&source.code, &format!("const {constant}: &str = \""), "\"");
                    value.into_iter().map(str::to_owned).collect()
                };
                let own = of(source);
                let values = if own.is_empty() { all.iter().flat_map(of).collect() } else { own };
                codes.extend(values.iter().cloned());
                assert_eq!(values.len(), 1, "{}: {constant} is {values:?}", path.display());
                continue;
            }
        };
        assert!(!found.is_empty(), "{}: what code is {named}?", path.display());
        codes.extend(found.into_iter().map(str::to_owned));
    }
    for code in &codes {
        let is_code = !code.is_empty() && code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
        assert!(is_code, "{}: {code:?} is no code", path.display());
    }
    codes
}

#[test]
fn every_code_of_a_problem_is_explained() {
    let accounting = fs::read_to_string("docs/accounting.md").unwrap();
    let table = between(&accounting, "\n## 16. Table of states and codes\n", "\n## ")[0];
    let mut pages = fs::read_to_string("README.md").unwrap();
    for page in fs::read_dir("docs").unwrap() {
        pages.push_str(&fs::read_to_string(page.unwrap().path()).unwrap());
    }
    let sources = sources();
    let (mut missing, mut explained) = (Vec::new(), BTreeSet::new());
    for source in &sources {
        let of_orders = OF_ORDERS.iter().any(|part| source.path.with_extension("").starts_with(Path::new(part)));
        let (place, text) =
            if of_orders { ("docs/accounting.md, section 16", table) } else { ("README or docs", &*pages) };
        for code in codes(source, &sources) {
            if text.contains(&format!("`{code}`")) {
                explained.insert(code);
            } else {
                missing.push(format!("{code} of {} is not in {place}", source.path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(explained.len() > 60, "the reader finds too few: {explained:?}");
}
