//! How the report looks and is moved in: its address, many benchmarks, narrow windows, contrast, odd names and numbers.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Made, Row, cpu, heap, picture, row, text};
use crate::support::browser::Browser;

/// Everything that one does to a view is in its address, and comes back.
#[test]
fn a_view_survives_reload_and_back() {
    let Some(mut browser) = Browser::start() else { return };
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::a", "p::b"], 100), (&["main", "p::c"], 50)];
    let made =
        Made::new(&[Row { mem: Some(heap(0x1000, stacks)), ..row("g/a", 100.0, 150.0) }, row("g/b", 10.0, 5.0)], None);
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/memory");
    browser.until("window.memprofFlame?.boxes > 0");
    browser.click("[data-type=alloc_objects]");
    browser.eval("memprofFlame.zoom(memprofFlame.tree.children[memprofFlame.tree.children[0][0]][0]); 0");
    browser.click("#toptable th:nth-child(6) button");
    // `/` is the way to the search box.
    browser.eval("document.activeElement.blur(); 0");
    browser.key("/");
    browser.until("document.activeElement.classList.contains('flame-search')");
    browser.type_text("p::b");
    browser.until("location.hash.includes('q=')");
    let zoomed = browser.eval("memprofFlame.source(memprofFlame.zoomed).name");
    let state = |browser: &mut Browser| {
        browser.until("window.memprofFlame?.boxes > 0 && document.querySelector('.found').textContent");
        browser.eval("[memprofFlame.model.column.kind, memprofFlame.source(memprofFlame.zoomed).name, document.querySelector('.flame-search').value, document.querySelector('#toptable [aria-sort]').textContent, memprofFlame.isInverted, memprofFlame.pivot && memprofFlame.pivot.text]")
    };
    let before = state(&mut browser);
    assert_eq!(before, json!(["alloc_objects", zoomed, "p::b", "Name", false, null]));
    browser.eval("window.memprofFlame = null; location.reload(); 0");
    assert_eq!(state(&mut browser), before);
    browser.eval("memprofFlame.setInverted(true); 0");
    browser.eval("memprofFlame.setPivot('^p::a$'); 0");
    browser.eval("window.memprofFlame = null; location.reload(); 0");
    browser.until("window.memprofFlame?.pivot?.text === '^p::a$'");
    browser.eval("setTimeout(() => history.back()); 0");
    browser.until("!memprofFlame.pivot && memprofFlame.isInverted");
    browser.eval("setTimeout(() => history.back()); 0");
    browser.until("!memprofFlame.isInverted && memprofFlame.source(memprofFlame.zoomed).name !== 'root'");
    assert_eq!(browser.eval("memprofFlame.source(memprofFlame.zoomed).name"), before[1]);
    // From one benchmark to the next the focus goes to what is new.
    browser.eval("location.hash = '#p%2Ft%2Fg%2Fb'; 0");
    browser.until("document.activeElement.tagName === 'H2' && document.activeElement.textContent === 'g/b'");
    browser.eval("location.hash = ''; 0");
    browser.until("document.activeElement.id === 'main' && document.querySelector('#filter')");
    browser.eval("document.activeElement.blur(); 0");
    browser.key("/");
    browser.type_text("/b$");
    browser.until("document.querySelectorAll('#benchmarks tbody tr').length === 1 && location.hash.includes('q=')");
    browser.is_content("the report");
}

