//! The pages and the report in a real Chromium without a window: they open without a complaint, and what one does there works.
//! With MEMPROF_SCREENSHOTS pictures are left in that folder.

mod report;

use std::path::{Path, PathBuf};

use crate::support::browser::Browser;
use crate::support::tool;
use crate::support::web::Server;
use cargo_memprof::pprof::profile::{Builder, Label, Line, Mapping, Profile, ValueType, write};

fn pictures() -> Option<PathBuf> {
    std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from)
}

fn picture(browser: &mut Browser, name: &str, whole: bool) {
    if let Some(folder) = pictures() {
        browser.picture(&folder.join(format!("{name}.png")), whole);
    }
}

/// `main → parse → {push, format}`, `main → store → push`, with memory values.
fn small(folder: &Path) -> Profile {
    let mut builder =
        Builder::new(vec![ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")]);
    builder.profile.default_sample_type = "alloc_space".into();
    builder.profile.comments.push("memprof: iterations=10".into());
    builder.mapping(Mapping { file: "/w/target/bench".into(), has_functions: true, ..Mapping::default() });
    let source: String = (1..=40).map(|line| format!("    let line_{line} = \"text\"; // {line}\n")).collect();
    let file = folder.join("lib.rs");
    std::fs::write(&file, source).unwrap();
    let mut frame = |name: &str, file: &str, line: i64| {
        let function = builder.function(name, "x", file, 0);
        builder.location(Some(0), 0x1000 + line as u64, vec![Line { function, line, column: 0 }])
    };
    let own = file.to_str().unwrap();
    let (main, parse, store) =
        (frame("bench::main", own, 5), frame("bench::parse", own, 12), frame("bench::store", own, 20));
    let push = frame("alloc::vec::Vec<T,A>::push", "/rustc/abc/library/alloc/src/vec/mod.rs", 30);
    let format = frame("alloc::fmt::format", "/rustc/abc/library/alloc/src/fmt.rs", 31);
    for (stack, values) in [
        (vec![push, parse, main], vec![10, 6000]),
        (vec![format, parse, main], vec![20, 3000]),
        (vec![push, store, main], vec![5, 1000]),
    ] {
        let labels = if stack[0] == format { vec![Label::text("thread", "reader")] } else { vec![] };
        builder.sample(stack, values, labels);
    }
    builder.finish()
}

fn serve(folder: &Path, profile: &Profile) -> Server {
    std::fs::write(folder.join("a.prof"), write(profile)).unwrap();
    let mut command = tool(folder);
    command.args(["pprof", "-no_browser", "-http=:0", "a.prof"]).env("HOME", folder).env_remove("XDG_CONFIG_HOME");
    Server::start(&mut command)
}

#[test]
fn every_page_opens_light_and_dark_wide_and_narrow() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &small(folder.path()));
    for (page, there) in [
        ("flamegraph", "memprofFlame.boxes > 5"),
        // A label hangs from the function whose samples have it, and colours are those of the flame graph.
        (
            "graph",
            "document.querySelectorAll('.box').length === 5 && document.querySelectorAll('.tag').length === 1 && document.querySelector('.tag').textContent.includes('thread:reader') && document.querySelector(`.box[data-name='bench::main']`).classList.contains('own') && document.querySelector(`.box[data-name='alloc::fmt::format']`).classList.contains('std') && document.querySelectorAll('.keys .own').length === 1",
        ),
        ("top", "document.querySelectorAll('#toptable tbody tr').length === 5"),
        ("peek", "document.querySelector('pre').textContent.includes('bench::parse')"),
        ("source", "document.querySelectorAll('section.function').length >= 3"),
    ] {
        for (dark, width) in [(false, 1280), (true, 1280), (false, 420), (true, 420)] {
            browser.dark(dark);
            browser.window(width, 800);
            browser.open(&format!("{}/ui/{page}", server.url));
            browser.until(there);
            browser.is_content(page);
            let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide, 0, "{page} at {width} is wider than its window");
            picture(&mut browser, &format!("page-{page}-{}-{width}", if dark { "dark" } else { "light" }), false);
        }
    }
}

