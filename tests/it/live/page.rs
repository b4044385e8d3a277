//! The tool's own page of a running program, in a real Chromium (with MEMPROF_SCREENSHOTS pictures are left in that folder).

use serde_json::json;

use super::Live;
use crate::support::browser::Browser;
use crate::web_truth::access::axe;
use crate::support::{functions, sum};

#[test]
fn the_page_shows_the_program_and_its_end() {
    let Some(mut browser) = Browser::start() else { return };
    let axe = axe();
    let live = Live::start(&[]);
    live.does("leak?100");
    for (dark, width) in [(false, 1280), (true, 1280), (false, 400), (true, 400)] {
        browser.dark(dark);
        browser.window(width, 900);
        browser.open(&format!("{}/", live.pprof.url));
        browser.until("document.querySelector('.live-dot').dataset.state === 'live' && document.querySelector('.live-state').textContent === 'live'");
        browser.until("document.querySelectorAll('.live-number polyline').length === 5 && document.querySelectorAll('.live-card').length === 7");
        browser.until("![...document.querySelectorAll('.live-value')].some((value) => value.textContent === '–')");
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "wider than its window at {width}");
        if let Some(axe) = &axe {
            assert_eq!(browser.serious_findings(axe), json!([]), "dark: {dark}, {width}");
        }
        if let Some(folder) = std::env::var_os("MEMPROF_SCREENSHOTS").map(std::path::PathBuf::from) {
            let look = if dark { "dark" } else { "light" };
            browser.picture(&folder.join(format!("live-{look}-{width}.png")), true);
        }
    }
    // The lines move, and the newest value is the last one.
    let points = "document.querySelector('[data-plot=live_bytes] polyline').getAttribute('points')";
    let before = browser.eval(points);
    live.does("leak?10000");
    browser.until(&format!("{points} !== {before}"));
    browser.until("parseFloat(document.querySelector('[data-plot=live_bytes] .live-value').textContent) >= 10");
    browser.is_content("the page");
}

#[test]
fn cards_open_download_and_mark() {
    let Some(mut browser) = Browser::start() else { return };
    let live = Live::start(&[]);
    let downloads = tempfile::tempdir().unwrap();
    let into = json!({ "behavior": "allow", "downloadPath": downloads.path() });
    browser.call("Browser.setDownloadBehavior", into);
    live.does("leak?100");
    let home = format!("{}/", live.pprof.url);
    browser.open(&home);
    browser.until("document.querySelector('[data-kind=heap] button')");
    browser.click("[data-kind=heap] button");
    browser.until("document.querySelector('[data-kind=heap] [role=status]').textContent.includes('marked at')");
    live.does("leak?30");
    // Sessions in use by the profile that came: `kinds` are those of a heap.
    let sessions = |file: &str| {
        let path = downloads.path().join(file);
        let begun = std::time::Instant::now();
        while !path.is_file() {
            assert!(begun.elapsed().as_secs() < 60, "{file} never came");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let profile = cargo_memprof::pprof::profile::read(&std::fs::read(path).unwrap()).unwrap();
        sum(&profile, "inuse_space", |sample| functions(&profile, sample).any(|name| name.contains("remember_session")))
            / 1000
    };
    browser.click("[data-kind=heap] a[href='download/heap']");
    assert!((30..60).contains(&sessions("heap-since-mark.pb.gz")));
    browser.click("[data-kind=heap] a[download]");
    assert!((130..160).contains(&sessions("heap")));
    for (link, name) in [
        ("a[href='open/heap?since=mark']", "server::remember_session"),
        ("a.button[href='open/heap']", "server::remember_session"),
    ] {
        browser.click(&format!("[data-kind=heap] {link}"));
        browser.until("window.memprofFlame?.boxes > 0 && location.pathname.includes('/opened/')");
        let named = format!("memprofFlame.model.flame.sources.some(({{ name }}) => name === {})", json!(name));
        browser.until(&named);
        browser.open(&home);
        browser.until("document.querySelector('[data-kind=heap] button')");
        browser.click("[data-kind=heap] button");
        browser.until("document.querySelector('[data-kind=heap] [role=status]').textContent.includes('marked at')");
        live.does("leak?10");
    }
    for kind in ["allocs", "block", "mutex", "goroutine", "threadcreate", "profile"] {
        browser.click(&format!("[data-kind={kind}] a.button[href='open/{kind}']"));
        browser.until("location.pathname.includes('/opened/') && document.querySelector('canvas, main')");
        browser.open(&home);
        browser.until("document.querySelector('[data-kind=heap] button')");
    }
    browser.is_content("the cards");
}

/// Live, paused and lost.
#[test]
fn the_dot_says_how_the_program_is() {
    let Some(mut browser) = Browser::start() else { return };
    let live = Live::start(&[]);
    browser.open(&format!("{}/", live.pprof.url));
    let is = |state: &str| {
        format!(
            "document.querySelector('.live-dot')?.dataset.state === '{state}' && document.querySelector('.live-state').textContent === '{state}'"
        )
    };
    browser.until(&is("live"));
    let pid = browser.eval("JSON.parse(document.getElementById('live-data').textContent).pid").to_string();
    let signal = |name: &str| {
        assert!(std::process::Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    signal("-STOP");
    browser.until(&is("paused"));
    signal("-CONT");
    browser.until(&is("live"));
    browser.is_content("until here");
    signal("-KILL");
    browser.until(&is("lost"));
}
