//! Routes a request to its answer, without sockets.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::load::{Shelf, Slow};
use super::query::Query;
use super::routes::{self, Page};
use super::saved::{Entry, Saved};
use crate::pprof::front::config::Config;
use crate::pprof::front::fetch::Loaded;
use crate::pprof::profile::{path, write};
use crate::web::pages::{self, Assets, Island};

/// An answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    /// The target of a redirect, or the file name of a download.
    pub header: Option<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// A profile and the place of its pages.
pub struct Mount {
    /// The path in front of `/ui/`; empty for the only profile.
    pub prefix: String,
    pub profile: Source,
    pub config: Config,
    /// Its benchmark's name; empty if it has none.
    pub name: String,
    /// The other profiles of the same benchmark: their names and prefixes.
    pub siblings: Vec<(String, String)>,
}

pub enum Source {
    Loaded(Arc<Loaded>),
    /// Read on first use.
    File(PathBuf),
}

/// The page of a run with all its benchmarks.
pub trait Overview: Send + Sync {
    fn title(&self) -> String;
    /// The name of its data, by which the script knows the page.
    fn island(&self) -> &'static str {
        "run-data"
    }
    /// The data of its page.
    fn run(&self) -> Value;
    /// The data of benchmark `number`; `None` if there is none.
    fn benchmark(&self, number: usize) -> Option<Value>;
}

pub struct Site {
    mounts: Vec<Mount>,
    overview: Option<Box<dyn Overview>>,
    saved: Saved,
    shelf: Shelf,
    shown: Slow,
}

impl Site {
    /// The pages of one profile, below `/ui/`; `name` is its benchmark's, if it has one.
    pub fn of_profile(loaded: Loaded, name: String, config: Config, saved: Saved) -> Self {
        let mount = Mount {
            prefix: String::new(),
            profile: Source::Loaded(Arc::new(loaded)),
            config,
            name,
            siblings: Vec::new(),
        };
        Site { mounts: vec![mount], overview: None, saved, shelf: Shelf::default(), shown: Slow::default() }
    }

    /// The page of a run at `/`, and those of its profiles beneath it.
    pub fn of_run(overview: Box<dyn Overview>, mounts: Vec<Mount>, saved: Saved) -> Self {
        Site { mounts, overview: Some(overview), saved, shelf: Shelf::default(), shown: Slow::default() }
    }

    /// The pages to make before the first request: for a large profile each takes a while.
    pub fn first_pages(&self) -> Vec<String> {
        const LARGE: usize = 100_000;
        let large =
            |mount: &&Mount| matches!(&mount.profile, Source::Loaded(loaded) if loaded.profile.samples.len() >= LARGE);
        let pages = [Page::Flamegraph, Page::Top, Page::Graph];
        let of = |mount: &Mount| pages.map(|page| format!("{}/ui/{}", mount.prefix, page.name()));
        self.mounts.iter().filter(large).flat_map(of).collect()
    }

    /// Whether `path` is a style sheet or script, which need not wait for a turn.
    pub fn is_asset(path: &str) -> bool {
        path.ends_with("/static/page.css") || path.ends_with("/static/page.js")
    }

    /// Answers a request for `path`, after `outside` was cut off its front. Only performs changes if `may_change`
    /// allows them.
    pub fn answer(&self, outside: &str, path: &str, query: &str, may_change: bool) -> Answer {
        if path.is_empty() {
            // The page's addresses are relative to a folder.
            return redirect(307, &format!("{outside}/"), query);
        }
        let cleaned = cleaned(path);
        if cleaned != path {
            return redirect(307, &format!("{outside}{cleaned}"), query);
        }
        if let Some(overview) = &self.overview
            && let Some(answer) = overview_page(&**overview, path)
        {
            return answer;
        }
        for mount in &self.mounts {
            let Some(rest) = path.strip_prefix(mount.prefix.as_str()) else { continue };
            match rest.strip_prefix("/ui") {
                Some("") => return redirect(307, &format!("{outside}{}/ui/", mount.prefix), query),
                Some(page) if page.starts_with('/') => return self.mounted(mount, &page[1..], query, may_change),
                _ if self.overview.is_none() => return redirect(307, &format!("{outside}/ui"), query),
                _ => {}
            }
        }
        not_found()
    }