fn many() -> Vec<Row> {
    let long: &'static str = Box::leak(format!("long/{}", "very_".repeat(40)).into_boxed_str());
    let names = (0..173).map(|at| Box::leak(format!("group_{}/variant_{at}", at / 6).into_boxed_str()) as &'static str);
    names.chain([long]).zip(1..).map(|(name, at)| row(name, f64::from(at) * 10.0, f64::from(at))).collect()
}

#[test]
fn many_benchmarks_are_a_table_first() {
    let Some(mut browser) = Browser::start() else { return };
    let made = Made::new(&many(), None);
    for (dark, width) in [(false, 1800), (false, 1280), (true, 1280), (false, 400), (true, 400)] {
        browser.dark(dark);
        browser.window(width, 900);
        made.open(&mut browser, "");
        browser.until("document.querySelectorAll('#benchmarks tbody tr').length > 174");
        let first = browser.eval("document.querySelector('#benchmarks').getBoundingClientRect().top < (document.querySelector('.card')?.getBoundingClientRect().top ?? 1e9)");
        assert_eq!(first, true);
        let wide = browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wide, 0, "wider than its window at {width}");
        browser.until("document.querySelector('.card .beam')");
        assert_eq!(browser.eval(OVER_BARS), json!([]), "at {width}");
        if width > 1000 {
            browser.eval("window.scrollTo(0, 3000); 0");
            browser.until("Math.abs(document.querySelector('#benchmarks th').getBoundingClientRect().top) < 1");
            browser.eval("window.scrollTo(0, 0); 0");
        }
        if let Some(folder) = std::env::var_os("MEMPROF_SCREENSHOTS").map(PathBuf::from) {
            browser.picture(&folder.join(format!("many-{}-{width}.png", if dark { "dark" } else { "light" })), false);
        }
    }
    // A group folds, and the filter leaves what matches.
    browser.window(1280, 900);
    browser.click("#benchmarks .group button");
    let folded = "document.querySelectorAll('#benchmarks [data-name]').length === 168";
    browser.until(folded);
    // Folded it stays, after a reload and on the way back.
    browser.eval("window.isOld = true; location.reload(); 0");
    browser.until(&format!("!window.isOld && {folded}"));
    browser.eval("location.hash = '#p%2Ft%2Fgroup_3%2Fvariant_18'; 0");
    browser.until("document.querySelector('h2.benchmark')");
    browser.eval("setTimeout(() => history.back()); 0");
    browser.until(folded);
    browser.click("#filter");
    browser.type_text("group_2./variant_1[67]\\d$");
    browser.until("document.querySelectorAll('#benchmarks [data-name]').length === 13");
    browser.is_content("the report");
}

/// In a narrow window a name has a line of its own, and its numbers stand beneath.
#[test]
fn narrow_windows_show_names_first() {
    let Some(mut browser) = Browser::start() else { return };
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::a"], 100), (&["main", "p::c"], 50)];
    let made =
        Made::new(&[Row { mem: Some(heap(0x1000, stacks)), ..row("g/a", 100.0, 150.0) }, row("g/b", 10.0, 5.0)], None);
    browser.window(400, 900);
    // Each row's name, and the numbers that do not stand beneath it.
    let beside = |rows: &str, name: &str, numbers: &str| {
        format!(
            "[...document.querySelectorAll('{rows}')].map((row) => {{ const name = row.querySelector('{name}'); const end = name.getBoundingClientRect().bottom; return [name.innerText, [...row.querySelectorAll('{numbers}')].filter((one) => one.getBoundingClientRect().top < end - 1).map((one) => one.innerText)]; }})"
        )
    };
    made.open(&mut browser, "#p%2Ft%2Fg%2Fa/memory");
    browser.until("window.memprofFlame?.boxes > 0");
    let functions = browser.eval(&beside("#toptable tbody tr", "td.name", "td.number"));
    assert_eq!(functions, json!([["p::a", []], ["p::c", []], ["main", []]]));
    assert_eq!(browser.eval(OVER_BARS), json!([]));
    made.open(&mut browser, "");
    let rows = browser.eval(&beside("#benchmarks tbody tr", "td.name", "td.number"));
    assert_eq!(rows, json!([["g/a", []], ["g/b", []]]));
    let cards = browser.eval("[...document.querySelectorAll('.names .measured')].map((name, at) => [...document.querySelectorAll('.measure:not(.names)')].map((one) => Math.round(one.querySelectorAll('.measured')[at].getBoundingClientRect().top - name.getBoundingClientRect().bottom)).every((gap) => gap >= 0 && gap < 20))");
    assert_eq!(cards, json!([true, true]));
    browser.is_content("the report");
}

