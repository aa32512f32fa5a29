//! Who may know whom: `use` lines and inline paths of every file, held to the map of the modules. Test modules may know more.

mod reader;

use std::path::Path;

use self::reader::{File, files};

/// A sentence of the style guide, the files it speaks of, and the paths that break it.
struct Rule {
    words: &'static str,
    holds_for: fn(&File) -> bool,
    broken_by: fn(&File, &[&str]) -> bool,
}

const PLATFORMS: [&str; 2] = ["shopify", "freshbooks"];
const PURE: [&str; 4] = ["mapping", "sync::plan", "sync::diff", "reconcile::compare"];

const RULES: [Rule; 7] = [
    Rule {
        words: "sandbox shares nothing with the rest: a misspelt field must fail a test, not agree with itself",
        holds_for: |file| file.within("sandbox"),
        broken_by: |_, path| {
            matches!(path, ["entity" | "migration", ..]) || matches!(path, ["crate", next, ..] if *next != "sandbox")
        },
    },
    Rule {
        words: "shopify and freshbooks know neither each other, nor the database, nor GraphQL",
        holds_for: |file| PLATFORMS.iter().any(|platform| file.within(platform)),
        broken_by: |file, path| match path {
            ["crate", other @ ("shopify" | "freshbooks"), ..] => !file.within(other),
            ["crate", "db" | "graphql", ..] | ["entity" | "migration" | "sea_orm" | "async_graphql", ..] => true,
            _ => false,
        },
    },
    Rule {
        words: "mapping, sync::plan and reconcile::compare are pure: no database, no network, no clock",
        holds_for: |file| PURE.iter().any(|pure| file.within(pure)),
        broken_by: |_, path| match path {
            // A link's kind and state are words of the plan; how they are stored is not its business.
            ["entity", "resource_link", "Kind" | "State", ..] => false,
            ["tokio" | "sea_orm" | "reqwest" | "entity" | "futures_util" | "tokio_util", ..] => true,
            ["crate", "db" | "clock" | "app" | "work" | "worker" | "http" | "graphql", ..] => true,
            ["chrono", "Utc", "now"] | ["std", "time", "SystemTime" | "Instant", ..] => true,
            // The handles that call; what a call consists of is plain data.
            ["crate", "shopify", "Shopify", ..] | ["crate", "freshbooks", "FreshBooks", ..] => true,
            _ => false,
        },
    },
    Rule {
        words: "only main and cli use anyhow: the library's errors are typed",
        holds_for: |file| !file.within("cli") && !file.within("main"),
        broken_by: |_, path| path.first() == Some(&"anyhow"),
    },
    Rule {
        words: "resolvers call no platform: they change rows and ring the bell (grant and sync::preview call for them)",
        holds_for: |file| file.within("graphql"),
        broken_by: |_, path| match path {
            ["reqwest", ..] => true,
            ["crate", platform, rest @ ..] => {
                PLATFORMS.contains(platform) && !matches!(rest.first(), Some(&"model" | &"Error"))
            }
            _ => false,
        },
    },
    Rule {
        words: "routes call no platform: they check signatures and queries, the rest goes through the owners",
        holds_for: |file| file.within("http"),
        broken_by: |_, path| match path {
            ["reqwest", ..] => true,
            ["crate", platform, rest @ ..] => {
                let checks = ["model", "webhook", "callback", "oauth"];
                PLATFORMS.contains(platform) && !rest.first().is_some_and(|next| checks.contains(next))
            }
            _ => false,
        },
    },
    Rule {
        words: "owners and engine do not know the edges: app -> http -> graphql -> owners, never back",
        holds_for: |file| !["app", "http", "graphql", "cli", "main"].iter().any(|edge| file.within(edge)),
        broken_by: |_, path| matches!(path, ["crate", "http" | "graphql" | "cli", ..]),
    },
];

#[test]
fn every_file_knows_only_whom_it_may_know() {
    let files = files(Path::new("src"));
    assert!(files.iter().any(|file| file.within("sandbox")) && files.len() > 10, "src was not found");
    let mut broken = Vec::new();
    for file in &files {
        for rule in RULES.iter().filter(|rule| (rule.holds_for)(file)) {
            for (line, path) in &file.paths {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                if (rule.broken_by)(file, &path) {
                    broken.push(format!("{}:{line}: {}: {}", file.path.display(), path.join("::"), rule.words));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn pure_modules_are_not_async() {
    for file in files(Path::new("src")).iter().filter(|file| PURE.iter().any(|pure| file.within(pure))) {
        for (index, line) in file.code.lines().enumerate() {
            let found =
                line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| matches!(word, "async" | "await"));
            assert!(!found, "{}:{}: a pure module is not async", file.path.display(), index + 1);
        }
    }
}

#[test]
fn no_amount_is_ever_a_float() {
    // The simulated platforms and the orders of tests have rates as Shopify prints them; the others measure points and seconds.
    const MEASURES: [&str; 4] = ["sandbox", "shopify::budget", "telemetry", "mapping::tests"];
    let sources = ["src", "entity/src", "migration/src"].into_iter().flat_map(|root| files(Path::new(root)));
    for file in sources.filter(|file| !MEASURES.iter().any(|measures| file.within(measures))) {
        for (index, line) in file.code.lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let found = words.any(|word| matches!(word, "f32" | "f64" | "to_f32" | "to_f64" | "from_f32" | "from_f64"));
            assert!(!found, "{}:{}: no floats near money", file.path.display(), index + 1);
        }
    }
}

#[test]
fn migrations_spell_tables_themselves() {
    for file in files(Path::new("migration/src")) {
        let knows = file.paths.iter().find(|(_, path)| path[0] == "entity" || path[0] == "ml_connector");
        assert!(knows.is_none(), "{}: a migration never changes with the code: {knows:?}", file.path.display());
    }
}
