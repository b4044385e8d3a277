//! The report as a file, and the last run as it is served.

use std::path::{Path, PathBuf};

use super::picture;
use crate::support::browser::Browser;
use crate::support::web::Server;
use crate::support::{fixture, lock, target_dir, tool};

/// The report of fixtures/buffer_write, as a file.
fn report(folder: &Path) -> PathBuf {
    let _lock = lock();
    let run = |words: &[&str]| {
        let mut command = tool(&fixture("buffer_write"));
        let output = command.args(words).arg("--target-dir").arg(target_dir()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["run", "-benchtime=1s", "-count=1"]);
    let path = folder.join("report.html");
    assert_eq!(run(&["report", "-o", path.to_str().unwrap()]).trim(), path.to_str().unwrap());
    let text = run(&["report", "--text"]);
    assert!(
        text.contains("buffer_write/pooled") && text.contains("allocs/op") && text.contains(" samples\n"),
        "{text}"
    );
    path
}

#[test]
fn the_report_opens_from_disk() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = report(folder.path());
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 1_000_000, "{size} bytes");
    let address = format!("file://{}", path.display());
    for (dark, width) in [(false, 1280), (true, 1280), (false, 420), (true, 420)] {
        let name = |what: &str| format!("report-{what}-{}-{width}", if dark { "dark" } else { "light" });
        browser.dark(dark);
        browser.window(width, 900);
        browser.open(&address);
        // Pooled beside unpooled, at a glance.
        browser.until("document.querySelectorAll('.card .measured .beam').length === 6");
        let card = browser.eval("document.querySelector('.card').innerText").as_str().unwrap().to_owned();
        assert!(card.contains("unpooled") && card.contains("pooled") && card.contains("allocs/op"), "{card}");
        assert_eq!(browser.eval("document.querySelectorAll('#benchmarks tbody tr').length"), 2);
        picture(&mut browser, &name("overview"), true);
        for view in ["memory", "cpu", "difference", "samples"] {
            // Not the graph of the view before.
            browser.eval(&format!("window.memprofFlame = null; location.hash = '1/{view}'; 0"));
            browser.until(&format!("document.querySelector('#view-{view}[aria-current]')"));
            browser.until(match view {
                "samples" => "document.querySelectorAll('circle').length > 5",
                "cpu" => {
                    "window.memprofFlame?.boxes > 2 || document.querySelector('.empty')?.textContent.startsWith('No CPU sample')"
                }
                _ => "window.memprofFlame?.boxes > 2",
            });
            picture(&mut browser, &name(view), true);
            let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
            assert_eq!(wide, 0, "{view} at {width} is wider than its window");
        }
        browser.is_content("the report");
    }
    browser.window(1280, 900);
    // Values per operation: the pooled variant has one buffer.
    browser.eval("location.hash = '1/memory'; 0");
    browser.until("document.querySelector('.profile .whole')?.textContent.startsWith('1,024 B/op')");
    browser.click("[data-type=alloc_objects]");
    browser.until("document.querySelector('.profile .whole').textContent.startsWith('1/op')");
    browser.until(
        "[...document.querySelectorAll('.function h3')].some((e) => e.textContent.includes('generate_random_data'))",
    );
    browser.click(".flame-search");
    browser.type_text("generate_random");
    browser.until("document.querySelector('.found').textContent === '100% matched'");
    // The difference: less than the unpooled one, so it is blue.
    browser.eval("location.hash = '1/difference'; 0");
    browser.until("document.querySelector('.profile .whole .shrinks')?.textContent.startsWith('−')");
    // The table sorts.
    browser.eval("location.hash = ''; 0");
    browser.until("document.querySelector('#benchmarks')");
    let first = "document.querySelector('#benchmarks tbody tr').dataset.name";
    browser.click("#benchmarks th:nth-child(5) button");
    assert!(browser.eval(first).as_str().unwrap().ends_with("/unpooled"));
    browser.click("#benchmarks th:nth-child(5) button");
    assert!(browser.eval(first).as_str().unwrap().ends_with("/pooled"));
    browser.is_content("the report");
    // Paper gets the colours that say something.
    browser.eval("location.hash = ''; 0");
    browser.until("document.querySelector('.beam')");
    browser.call("Emulation.setEmulatedMedia", serde_json::json!({ "media": "print" }));
    browser.until("getComputedStyle(document.querySelector('.beam')).printColorAdjust === 'exact'");
    let print = browser.call("Page.printToPDF", serde_json::json!({}));
    assert!(print["data"].as_str().unwrap().len() > 10_000);
}

#[test]
fn the_last_run_is_served_with_all_its_benchmarks() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    report(folder.path());
    let _lock = lock();
    let mut command = tool(&fixture("buffer_write"));
    command
        .args(["report", "-http=:0", "-no_browser"])
        .arg("--target-dir")
        .arg(target_dir())
        .env("HOME", folder.path());
    let server = Server::start(&mut command);
    browser.open(&format!("{}/", server.url));
    browser.until("document.querySelectorAll('#benchmarks tbody tr').length === 2");
    browser.click("#benchmarks tbody tr:first-child a");
    browser.until("document.querySelector('#view-memory') && memprofFlame.boxes > 2");
    browser.click("#pages-mem");
    browser.until("location.pathname === '/p/0/mem/ui/flamegraph' && memprofFlame.boxes > 2");
    browser.click(".segmented a:nth-child(2)");
    browser.until("location.pathname === '/p/0/cpu/ui/flamegraph'");
    browser.click(".brand");
    browser.until("location.pathname === '/' && document.querySelector('#benchmarks')");
    browser.is_content("the run");
    assert_eq!(server.get("/p/7/mem/ui/top").status, 404);
    assert_eq!(server.get("/benchmark/2.json").status, 404);
}
