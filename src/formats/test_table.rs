//! The counts of tests.

use std::collections::HashMap;

use super::View;
use super::columns::aligned;
use crate::results::lines::Run;
use crate::results::names::{self, one_line};
use crate::results::notation::grouped;
use crate::results::tests::{TestFinished, TestMemory};

/// The cells of the table, the head's first; those that allocate most before the others. No rows if no test has numbers.
pub fn cells(run: &Run, view: &View) -> Vec<Vec<String>> {
    let mut rows: Vec<(&TestFinished, &TestMemory)> =
        run.tests.iter().filter_map(|test| Some((test, test.memory.as_ref()?))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    rows.sort_by(|(a, x), (b, y)| (y.bytes, y.allocs, &a.name).cmp(&(x.bytes, x.allocs, &b.name)));
    let full: Vec<&str> = run.tests.iter().map(|test| test.name.as_str()).collect();
    let ids: Vec<&str> = run.tests.iter().map(|test| test.id.as_str()).collect();
    let short: HashMap<&str, String> = full.iter().copied().zip(names::shortest(&full, &ids)).collect();
    let base = view.base.as_ref().map(|base| {
        let memories = base.run.tests.iter().map(|test| (test.name.as_str(), test.memory.as_ref()));
        (&base.label, memories.collect::<HashMap<_, _>>())
    });
    let mut head = ["test", "allocs", "bytes", "peak B", "live blocks", "live B"].map(str::to_owned).to_vec();
    head.extend(base.iter().map(|(label, _)| format!("vs {}", one_line(label))));
    let mut cells = vec![head];
    for (test, memory) in rows {
        let number = |value: u64| grouped(&value.to_string());
        let mut row = vec![
            one_line(&short[test.name.as_str()]).into_owned(),
            ranged(memory.allocs_range()),
            ranged(memory.bytes_range()),
            number(memory.peak_bytes),
            number(memory.live_blocks),
            number(memory.live_bytes),
        ];
        let versus = |was: Option<&TestMemory>| was.map_or_else(|| "new".to_owned(), |was| changes(was, memory));
        row.extend(base.iter().map(|(_, base)| versus(base.get(test.name.as_str()).copied().flatten())));
        cells.push(row);
    }
    cells
}

/// The table for people; empty if no test has numbers.
pub fn table(run: &Run, view: &View) -> String {
    aligned(&cells(run, view), view.base.is_some()).iter().map(|line| format!("{line}\n")).collect()
}

fn ranged([least, most]: [u64; 2]) -> String {
    let (low, high) = (grouped(&least.to_string()), grouped(&most.to_string()));
    if least == most { low } else { format!("{low}–{high}") }
}

/// `−1,984 B  −5 allocs`: equal numbers are left out; what may differ by chance has `(~)` behind it.
fn changes(from: &TestMemory, to: &TestMemory) -> String {
    let change = |from: u64, to: u64, [a, b]: [[u64; 2]; 2], unit: &str| {
        let sign = if to > from { "+" } else { "" };
        let chance = if a[1] < b[0] || b[1] < a[0] { "" } else { " (~)" };
        let unit = if unit == "allocs" && to.abs_diff(from) == 1 { "alloc" } else { unit };
        (from != to).then(|| format!("{sign}{} {unit}{chance}", grouped(&(to as i128 - from as i128).to_string())))
    };
    let bytes = change(from.bytes, to.bytes, [from.bytes_range(), to.bytes_range()], "B");
    let allocs = change(from.allocs, to.allocs, [from.allocs_range(), to.allocs_range()], "allocs");
    let all: Vec<String> = bytes.into_iter().chain(allocs).collect();
    if all.is_empty() { "same".to_owned() } else { all.join("  ") }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::results::lines::Base;
    use crate::results::tests::Outcome;

    fn test(name: &str, allocs: u64, bytes: u64, range: Option<[u64; 2]>) -> TestFinished {
        let memory = TestMemory { allocs, bytes, allocs_range: range, exact: range.is_none(), ..TestMemory::default() };
        let id = name.rsplit('/').next().unwrap().to_owned();
        TestFinished {
            name: name.to_owned(),
            id,
            outcome: Outcome::Ok,
            memory: Some(memory),
            ..TestFinished::default()
        }
    }

    #[test]
    fn the_heaviest_comes_first_and_names_are_short() {
        let tests =
            vec![test("p/lib/a", 1, 8, None), test("p/api/b", 12, 4096, Some([12, 15])), test("p/api/a", 0, 0, None)];
        let base = vec![test("p/lib/a", 3, 2000, None), test("p/api/b", 11, 4096, Some([11, 12]))];
        let run = Run { tests, ..Run::default() };
        assert_eq!(cells(&run, &View::default())[1][..3], ["b", "12–15", "4,096"]);
        let of_base =
            Base { label: "main".to_owned(), run: Run { tests: base, ..Run::default() }, root: PathBuf::new() };
        let view = View { base: Some(of_base), ..View::default() };
        let lines = table(&run, &view);
        let ends: Vec<&str> = lines.lines().map(|line| line.rsplit("   ").next().unwrap().trim()).collect();
        assert!(lines.lines().nth(2).unwrap().starts_with("lib/a "), "{lines}");
        assert!(ends[1].ends_with("+1 alloc (~)") && ends[2].ends_with("−1,992 B  −2 allocs"), "{lines}");
        assert!(ends[3].ends_with("new"), "{lines}");
        assert_eq!(table(&Run::default(), &View::default()), "");
    }
}