    fn mounted(&self, mount: &Mount, page: &str, raw_query: &str, may_change: bool) -> Answer {
        let query = Query::parse(raw_query);
        let changed = |result: Result<(), String>| match result {
            Ok(()) => text(200, ""),
            Err(error) => text(400, &error),
        };
        match page {
            "" | "flamegraph2" | "flamegraphold" => redirect(301, "flamegraph", raw_query),
            "saveconfig" | "deleteconfig" if !may_change => text(403, "another site's page may not change anything"),
            "saveconfig" => changed(self.saved.save(&query, &mount.config)),
            "deleteconfig" => changed(self.saved.delete(&query)),
            "download" => self.profile(mount).map_or_else(|error| text(404, &error), |loaded| download(&loaded)),
            _ => match page.strip_prefix("static/") {
                Some(name) => asset(name),
                None => match Page::ALL.into_iter().find(|known| known.name() == page) {
                    Some(page) => self.page(mount, page, &query),
                    None => not_found(),
                },
            },
        }
    }

    fn profile(&self, mount: &Mount) -> Result<Arc<Loaded>, String> {
        match &mount.profile {
            Source::Loaded(loaded) => Ok(loaded.clone()),
            Source::File(path) => self.shelf.get(path),
        }
    }

    fn page(&self, mount: &Mount, page: Page, query: &Query) -> Answer {
        let loaded = match self.profile(mount) {
            Ok(loaded) => loaded,
            Err(error) => return text(404, &error),
        };
        let key = format!("{} {} {query:?}", mount.prefix, page.name());
        let shown =
            match self.shown.get(&loaded, &key, || routes::show(page, Loaded::clone(&loaded), &mount.config, query)) {
                Ok(shown) => shown,
                Err(error) => return text(400, &error),
            };
        let up = "../".repeat(mount.prefix.matches('/').count() + 1);
        let siblings: Vec<Value> = mount
            .siblings
            .iter()
            .map(|(kind, prefix)| {
                json!({ "kind": kind, "url": format!("{up}{}/ui/", prefix.trim_start_matches('/')),
                        "here": *prefix == mount.prefix })
            })
            .collect();
        let title = match mount.name.as_str() {
            "" => shown.title.clone(),
            name => format!("{name} {}", shown.sample_type),
        };
        let data = PageData {
            page: page.name(),
            title: &title,
            file: &shown.file,
            per_op: shown.per_op,
            sample_type: &shown.sample_type,
            sample_types: loaded.profile.sample_types.iter().map(|kind| &*kind.kind).collect(),
            legend: &shown.legend,
            errors: &shown.errors,
            doc_url: &loaded.profile.doc_url,
            saved: self.saved.menu(query),
            iterations: loaded.iterations.filter(|_| !loaded.compared && !shown.per_op),
            compared: loaded.compared,
            benchmark: &mount.name,
            siblings,
            home: self.overview.is_some().then_some(&up),
            data: &shown.data,
        };
        match serde_json::to_string(&data) {
            Ok(data) => html(pages::document(&title, &Assets::Linked("static/"), &[Island::json("page-data", &data)])),
            Err(error) => text(500, &error.to_string()),
        }
    }
}

/// The data of a page's script.
#[derive(Serialize)]
struct PageData<'a> {
    page: &'static str,
    title: &'a str,
    file: &'a str,
    per_op: bool,
    sample_type: &'a str,
    sample_types: Vec<&'a str>,
    legend: &'a [String],
    errors: &'a [String],
    doc_url: &'a str,
    /// The saved views' menu.
    saved: Vec<Entry>,
    /// The divisor of values; null if they are shown undivided.
    iterations: Option<u64>,
    compared: bool,
    benchmark: &'a str,
    siblings: Vec<Value>,
    /// The address of the page of all benchmarks, if there is one.
    home: Option<&'a String>,
    data: &'a RawValue,
}

fn overview_page(overview: &dyn Overview, path: &str) -> Option<Answer> {
    if path == "/" {
        let island = Island::json(overview.island(), &overview.run().to_string());
        return Some(html(pages::document(&overview.title(), &Assets::Linked("static/"), &[island])));
    }
    if let Some(name) = path.strip_prefix("/static/") {
        return Some(asset(name));
    }
    let number = path.strip_prefix("/benchmark/")?.strip_suffix(".json")?.parse().ok()?;
    Some(match overview.benchmark(number) {
        Some(value) => answer(200, "application/json", value.to_string().into_bytes()),
        None => not_found(),
    })
}

