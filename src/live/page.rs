//! The tool's own page at `/`: how the program does, and its profiles as pages. Profiles that were opened and marks are
//! kept in memory, a bounded number of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use super::answer::{Answer, HTML};
use super::delta::{InUse, delta};
use super::endpoint::{Kind, PageAsk};
use super::reader::Reader;
use super::{history, profiles};
use crate::pprof::front::config::Config;
use crate::pprof::front::fetch::Loaded;
use crate::pprof::profile::{Profile, write};
use crate::web::pages::{self, Assets, Island};
use crate::web::server::Site;
use crate::web::server::saved::Saved;
use crate::web::server::site;

/// Opened profiles that are kept; the oldest goes first.
const MOST_OPEN: usize = 8;

#[derive(Default)]
pub struct Pages {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By number.
    open: VecDeque<(u64, Arc<Site>)>,
    opened: u64,
    marks: HashMap<&'static str, Profile>,
}

impl Pages {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `outside` is the path in front of all others: empty, or the key.
    pub fn answer(&self, reader: &Reader, outside: &str, ask: &PageAsk) -> Answer {
        let made = match ask {
            PageAsk::Home => Ok(home(reader)),
            PageAsk::Data => Ok(Answer::new("application/json", history::json(reader).to_string())),
            PageAsk::Asset(name) => {
                pages::asset(name).map_or_else(|| Err(nothing()), |(kind, text)| Ok(Answer::new(kind, text)))
            }
            PageAsk::Mark(kind) => profiles::take(reader, *kind).map_err(|why| Answer::error(500, why)).map(|made| {
                self.kept().marks.insert(kind.name(), made);
                Answer::text("")
            }),
            PageAsk::Open(kind, since) => {
                self.since(reader, *kind, *since).map(|made| self.open(outside, kind.name(), made))
            }
            PageAsk::Download(kind) => self
                .since(reader, *kind, true)
                .map(|made| Answer::file(format!("{}-since-mark.pb.gz", kind.name()), write(&made))),
            PageAsk::Opened(number, path, query) => self.opened(outside, *number, path, query),
        };
        made.unwrap_or_else(|refused| refused)
    }

    /// The profile of this moment, or what came since the mark.
    fn since(&self, reader: &Reader, kind: Kind, mark: bool) -> Result<Profile, Answer> {
        let now = profiles::take(reader, kind).map_err(|why| Answer::error(500, why))?;
        if !mark {
            return Ok(now);
        }
        let marked = self.kept().marks.get(kind.name()).cloned();
        let marked = marked.ok_or_else(|| Answer::refusal(404, "nothing is marked yet"))?;
        delta(marked, &now, InUse::Change).map_err(|why| Answer::refusal(500, &why))
    }

    /// Keeps the profile, and leads to its flame graph.
    pub fn open(&self, outside: &str, name: &str, profile: Profile) -> Answer {
        let loaded = Loaded { profile, iterations: None, compared: false, per_op: false };
        let site = Site::of_profile(loaded, name.to_owned(), Config::default(), Saved::of_user());
        let mut kept = self.kept();
        kept.opened += 1;
        let number = kept.opened;
        kept.open.push_back((number, Arc::new(site)));
        if kept.open.len() > MOST_OPEN {
            kept.open.pop_front();
        }
        Answer { status: 303, ..Answer::redirect(&format!("{outside}/opened/{number}/ui/flamegraph")) }
    }

    fn opened(&self, outside: &str, number: u64, path: &str, query: &str) -> Result<Answer, Answer> {
        let site = self.kept().open.iter().find(|(known, _)| *known == number).map(|(_, site)| site.clone());
        let gone = "this profile is no longer kept: open it anew from the program's page";
        let site = site.ok_or_else(|| Answer::refusal(404, gone))?;
        let made: site::Answer = site.answer(&format!("{outside}/opened/{number}"), path, query, true);
        let (location, filename) = match made.header {
            Some(("location", to)) => (Some(to), None),
            Some((_, name)) => (None, name.split_once('=').map(|(_, name)| name.to_owned())),
            None => (None, None),
        };
        Ok(Answer { status: made.status, location, filename, ..Answer::new(made.content_type, made.body) })
    }
}

fn nothing() -> Answer {
    Answer::refusal(404, "404 page not found")
}

fn home(reader: &Reader) -> Answer {
    let words = String::from_utf8_lossy(&reader.command_line()).replace('\0', " ");
    let name = reader.name();
    let data = json!({
        "name": name,
        "command": words,
        "pid": reader.pid.as_raw_nonzero().get(),
        "kinds": Kind::ALL.map(Kind::name),
    });
    let island = Island::json("live-data", &data.to_string());
    Answer::new(HTML, pages::document(&name, &Assets::Linked("static/"), &[island]))
}
