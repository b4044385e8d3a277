//! The pages of `pprof -http` carry the same data as pprof's own pages: the cases of a folder (`MEMPROF_WEB_KIT`), each a
//! profile, a query and the data of its pages. Without the folder it says so and checks nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::web::{Answer, Server};
use serde_json::{Value, json};

fn kit() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/kit/web-dev");
    let named = std::env::var_os("MEMPROF_WEB_KIT").map(|kit| std::path::absolute(kit).unwrap());
    let is_named = named.is_some();
    let kit = named.unwrap_or(beside);
    if kit.join("cases.json").is_file() {
        return Some(kit);
    }
    assert!(!is_named, "MEMPROF_WEB_KIT: there is no cases.json in {}", kit.display());
    eprintln!("SKIPPED: no cases; set MEMPROF_WEB_KIT to the folder with cases.json");
    None
}

#[test]
fn web_kit() {
    let Some(kit) = kit() else { return };
    let all: Value = serde_json::from_slice(&std::fs::read(kit.join("cases.json")).unwrap()).unwrap();
    let cases = all["cases"].as_array().unwrap();
    let profiles: BTreeSet<&str> = cases.iter().map(|case| case["profile"].as_str().unwrap()).collect();
    let home = tempfile::tempdir().unwrap();
    let (mut checked, mut wrong) = (0, Vec::new());
    let mut check = |name: String, got: Value, expected: &Value| {
        checked += 1;
        if got != *expected {
            let (expected, got) = (expected.to_string(), got.to_string());
            let same = expected.chars().zip(got.chars()).take_while(|(a, b)| a == b).count().saturating_sub(200);
            let part = |text: &str| text.chars().skip(same).take(600).collect::<String>();
            wrong.push(format!("{name}\n  expected … {}\n  got      … {}", part(&expected), part(&got)));
        }
    };
    for profile in &profiles {
        let argv = all["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
        command.args(["pprof", "-symbolize=none"]).args(argv).args(["-no_browser", "-http=localhost:0", profile]);
        command.current_dir(kit.join(all["cwd"].as_str().unwrap()));
        command.env("TZ", "UTC").env("HOME", home.path()).env_remove("XDG_CONFIG_HOME");
        let server = Server::start(&mut command);
        for case in cases.iter().filter(|case| case["profile"] == **profile) {
            let id = case["id"].as_str().unwrap();
            let page = |path: &str| server.get(&format!("/ui/{path}?{}", case["query"].as_str().unwrap()));
            for (kind, path) in [("top", "top"), ("flame", "flamegraph"), ("peek", "peek"), ("source", "source")] {
                let Some(file) = case[kind].as_str() else { continue };
                let expected = serde_json::from_slice(&std::fs::read(kit.join(file)).unwrap()).unwrap();
                check(format!("{id} {kind}"), carried(kind, &page(path)), &expected);
            }
            if case["top"].is_string() {
                let legend = page("top");
                let got = if legend.status == 200 { legend.data()["legend"].clone() } else { Value::Null };
                check(format!("{id} legend"), got, &case["legend"]);
            }
        }
        if all["requests_profile"] == **profile {
            for request in all["requests"].as_array().unwrap() {
                let path = request["path"].as_str().unwrap();
                let answer = server.get(path);
                let got = json!([answer.status, answer.header("location")]);
                check(format!("request {path}"), got, &json!([request["status"], request["location"]]));
            }
        }
    }
    assert!(checked > 0, "no cases in {}", kit.display());
    assert!(wrong.is_empty(), "{} of {checked} differ:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{checked} checked");
}

/// The page's data in the form of the cases.
fn carried(kind: &str, answer: &Answer) -> Value {
    if answer.status != 200 {
        return json!({ "status": answer.status, "text": answer.text().trim() });
    }
    let data = &answer.data()["data"];
    match kind {
        "top" => top(data),
        "flame" => flame(data),
        "peek" => Value::from(data["text"].as_str().unwrap().trim()),
        _ => source(data),
    }
}

fn top(data: &Value) -> Value {
    let mut items: Vec<Value> = data["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!({ "Name": row["name"], "InlineLabel": row["inline"], "Flat": row["flat"], "Cum": row["cum"],
                    "FlatFormat": row["flat_text"], "CumFormat": row["cum_text"] })
        })
        .collect();
    let number = |item: &Value, key: &str| item[key].as_i64().unwrap();
    assert!(items.is_sorted_by_key(|item| -i128::from(number(item, "Flat")).abs()), "largest first");
    items.sort_by_key(|item| (-number(item, "Flat"), item["Name"].as_str().unwrap().to_owned(), -number(item, "Cum")));
    json!({ "total": data["total"], "items": items })
}