/// WCAG's contrast of texts on what is behind them, in the canvas, too.
#[test]
fn texts_can_be_read() {
    let Some(mut browser) = Browser::start() else { return };
    let stacks: &[(&[&str], i64)] = &[(&["main", "p::a", "std::b", "serde::c"], 100), (&["main", "calloc"], 50)];
    let side = |bytes: i64| Row {
        mem: Some(heap(0x1000, &[(stacks[0].0, bytes), (stacks[1].0, 50)])),
        ..row("g/a", bytes as f64, bytes as f64)
    };
    let made = Made::new(&[side(100), row("g/b", 10.0, 5.0)], Some(&[side(70), row("g/b", 20.0, 9.0)]));
    for dark in [false, true] {
        browser.dark(dark);
        for hash in ["", "#p%2Ft%2Fg%2Fa/memory", "#p%2Ft%2Fg%2Fa/samples", "#p%2Ft%2Fg%2Fa/difference"] {
            made.open(&mut browser, hash);
            browser.until("document.querySelector('.overview, .profile .flame-details strong, .plot')");
            let low: Value = browser.eval(CONTRAST);
            assert_eq!(low, json!([]), "{hash} dark: {dark}");
        }
        let colors = "(() => { const { COLORS } = memprofFlame.constructor; const low = []; const seen = ['own', 'dependency', 'std', undefined]; for (const origin of seen) for (const pale of [false, true]) for (let at = 0; at < 300; at++) low.push(COLORS.sourceColor({ origin, name: `m${at}::f${at * 7}` }, memprofFlame.isDark, pale)); for (let part = -1; part <= 1; part += 0.05) for (const pale of [false, true]) low.push(COLORS.changeColor(part, memprofFlame.isDark, pale)); const text = getComputedStyle(document.documentElement).getPropertyValue('--flame-text').trim(); return low.filter((color) => contrast(rgb(text), rgb(color)) < 4.5); })()";
        assert_eq!(browser.eval(colors), json!([]), "dark: {dark}");
    }
    browser.is_content("the report");
}

/// Texts with less than 4.5 (3 where they are large), and leaves `rgb` and `contrast` behind.
const CONTRAST: &str = r"(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  window.rgb = (color) => { context.clearRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1); return [...context.getImageData(0, 0, 1, 1).data]; };
  const light = (color) => { const [r, g, b] = color.map((c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  window.contrast = (a, b) => { const [x, y] = [light(a.slice(0, 3)), light(b.slice(0, 3))]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const behind = (element) => { for (let at = element; at; at = at.parentElement) { const color = rgb(getComputedStyle(at).backgroundColor); if (color[3] === 255) return color; } return [255, 255, 255, 255]; };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest('script, svg, option, .disabled')) continue;
    const style = getComputedStyle(element);
    const large = parseFloat(style.fontSize) >= 24;
    const found = contrast(rgb(style.color), behind(element));
    if (found < (large ? 3 : 4.5)) low.push(`${walker.currentNode.textContent.slice(0, 30)} ${found.toFixed(2)} ${element.className}`);
  }
  return low;
})()";

/// Texts that reach into the bar beside them or beneath them.
pub const OVER_BARS: &str = r"[...document.querySelectorAll('.bar, .beam')].filter((bar) => bar.checkVisibility()).flatMap((bar) => {
  const [a, over] = [bar.getBoundingClientRect(), []];
  const walker = document.createTreeWalker(bar.closest('td, .measured'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const meets = (b) => b.width && b.left < a.right - 1 && b.right > a.left + 1 && b.top < a.bottom - 2 && b.bottom > a.top + 2;
    if ([...range.getClientRects()].some(meets)) over.push(walker.currentNode.textContent);
  }
  return over;
})";

/// Elements that reach beyond the window, where one can scroll there.
pub const BEYOND: &str = "document.documentElement.scrollWidth > document.documentElement.clientWidth ? [`the page is ${document.documentElement.scrollWidth} wide`, ...[...document.querySelectorAll('body *')].filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)] : []";