/// The path without `//`, `.` and `..`; a slash at the end stays.
fn cleaned(requested: &str) -> String {
    let clean = path::clean(requested);
    let is_folder = requested.ends_with('/') && clean != "/";
    format!("{}{clean}{}", if clean.starts_with('/') { "" } else { "/" }, if is_folder { "/" } else { "" })
}

fn answer(status: u16, content_type: &'static str, body: Vec<u8>) -> Answer {
    Answer { status, content_type, header: None, body }
}

/// A line of text.
pub fn text(status: u16, line: &str) -> Answer {
    let body = if line.is_empty() { String::new() } else { format!("{line}\n") };
    answer(status, "text/plain; charset=utf-8", body.into_bytes())
}

fn html(document: String) -> Answer {
    answer(200, "text/html; charset=utf-8", document.into_bytes())
}

fn not_found() -> Answer {
    text(404, "404 page not found")
}

fn redirect(status: u16, to: &str, query: &str) -> Answer {
    let to = if query.is_empty() { to.to_owned() } else { format!("{to}?{query}") };
    Answer { header: Some(("location", to)), ..text(status, "") }
}

fn asset(name: &str) -> Answer {
    match pages::asset(name) {
        Some((content_type, body)) => answer(200, content_type, body.into_bytes()),
        None => not_found(),
    }
}

fn download(loaded: &Loaded) -> Answer {
    let header = Some(("content-disposition", "attachment;filename=profile.pb.gz".to_owned()));
    Answer { header, ..answer(200, "application/vnd.google.protobuf+gzip", write(&loaded.profile)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::{Builder, Line, ValueType};

    fn site() -> Site {
        let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
        let function = builder.function("</script><script>alert(1)</script>", "", "src/lib.rs", 0);
        let location = builder.location(None, 1, vec![Line { function, line: 1, column: 0 }]);
        builder.sample(vec![location], vec![5], vec![]);
        let loaded = Loaded { profile: builder.finish(), iterations: None, compared: false, per_op: false };
        let nowhere =
            Saved::at(std::env::temp_dir().join(format!("memprof-site-{}", std::process::id())).join("v.json"));
        Site::of_profile(loaded, String::new(), Config::default(), nowhere)
    }

    fn asked(path: &str, query: &str) -> (u16, Option<String>) {
        let answer = site().answer("", path, query, true);
        (answer.status, answer.header.map(|(_, value)| value))
    }

    #[test]
    fn every_way_leads_to_the_flame_graph() {
        let to = |status: u16, place: &str| (status, Some(place.to_owned()));
        assert_eq!(asked("/", ""), to(307, "/ui"));
        assert_eq!(asked("/x", "f=a"), to(307, "/ui?f=a"));
        assert_eq!(asked("/ui", "f=a"), to(307, "/ui/?f=a"));
        assert_eq!(asked("/ui/", ""), to(301, "flamegraph"));
        assert_eq!(asked("/ui/flamegraph2", "f=x%20y"), to(301, "flamegraph?f=x%20y"));
        assert_eq!(asked("/ui//top", ""), to(307, "/ui/top"));
        assert_eq!(asked("/ui/../../etc/passwd", ""), to(307, "/etc/passwd"));
        assert_eq!(asked("/uix", ""), to(307, "/ui"));
        for (path, status) in [("/ui/top", 200), ("/ui/top/", 404), ("/ui/static/../top", 307), ("/ui/nosuch", 404)] {
            assert_eq!(asked(path, "").0, status, "{path}");
        }
        assert_eq!(site().answer("/token", "/", "", true).header.unwrap().1, "/token/ui");
    }

    #[test]
    fn names_are_no_markup() {
        for page in Page::ALL.into_iter().filter(|page| *page != Page::Disasm) {
            let answer = site().answer("", &format!("/ui/{}", page.name()), "", true);
            let body = String::from_utf8(answer.body).unwrap();
            assert_eq!(answer.status, 200, "{body}");
            assert!(!body.contains("<script>alert"), "{body}");
            assert_eq!(body.matches("</script>").count(), 2, "the island's and the page's own");
        }
    }

    #[test]
    fn what_changes_something_may_be_refused() {
        let site = site();
        for page in ["/ui/saveconfig", "/ui/deleteconfig"] {
            assert_eq!(site.answer("", page, "config=x", false).status, 403);
        }
    }
}