#[test]
fn one_searches_zooms_pivots_and_refines() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = serve(folder.path(), &small(folder.path()));
    browser.open(&format!("{}/ui/flamegraph", server.url));
    browser.until("memprofFlame.boxes > 5");

    // Search: 70 % of the bytes are pushed.
    browser.click("#search");
    browser.type_text("push");
    browser.until("document.querySelector('#found').textContent === '70% matched'");
    // Zoom by a click on `parse`, the larger of main's two; out again by a key.
    browser.eval("window.middle = (name) => { const g = memprofFlame; const at = g.tree.frame.findIndex((f) => g.model.flame.sources[f].name === name); const p = g.place(at); const b = g.canvas.getBoundingClientRect(); return [b.left + p.left + p.wide / 2, b.top + p.top + 10]; }; 0");
    let place = browser.eval("middle('bench::parse')");
    browser.click_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap(), "left");
    browser.until("Math.abs(memprofFlame.view.width - 0.9) < 1e-9");
    browser.until("document.querySelector('.flame-details').textContent.includes('900 B/op')");
    browser.key("Escape");
    browser.until("memprofFlame.view.width === 1");
    // By keys: down to main, parse, push; P turns it to its callers: both parse and store.
    for key in ["ArrowDown", "ArrowDown", "ArrowDown", "P"] {
        browser.key(key);
    }
    browser.until("memprofFlame.callers && new URL(location.href).searchParams.get('p')");
    browser.until("memprofFlame.callers.children[memprofFlame.callers.children[0][0]].length === 2");
    assert_eq!(browser.eval("memprofFlame.tree.up[0]"), 7000);
    picture(&mut browser, "pivot", false);
    // The callers can be reached by keys, and left again.
    browser.key("ArrowUp");
    browser.until("memprofFlame.selected > 0 && memprofFlame.source(memprofFlame.selected).name === 'bench::parse'");
    browser.key("ArrowUp");
    browser.until("memprofFlame.source(memprofFlame.selected).name === 'bench::main'");
    browser.key("ArrowDown");
    browser.key("ArrowDown");
    browser.until("memprofFlame.selected === 0");
    browser.key("Escape");
    browser.until("!memprofFlame.callers");
    // The button and the address say what is shown.
    let inverted = |browser: &mut Browser, on: bool| {
        browser.until(&format!("document.querySelector('#invert').getAttribute('aria-pressed') === '{on}'"));
    };
    browser.click("#invert");
    browser.until("memprofFlame.tree.children[0].length === 2");
    inverted(&mut browser, true);
    browser.eval("memprofFlame.setPivot('^bench::parse$'); 0");
    browser.until("new URL(location.href).searchParams.get('p')");
    inverted(&mut browser, false);
    browser.click("#invert");
    browser.until("!new URL(location.href).searchParams.get('p') && memprofFlame.tree.children[0].length === 2");
    inverted(&mut browser, true);
    browser.click("#invert");
    inverted(&mut browser, false);
    // The menu of a frame leads to its source.
    let place = browser.eval("middle('bench::store')");
    browser.click_at(place[0].as_f64().unwrap(), place[1].as_f64().unwrap(), "right");
    browser.click("#frame-source");
    browser
        .until("location.pathname.endsWith('/source') && document.querySelector('h3').textContent === 'bench::store'");
    assert_eq!(browser.eval("document.querySelectorAll('tr.hot').length"), 1);

    // Enter in the search box focuses; the chip takes it away.
    browser.open(&format!("{}/ui/top", server.url));
    browser.click("#search");
    browser.type_text("store");
    browser.until("document.querySelectorAll('tr.match').length === 1");
    browser.key("Enter");
    browser.until("location.search === '?f=store' && document.querySelectorAll('tbody tr').length === 3");
    browser.click(".chip .remove");
    browser.until("location.search === '' && document.querySelectorAll('tbody tr').length === 5");
    // Sorting by name.
    browser.click("th:nth-child(6) button");
    browser.until("document.querySelector('tbody tr').dataset.name === 'alloc::fmt::format'");
    // The selection flows into Refine and View.
    browser.click("tr[data-name='bench::store'] td:nth-child(6)");
    browser.until("document.querySelector('tr.selected')");
    browser.click("#refine");
    browser.click("#refine-i");
    browser
        .until("location.search === '?i=%5Ebench%3A%3Astore%24' && document.querySelectorAll('tbody tr').length === 4");
    browser.click("#refine");
    browser.click("#reset");
    browser.until("location.search === '' && document.querySelectorAll('tbody tr').length === 5");
    browser.click("#sample");
    browser.click("#sampletype-alloc_objects");
    browser.until("location.search === '?si=alloc_objects' && document.querySelector('tbody td').textContent === '20'");
    browser.click("tr[data-name='bench::parse'] td:nth-child(6)");
    browser.until("document.querySelector('tr.selected')");
    browser.click("#view-peek");
    browser.until("location.pathname.endsWith('/peek') && location.search.includes('f=%5Ebench%3A%3Aparse%28') && location.search.includes('si=')");
    browser.until("document.querySelector('pre')?.textContent.includes('| bench::parse')");

    // A view is saved under a name that is markup, used, and deleted.
    browser.open(&format!("{}/ui/top?f=store", server.url));
    browser.click("#config");
    browser.click("#save-config");
    browser.until("document.querySelector('#save-name')");
    browser.click("#save-name");
    browser.type_text("<b>mine");
    browser.click("#save-confirm");
    browser.until("!document.querySelector('#save-dialog') && document.querySelector('#config')");
    browser.open(&format!("{}/ui/top", server.url));
    browser.click("#config");
    browser.until("[...document.querySelectorAll('#config-list .entry a')].some((e) => e.textContent === '<b>mine')");
    browser.click("#config-list .entry:last-of-type a");
    browser.until("location.search === '?f=store'");
    browser.click("#config");
    browser.click("#config-list .delete");
    browser.click("#delete-confirm");
    browser.until("!document.querySelector('#delete-dialog')");
    browser.open(&format!("{}/ui/graph", server.url));
    browser.click("#config");
    browser.until("document.querySelectorAll('#config-list .entry').length === 1");
    browser.key("Escape");
    // The graph: a box is selected, and leads on.
    browser.click(".box[data-name='bench::store']");
    browser.until("document.querySelector('.box.selected')");
    browser.click("#details");
    browser.until("document.querySelector('#detailsbox').textContent.includes('Type: alloc_space')");
    browser.is_content("all of it");
}

