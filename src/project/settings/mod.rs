//! The configuration: memprof.toml beside the workspace's Cargo.toml, or `[workspace.metadata.memprof]` in it.
//!
//! A key that is not known is reported with the nearest known one as a warning; any other mistake is an error with its
//! place. `templates/memprof.schema.json` describes the same to editors.

mod budget;
mod limit;
mod nearest;
mod place;
mod program;

use serde::Deserialize;

pub use budget::Budget;
pub use limit::{Limit, Limits, Max, Tolerance};
pub use place::describe;
use place::place_of;
pub use program::{Meant, Program};

pub const FILE_NAME: &str = "memprof.toml";

/// All that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Config {
    #[serde(default)]
    pub budget: Vec<Budget>,
    #[serde(default)]
    pub program: Vec<Program>,
}

/// A configuration, with warnings about it.
#[derive(Debug, Default)]
pub struct Parsed {
    pub config: Config,
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads the text of memprof.toml. The error is one line: file, line and column, what is wrong.
    pub fn parse(text: &str) -> Result<Parsed, String> {
        let place = |path: &str| match place_of(text, path) {
            Some((line, column)) => format!("{FILE_NAME}:{line}:{column}"),
            None => FILE_NAME.to_owned(),
        };
        let deserializer = toml::Deserializer::parse(text).map_err(|error| describe(FILE_NAME, text, &error))?;
        parsed(deserializer, &place).map_err(|(error, unknown)| describe(FILE_NAME, text, &error) + &unknown)
    }

    /// Reads `[workspace.metadata.memprof]`, as cargo gives it.
    pub fn from_metadata(value: &serde_json::Value) -> Result<Parsed, String> {
        const PLACE: &str = "[workspace.metadata.memprof]";
        parsed(value, &|_| PLACE.to_owned()).map_err(|(error, unknown)| format!("{PLACE}: {error}{unknown}"))
    }

    /// The limits of the benchmark with this full name: for each metric, the last budget that names it.
    pub fn limits(&self, name: &str) -> Limits {
        self.budget.iter().filter(|budget| budget.covers(name)).flat_map(Budget::limits).collect()
    }

    /// The limits of a test, an operation being a run of it.
    pub fn test_limits(&self, name: &str, id: &str) -> Limits {
        self.budget.iter().filter(|budget| budget.covers_test(name, id)).flat_map(Budget::limits).collect()
    }

    /// Whether a budget covers tests.
    pub fn has_tests(&self) -> bool {
        self.budget.iter().any(|budget| !budget.tests.source.is_empty())
    }
}