#[test]
fn odd_names_and_numbers_do_no_harm() {
    let Some(mut browser) = Browser::start() else { return };
    let long: &'static str = Box::leak(format!("g/{}", "x".repeat(200)).into_boxed_str());
    let ids = [long, "g/<img src=x onerror=window.harm=1>", "g/שלום עולם", "g/🦀🚀", "g/zero", "g/huge"];
    let mut rows: Vec<Row> = ids.into_iter().map(|id| row(id, 0.3, 0.3)).collect();
    (rows[4].bytes, rows[5].bytes, rows[5].ns) = (0.0, 1e15, 1e15);
    for (row, stack) in
        rows.iter_mut().zip([&["main", "p::f"][..], &["", ""], &["שלום"], &["🦀"], &["main"], &["main"]])
    {
        row.mem = Some(heap(0x1000, &[(stack, if row.id == "g/zero" { 0 } else { 3 })]));
        row.cpu = Some(cpu(&[]));
    }
    let made = Made::new(&rows, Some(&[row("other/a", 1.0, 1.0)]));
    made.report(&["-o", "report.html"]);
    let server = made.serve();
    // As a file, and on the server.
    let forms = [format!("file://{}", made.folder.path().join("report.html").display()), format!("{}/", server.url)];
    for (form, (width, dark)) in forms.iter().flat_map(|form| [(form, (1280, false)), (form, (400, true))]) {
        browser.window(width, 900);
        browser.dark(dark);
        for at in 0..=rows.len() {
            for view in ["", "/memory", "/cpu", "/samples"].into_iter().take(if at == rows.len() { 1 } else { 4 }) {
                browser.open("about:blank?");
                browser.open(&if at == rows.len() { form.clone() } else { format!("{form}#{at}{view}") });
                browser.until("document.querySelector('main')?.children.length && !document.body.innerText.includes('One moment')");
                assert_eq!(browser.eval(BEYOND), json!([]), "{at}{view} at {width}");
            }
        }
        if width > 1000 {
            // A name from right to left stays before its numbers, long names beside theirs, and no unit hides the small.
            let order = browser.eval("(() => { const link = [...document.querySelectorAll('#changed a')].find((one) => one.textContent.includes('שלום')); return link.getBoundingClientRect().right <= link.nextSibling.getBoundingClientRect().left + 1; })()");
            assert_eq!(order, true);
            let apart = browser.eval("(() => { const [names, first] = [...document.querySelectorAll('.measure')].map((one) => [...one.querySelectorAll('.measured')].map((row) => row.getBoundingClientRect().top)); return names.map((top, at) => Math.round(top - first[at])); })()");
            assert_eq!(apart, json!([0, 0, 0, 0, 0, 0]));
            assert!(text(&mut browser, ".card").contains("µs/op\n0.00030"), "{}", text(&mut browser, ".card"));
        }
        assert!(browser.eval("window.harm").is_null());
        let body = text(&mut browser, "body");
        assert!(body.contains("1,000,000,000,000,000") && body.contains("0.3") && body.contains("New (6)"), "{body}");
        // Not one of the other run's benchmarks is here.
        assert!(body.contains("Gone (1)") && body.contains("p/t/other/a"), "{body}");
        picture(&mut browser, &format!("odd-{width}"));
    }
    browser.is_content("the report");
}