#[test]
fn a_hostile_profile_does_no_harm() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut profile = small(folder.path());
    let markup = "</script><script>window.harm=1</script><img src=x onerror=window.harm=2>";
    let long = format!("{markup}{}", "a::<b>(".repeat(150_000));
    let names = [markup, "{{islands}}", "__proto__", &long, "constructor"];
    for (function, name) in profile.functions.iter_mut().zip(names) {
        function.name = name.into();
        function.system_name = "x".into();
    }
    profile.functions[0].filename = "../../../../etc/passwd".into();
    profile.comments.push(long.as_str().into());
    profile.mappings[0].file = format!("/x/{markup}").into();
    profile.doc_url = "https://example.com/\"><script>window.harm=3</script>".into();
    for sample in &mut profile.samples {
        sample.labels.push(cargo_memprof::pprof::profile::Label::text(markup, long.as_str()));
    }
    let server = serve(folder.path(), &profile);
    for page in ["flamegraph", "graph", "top", "peek", "source"] {
        browser.open(&format!("{}/ui/{page}", server.url));
        browser.until("document.querySelector('main').children.length");
        browser.click("#details");
        assert!(browser.eval("window.harm").is_null(), "{page}");
        assert_eq!(browser.eval("document.querySelectorAll('img').length"), 0, "{page}");
        browser.is_content(page);
    }
    assert_eq!(browser.eval("document.body.innerText.includes('root:')"), false);
}