type Frame = (String, String, String, bool);

/// From the tree back to stacks, each a list of frames from the root, with the sum of its values.
fn flame(data: &Value) -> Value {
    let sources = data["sources"].as_array().unwrap();
    let column = &data["columns"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let frame = |index: usize| -> Frame {
        let source = &sources[index];
        (text(&source["name"]), text(&source["file"]), text(&source["unique"]), source["inlined"].as_bool().unwrap())
    };
    let list =
        |value: &Value| -> Vec<i64> { value.as_array().unwrap().iter().map(|one| one.as_i64().unwrap()).collect() };
    let (parents, frames) = (list(&data["parents"]), list(&data["frames"]));
    let (up, down, zeros) = (list(&column["up"]), list(&column["down"]), list(&column["zeros"]));
    let mut stacks: BTreeMap<Vec<Frame>, i64> = BTreeMap::new();
    let mut own: BTreeMap<Frame, i64> = BTreeMap::new();
    for node in 0..parents.len() {
        let down = down.get(node).copied().unwrap_or(0);
        if up[node] == 0 && down == 0 && !zeros.contains(&(node as i64)) {
            continue;
        }
        let mut stack = vec![frame(frames[node] as usize)];
        let mut at = node;
        while at != 0 {
            at = parents[at] as usize;
            stack.push(frame(frames[at] as usize));
        }
        *own.entry(stack[0].clone()).or_default() += up[node] - down;
        stack.reverse();
        *stacks.entry(stack).or_default() += up[node] - down;
    }
    let names: Vec<Frame> = stacks.keys().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let number: BTreeMap<&Frame, usize> = names.iter().zip(0..).collect();
    let displays: BTreeMap<Frame, &Value> = (0..sources.len()).map(|at| (frame(at), &sources[at]["display"])).collect();
    let listed: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({ "FullName": name.0, "FileName": name.1, "UniqueName": name.2, "Inlined": name.3,
                    "Display": displays[name], "Self": own.get(name).copied().unwrap_or(0) })
        })
        .collect();
    let mut rows: Vec<Vec<i64>> = stacks
        .iter()
        .map(|(stack, value)| std::iter::once(*value).chain(stack.iter().map(|frame| number[frame] as i64)).collect())
        .collect();
    rows.sort();
    let scale = column["scale"].as_f64().unwrap();
    let scale = if scale.fract() == 0.0 { json!(scale as i64) } else { json!(scale) };
    json!({ "total": column["total"], "scale": scale, "type": column["kind"], "unit": column["unit"], "sources": listed, "stacks": rows })
}

fn source(data: &Value) -> Value {
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = |line: &Value| {
        let class = match line["kind"].as_str().unwrap() {
            "plain" => "nop",
            "sampled" => "deadsrc",
            _ => "livesrc",
        };
        let mut row = vec![
            line["number"].clone(),
            json!(class),
            line["flat_text"].clone(),
            line["cum_text"].clone(),
            line["text"].clone(),
        ];
        let notes: Vec<String> = line["inlined"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| {
                joined(&format!("{} {}", call["text"].as_str().unwrap(), call["place"].as_str().unwrap_or_default()))
            })
            .collect();
        if !notes.is_empty() {
            row.push(json!(notes));
        }
        Value::from(row)
    };
    let mut functions: Vec<Value> = data["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let lines: Vec<Value> = one["lines"].as_array().unwrap().iter().map(line).collect();
            let total = json!([one["flat_text"], one["cum_text"], one["percent"].as_str().unwrap().trim()]);
            json!({ "function": one["name"], "file": one["file"], "lines": lines, "total": total })
        })
        .collect();
    functions.sort_by_key(|one| {
        (one["function"].as_str().unwrap().to_owned(), one["file"].as_str().unwrap().to_owned(), one.to_string())
    });
    Value::from(functions)
}