/// Nothing allocates, and nothing was sampled more than once.
#[test]
fn zeros_and_one_sample_are_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let nothing = |id| Row { spread: None, mem: Some(heap(0x1000, &[])), cpu: Some(cpu(&[])), ..row(id, 5.0, 0.0) };
    let made = Made::new(&[nothing("g/a"), nothing("g/b")], Some(&[nothing("g/a"), nothing("g/b")]));
    let results = made.folder.path().join("target/memprof/results.jsonl");
    let text_of = std::fs::read_to_string(&results).unwrap().replace("\"allocs_per_op\":1.0", "\"allocs_per_op\":0.0");
    std::fs::write(results, text_of).unwrap();
    made.report(&["-o", "report.html"]);
    let server = made.serve();
    for form in [format!("file://{}", made.folder.path().join("report.html").display()), format!("{}/", server.url)] {
        browser.open("about:blank?");
        browser.open(&form);
        browser.until("document.querySelectorAll('#benchmarks tbody tr').length === 2");
        let row = text(&mut browser, "#benchmarks tbody tr");
        assert!(row.contains("g/a") && row.contains("5.000") && !row.contains("NaN"), "{row}");
        for (view, said) in [
            ("memory", "Nothing was allocated."),
            ("cpu", "No CPU sample fell into this benchmark"),
            ("samples", "1 sample, in the order"),
        ] {
            browser.eval(&format!("location.hash = '0/{view}'; 0"));
            browser.until(&format!("document.querySelector('.content')?.textContent.includes('{said}')"));
        }
        let body = text(&mut browser, "body");
        assert!(!body.contains("NaN") && !body.contains("undefined") && !body.contains("Infinity"), "{body}");
    }
    browser.is_content("the report");
}

/// A profile of nothing but addresses.
#[test]
fn a_profile_without_names_is_shown() {
    let Some(mut browser) = Browser::start() else { return };
    let mut nameless = heap(0x1000, &[(&["main", "p::f"], 64), (&["main", "p::g"], 32)]);
    nameless.locations.iter_mut().for_each(|location| location.lines.clear());
    nameless.functions.clear();
    let made = Made::new(&[Row { mem: Some(nameless), ..row("g/a", 100.0, 96.0) }], None);
    made.report(&["-o", "report.html"]);
    let server = made.serve();
    let file = format!("file://{}", made.folder.path().join("report.html").display());
    for form in [&file, &format!("{}/", server.url)] {
        browser.open("about:blank?");
        browser.open(&format!("{form}#0/memory"));
        browser.until("window.memprofFlame && document.querySelector('.profile .whole')");
        assert!(text(&mut browser, ".profile .whole").starts_with("96 B/op"));
        assert!(text(&mut browser, "#toptable tbody tr").contains("<unknown>"));
        let body = text(&mut browser, "body");
        assert!(!body.contains("undefined") && !body.contains("NaN"), "{body}");
    }
    for page in ["flamegraph", "graph", "top"] {
        browser.open(&format!("{}/p/0/mem/ui/{page}", server.url));
        browser.until("document.querySelector('main')?.children.length");
    }
    // Where there is nothing to list, that is said.
    assert_eq!(server.get("/p/0/mem/ui/source?f=nothing").status, 400);
    browser.is_content("the pages");
}

#[test]
fn growth_with_the_input_is_drawn_as_lines() {
    let Some(mut browser) = Browser::start() else { return };
    let ids = ["g/boxed/10", "g/boxed/100", "g/boxed/1000", "g/vec/10", "g/vec/100", "g/vec/1000"];
    let numbers = [10.0, 1000.0, 100_000.0, 10.0, 100.0, 1000.0];
    let rows: Vec<Row> = ids.into_iter().zip(numbers).map(|(id, n)| row(id, n, n)).collect();
    Made::new(&rows, None).open(&mut browser, "");
    // Time, bytes, calls; a line a variant; on both axes a tenfold is as long.
    let points = browser.eval("[...document.querySelectorAll('.small-plots svg')].map((plot) => [...plot.querySelectorAll('polyline')].map((line) => line.getAttribute('points').split(' ').map((point) => point.split(',').map(Number))))");
    let plots = points.as_array().unwrap();
    assert!(plots.len() == 3 && plots.iter().all(|plot| plot.as_array().unwrap().len() == 2), "{points}");
    let y = |plot: usize, line: usize, at: usize| points[plot][line][at][1].as_f64().unwrap();
    let steps = [y(1, 0, 0) - y(1, 0, 1), y(1, 0, 1) - y(1, 0, 2), 2.0 * (y(1, 1, 0) - y(1, 1, 1))];
    assert!(steps.iter().all(|step| (step - steps[0]).abs() < 0.5 && *step > 10.0), "{steps:?}");
    picture(&mut browser, "growth");
    browser.is_content("the report");
}