#[test]
fn a_tall_graph_opens_at_the_users_own_code() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
    let mut frame = |name: &str, file: &str| {
        let function = builder.function(name, "x", file, 0);
        builder.location(None, 0, vec![Line { function, line: 1, column: 0 }])
    };
    let harness: Vec<u32> = (0..40)
        .map(|at| frame(&format!("criterion::layer_{at}"), "/u/.cargo/registry/src/index/criterion-0.5.1/src/lib.rs"))
        .collect();
    let stack = [frame("bench::mine", "/w/benches/mine.rs")].into_iter().chain(harness).collect();
    builder.sample(stack, vec![100], vec![]);
    let server = serve(folder.path(), &builder.finish());
    browser.open(&format!("{}/ui/graph", server.url));
    browser.until("document.querySelectorAll('.box').length === 41");
    browser.until("(({ top, bottom }) => top > 0 && bottom < innerHeight && bottom - top > 20)(document.querySelector(`.box[data-name='bench::mine']`).getBoundingClientRect())");
    browser.is_content("the graph");
}

#[test]
fn four_thousand_stacks_are_drawn_at_once() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut builder = Builder::new(vec![ValueType::new("alloc_space", "bytes")]);
    let mut numbers = 1u64;
    let mut below = |bound: u64| {
        numbers = numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (numbers >> 33) % bound
    };
    let places: Vec<u32> = (0..2000)
        .map(|number| {
            let function = builder.function(
                &format!("krate{}::module{}::Type::method_{number}", number % 30, number % 200),
                "x",
                "/w/src/lib.rs",
                0,
            );
            builder.location(None, number + 1, vec![Line { function, line: 1, column: 0 }])
        })
        .collect();
    let mut stack: Vec<u32> = (0..25).map(|_| places[0]).collect();
    for _ in 0..4000 {
        let shared = below(25) as usize;
        stack[..25 - shared].iter_mut().for_each(|frame| *frame = places[below(2000) as usize]);
        builder.sample(stack.clone(), vec![100 + below(1000) as i64], vec![]);
    }
    let server = serve(folder.path(), &builder.finish());
    browser.open(&format!("{}/ui/flamegraph", server.url));
    browser.until("memprofFlame.boxes > 1000");
    let drawn = browser.eval("(() => { let best = 1e9; for (let i = 0; i < 12; i++) { const t = performance.now(); memprofFlame.model.trees.clear(); memprofFlame.widths.clear(); memprofFlame.show(); memprofFlame.canvas.getContext('2d').getImageData(0, 0, 1, 1); best = Math.min(best, performance.now() - t); } return best; })()");
    // Zooming into the widest frames and out again.
    let rate = "(async () => { const g = memprofFlame; let best = 0; for (let i = 0; i < 20 && best < 58; i++) { let node = 0; for (let d = 0; d < 1 + i % 3; d++) node = g.tree.children[node][0] ?? node; g.zoom(i % 2 ? 0 : node); await new Promise((done) => setTimeout(done, 400)); const f = g.frames; best = Math.max(best, (f.length - 1) / (f[f.length - 1] - f[0]) * 1000); } return best; })()";
    let rate = browser.eval(rate).as_f64().unwrap();
    let drawn = drawn.as_f64().unwrap();
    eprintln!("drawn in {drawn:.1} ms, {rate:.0} frames a second on zoom");
    // On a calm machine only.
    if std::env::var_os("MEMPROF_TEST_SLOW").is_some() {
        assert!(drawn < 100.0, "{drawn} ms");
        assert!(rate >= 50.0, "{rate} frames a second");
    }
    browser.is_content("a large one");
    picture(&mut browser, "large", false);
}
