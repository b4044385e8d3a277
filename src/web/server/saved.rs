//! Named views that a user has saved, in one file of our own below the user's configuration directory.
//!
//! A name is only ever a text in that file, never a path. The file is replaced as a whole, and a file that does not
//! parse is left alone, because it is not ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::query::{self, Query};
use crate::pprof::front::config::Config;
use crate::pprof::front::options::{self, OPTIONS};

/// Longer names do not fit a menu.
const LONGEST_NAME: usize = 100;
const MOST: usize = 200;

#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    views: Vec<View>,
}

#[derive(Debug, Serialize, Deserialize)]
struct View {
    name: String,
    /// The options that differ from their defaults, by name.
    options: BTreeMap<String, String>,
}

/// The saved views.
#[derive(Debug)]
pub struct Saved {
    /// `None`: there is no directory for it.
    path: Option<PathBuf>,
    /// Held while the file is read, changed and written.
    changing: Mutex<()>,
}

/// An entry of the menu.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    pub name: String,
    /// Relative to the page.
    pub url: String,
    /// The page currently shows this view.
    pub current: bool,
    /// The user saved it, and can delete it.
    pub own: bool,
}

impl Saved {
    /// In the user's configuration directory.
    pub fn of_user() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        let folder = folder.or_else(|| Some(set("HOME")?.join(".config")));
        let path = folder.map(|folder| folder.join("cargo-memprof").join("views.json"));
        Saved { path, changing: Mutex::default() }
    }

    /// In the file at `path`.
    pub fn at(path: PathBuf) -> Self {
        Saved { path: Some(path), changing: Mutex::default() }
    }

    fn path(&self) -> Result<&Path, String> {
        self.path.as_deref().ok_or_else(|| "there is no directory for saved views: HOME is not set".to_owned())
    }

    fn read(&self) -> Result<File, String> {
        let path = self.path()?;
        match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
            Err(error) => Err(format!("could not read settings: {}: {error}", path.display())),
            Ok(text) => serde_json::from_str(&text)
                .map_err(|error| format!("could not parse settings: {}: {error}", path.display())),
        }
    }

    fn write(&self, file: &File) -> Result<(), String> {
        let path = self.path()?;
        let fail = |error: &dyn std::fmt::Display| format!("failed to write settings: {}: {error}", path.display());
        let text = serde_json::to_string_pretty(file).map_err(|error| fail(&error))?;
        crate::fs::replace(path, text.as_bytes()).map_err(|error| format!("failed to write settings: {}", error.line()))
    }

    /// Saves the options of `query` and of the server itself, under the name in `query`.
    pub fn save(&self, query: &Query, base: &Config) -> Result<(), String> {
        let name = query.get("config").to_owned();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err("invalid config name".into());
        }
        let mut config = base.clone();
        query::apply(query, &mut config)?;
        let defaults = Config::default();
        let changed = OPTIONS.iter().filter(|option| option.saved && config.get(option) != defaults.get(option));
        let options = changed.map(|option| (option.name.to_owned(), config.get(option))).collect();
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = self.read()?;
        match file.views.iter().position(|view| view.name == name) {
            Some(at) => file.views[at].options = options,
            None if file.views.len() >= MOST => return Err("too many saved views; delete some".into()),
            None => file.views.push(View { name, options }),
        }
        self.write(&file)
    }

    /// Deletes the view that `query` names.
    pub fn delete(&self, query: &Query) -> Result<(), String> {
        let name = query.get("config");
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut file = self.read()?;
        let before = file.views.len();
        file.views.retain(|view| view.name != name);
        if file.views.len() == before {
            return Err(format!("config {name} not found"));
        }
        self.write(&file)
    }

    /// The menu on the page at `query`: the defaults, then the saved views.
    pub fn menu(&self, query: &Query) -> Vec<Entry> {
        let entry = |name: &str, config: &Config, own: bool| {
            let (url, changed) = query::address(query, config);
            Entry { name: name.to_owned(), url, current: !changed, own }
        };
        let mut entries = vec![entry("Default", &Config::default(), false)];
        for view in self.read().unwrap_or_default().views {
            let mut config = Config::default();
            for (name, value) in &view.options {
                // Another version may have saved options that this one does not have.
                let option = options::find(name).filter(|option| option.saved);
                option.map(|option| config.set(option, value));
            }
            entries.push(entry(&view.name, &config, true));
        }
        let last = entries.iter().rposition(|entry| entry.current);
        entries.iter_mut().enumerate().for_each(|(at, entry)| entry.current = Some(at) == last);
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved(name: &str) -> Saved {
        let folder = std::env::temp_dir().join(format!("memprof-saved-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Saved::at(folder.join("views.json"))
    }

    #[test]
    fn views_come_back_and_go() {
        let saved = saved("come");
        saved.save(&Query::parse("config=mine&f=x&si=1"), &Config::default()).unwrap();
        let menu = saved.menu(&Query::parse("f=x&si=2"));
        let text: Vec<_> = menu.iter().map(|entry| (entry.name.as_str(), entry.url.as_str(), entry.current)).collect();
        assert_eq!(text, [("Default", "?si=2", false), ("mine", "?f=x&si=2", true)]);
        saved.save(&Query::parse("config=mine&h=y"), &Config::default()).unwrap();
        assert_eq!(saved.menu(&Query::default())[1].url, "?h=y");
        saved.delete(&Query::parse("config=mine")).unwrap();
        assert_eq!(saved.delete(&Query::parse("config=mine")).unwrap_err(), "config mine not found");
        assert_eq!(saved.menu(&Query::default()).len(), 1);
    }

    #[test]
    fn a_name_is_no_path() {
        let saved = saved("path");
        let folder = saved.path().unwrap().parent().unwrap().to_owned();
        for name in ["..%2F..%2Fx", "%2Fetc%2Fpasswd", "views.json", "con", "a%5Cb"] {
            saved.save(&Query::parse(&format!("config={name}")), &Config::default()).unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(files, ["views.json"]);
        let long = format!("config={}", "x".repeat(101));
        for name in ["config=", "config=a%00b", "config=a%0Ab", long.as_str()] {
            assert_eq!(saved.save(&Query::parse(name), &Config::default()).unwrap_err(), "invalid config name");
        }
    }

    #[test]
    fn a_file_of_others_is_left_alone() {
        let saved = saved("others");
        let path = saved.path().unwrap();
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "not ours").unwrap();
        assert!(saved.save(&Query::parse("config=a"), &Config::default()).is_err());
        assert!(saved.delete(&Query::parse("config=a")).is_err());
        assert_eq!(std::fs::read_to_string(path).unwrap(), "not ours");
        assert_eq!(saved.menu(&Query::default()).len(), 1);
    }
}
