//! The tool's own page of a running program, in a real Chromium.

use serde_json::json;

use super::Live;
use crate::support::browser::Browser;
use crate::support::{functions, sum};

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