/// `place` says where the key with this path is. The error comes with the unknown keys: one of them may be the missing
/// key.
fn parsed<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
    place: &dyn Fn(&str) -> String,
) -> Result<Parsed, (D::Error, String)> {
    let mut unknown = Vec::new();
    let config = serde_ignored::deserialize(deserializer, |path| {
        let path = path.to_string().replace(".?", "");
        let key = path.rsplit('.').next().unwrap_or_default();
        let advice = nearest::nearest(key).map(|known| format!("; is `{known}` meant?")).unwrap_or_default();
        unknown.push((place(&path), format!("the key `{path}` is not known{advice}")));
    });
    match config {
        Ok(config) => {
            let warnings = unknown.into_iter().map(|(place, text)| format!("{place}: {text}")).collect();
            Ok(Parsed { config, warnings })
        }
        Err(error) => Err((error, unknown.into_iter().map(|(_, text)| format!("; {text}")).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::metric::Metric;

    const TEXT: &str = r#"
[[budget]]
benchmarks = "p/**"
allocs_per_op = 5
bytes_per_op = { max = 4096, tolerance = "1.5%" }
ns_per_op = { tolerance = "10%" }

[[budget]]
benchmarks = ["p/t/*/pooled", "q/**"]
allocs_per_op = { tolerance = 2 }
bytes_per_op = false
"#;

    #[test]
    fn the_last_budget_wins_metric_by_metric() {
        let parsed = Config::parse(TEXT).unwrap();
        assert_eq!(parsed.warnings, [""; 0]);
        let of = |name: &str, metric| parsed.config.limits(name).get(&metric).copied();
        let limit = |max, tolerance| Some(Limit { max, tolerance });
        assert_eq!(of("p/t/g/slow", Metric::AllocsPerOp), limit(Some(Max::Exact(5.0)), None));
        assert_eq!(of("p/t/g/slow", Metric::BytesPerOp), limit(Some(Max::Top(4096.0)), Some(Tolerance::Share(0.015))));
        assert_eq!(of("p/t/g/pooled", Metric::AllocsPerOp), limit(None, Some(Tolerance::Absolute(2.0))));
        assert_eq!(of("p/t/g/pooled", Metric::BytesPerOp), limit(None, Some(Tolerance::Off)));
        assert_eq!(of("p/t/g/pooled", Metric::NsPerOp), limit(None, Some(Tolerance::Share(0.1))));
        assert_eq!(of("r/t/x", Metric::AllocsPerOp), None);
        // An id may end in characters that a path cannot end with.
        assert_eq!(of("q/t/..", Metric::AllocsPerOp), limit(None, Some(Tolerance::Absolute(2.0))));
        let dots = Config::parse("[[budget]]\nbenchmarks = \"**/..\"\nallocs_per_op = 1\n").unwrap();
        assert_eq!(dots.config.limits("q/t/..").len(), 1);
        // One star stays inside a part of the name.
        assert_eq!(of("p/t/g/h/pooled", Metric::AllocsPerOp), limit(Some(Max::Exact(5.0)), None));
    }

    #[test]
    fn tests_are_covered_by_their_paths_or_full_names() {
        let text = "[[budget]]\ntests = [\"parser::*\", \"q/api/**\"]\nallocs_per_op = 1\n";
        let config = Config::parse(text).unwrap().config;
        let covers = |name: &str, id: &str| !config.test_limits(name, id).is_empty();
        assert!(covers("p/lib/parser::tests::a", "parser::tests::a") && covers("q/api/x", "x"));
        assert!(!covers("p/parser::a/x", "x") && !covers("p/api/x", "x"));
        assert!(config.has_tests() && config.limits("p/lib/parser::a").is_empty());
    }

    #[test]
    fn the_workspace_s_metadata_say_the_same() {
        let value: toml::Table = toml::from_str(TEXT).unwrap();
        let parsed = Config::from_metadata(&serde_json::to_value(value).unwrap()).unwrap();
        assert_eq!(parsed.config.limits("q/t/x").len(), 2);
        let error = Config::from_metadata(&serde_json::json!({"budget": [{"benchmarks": 1}]})).unwrap_err();
        assert!(error.starts_with("[workspace.metadata.memprof]: invalid type: integer `1`"), "{error}");
    }

    #[test]
    fn unknown_keys_are_warned_about_with_the_nearest() {
        let text = "budgets = 1\n[[budget]]\nbenchmarks = \"**\"\nallocs = { maximum = 1 }\nbytes_per_op = { tolerence = 1 }\n";
        let mut warnings = Config::parse(text).unwrap().warnings;
        warnings.sort();
        assert_eq!(
            warnings,
            [
                "memprof.toml:1:1: the key `budgets` is not known; is `budget` meant?",
                "memprof.toml:4:1: the key `budget.0.allocs` is not known; is `allocs_per_op` meant?",
                "memprof.toml:5:18: the key `budget.0.bytes_per_op.tolerence` is not known; is `tolerance` meant?",
            ]
        );
    }

    #[test]
    fn errors_have_a_place() {
        let error = |text: &str| Config::parse(text).unwrap_err();
        assert!(error("[[budget]\n").starts_with("memprof.toml:1:10: "), "{}", error("[[budget]\n"));
        let text = "[[budget]]\nbenchmarks = \"**\"\nallocs_per_op = \"x\"\n";
        assert!(error(text).starts_with("memprof.toml:3:17: invalid type: string \"x\""), "{}", error(text));
        for (value, part) in [
            ("-1", "not negative"),
            ("nan", "not negative"),
            ("true", "`false`"),
            ("{ tolerance = \"5\" }", "\"5%\""),
            ("{ tolerance = \"x%\" }", "\"5%\""),
        ] {
            let text = format!("[[budget]]\nbenchmarks = \"**\"\nallocs_per_op = {value}\n");
            assert!(error(&text).contains(part), "{value}: {}", error(&text));
        }
        assert!(error("[[budget]]\nbenchmarks = \"a[\"\n").starts_with("memprof.toml:2:14: `a[` is no glob: "));
        assert!(error("[[budget]]\n").contains("missing field `benchmarks`"));
        // The missing key is there, mistyped.
        let mistyped = error("[[budget]]\nbenchmark = \"**\"\nallocs_per_op = 1\n");
        assert!(mistyped.starts_with("memprof.toml:1:1: missing field `benchmarks`"), "{mistyped}");
        assert!(
            mistyped.ends_with("; the key `budget.0.benchmark` is not known; is `benchmarks` meant?"),
            "{mistyped}"
        );
    }

    #[test]
    fn the_schema_knows_the_same_keys() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../templates/memprof.schema.json")).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        let budget = &schema["$defs"]["budget"]["properties"];
        let limit = &schema["$defs"]["limit"]["oneOf"][2]["properties"];
        let program = &schema["$defs"]["program"]["properties"];
        let mut known = [keys(&schema["properties"]), keys(budget), keys(limit), keys(program)].concat();
        let mut expected: Vec<_> = nearest::KNOWN.iter().map(|key| (*key).to_owned()).collect();
        known.sort();
        expected.sort();
        assert_eq!(known, expected);
        for metric in Metric::ALL {
            assert_eq!(budget[metric.name()]["$ref"], "#/$defs/limit");
        }
    }
}
