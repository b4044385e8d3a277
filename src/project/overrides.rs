//! Values of `--config` on the command line: they take precedence over files and over cargo's variables.

use std::path::PathBuf;

use crate::{Error, Result};

/// All `--config` arguments in one table; the last value of a key wins.
#[derive(Debug, Default)]
pub struct Overrides(toml::Table);

impl Overrides {
    /// Each is `KEY=VALUE` or the path of a file, as cargo tells them apart.
    pub fn read(arguments: &[String]) -> Result<Overrides> {
        let mut all = toml::Table::new();
        for argument in arguments {
            let path = PathBuf::from(argument);
            let text = match path.is_file() {
                true => std::fs::read_to_string(&path)
                    .map_err(|e| Error::usage(format!("--config: cannot read {}: {e}", path.display())))?,
                false => argument.clone(),
            };
            let table: toml::Table = text.parse().map_err(|e: toml::de::Error| {
                let wrong = e.message().to_owned();
                Error::usage(format!(
                    "--config: `{argument}` is neither KEY=VALUE nor a file that can be read: {wrong}"
                ))
            })?;
            merge(&mut all, table);
        }
        Ok(Overrides(all))
    }

    fn value(&self, keys: &[&str]) -> Option<&toml::Value> {
        let (last, tables) = keys.split_last()?;
        let mut table = &self.0;
        for key in tables {
            table = table.get(*key)?.as_table()?;
        }
        table.get(*last)
    }

    /// `build.KEY`, if it is a string, or a list of one.
    pub fn build(&self, key: &str) -> Option<&str> {
        match self.value(&["build", key])? {
            toml::Value::String(text) => Some(text),
            toml::Value::Array(list) if list.len() == 1 => list[0].as_str(),
            _ => None,
        }
    }

    /// `target.TRIPLE.runner`, split into words.
    pub fn runner(&self, triple: &str) -> Option<Vec<String>> {
        match self.value(&["target", triple, "runner"])? {
            toml::Value::String(text) => Some(text.split_whitespace().map(str::to_owned).collect()),
            toml::Value::Array(list) => list.iter().map(|word| word.as_str().map(str::to_owned)).collect(),
            _ => None,
        }
    }

    pub fn runner_is_text(&self, triple: &str) -> Option<bool> {
        Some(self.value(&["target", triple, "runner"])?.is_str())
    }

    /// Whether any rustflags have this.
    pub fn flags_have(&self, triple: &str, what: &str) -> bool {
        let flags = [self.value(&["build", "rustflags"]), self.value(&["target", triple, "rustflags"])];
        flags.into_iter().flatten().any(|flags| flags.to_string().contains(what))
    }
}

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(into)), toml::Value::Table(from)) => merge(into, from),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_key_wins_and_others_stay() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[build]\nrustc-wrapper = \"a\"\ntarget = [\"t\"]\n").unwrap();
        let arguments = [
            file.path().to_str().unwrap().to_owned(),
            "build.rustc-wrapper='b'".to_owned(),
            "target.t.runner=['x', 'y z']".to_owned(),
            "target.t.rustflags='-Ctarget-feature=+crt-static'".to_owned(),
        ];
        let overrides = Overrides::read(&arguments).unwrap();
        assert_eq!((overrides.build("rustc-wrapper"), overrides.build("target")), (Some("b"), Some("t")));
        assert_eq!(overrides.runner("t").unwrap(), ["x", "y z"]);
        assert!(overrides.flags_have("t", "+crt-static") && !overrides.flags_have("u", "+crt-static"));
        assert!(Overrides::read(&["nonsense".to_owned()]).is_err());
    }
}
