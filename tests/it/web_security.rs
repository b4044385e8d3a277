//! The server's rules: allowed requests, access to files, and answers if something is missing.

use std::path::Path;
use std::process::Command;

use crate::support::tool;
use crate::support::web::Server;
use cargo_memprof::pprof::profile::{Builder, Label, Line, Mapping, ValueType, write};

/// A profile with one function, `name`, in `file`, and a comment.
fn profile(name: &str, file: &str, comment: &str) -> Vec<u8> {
    let mut builder =
        Builder::new(vec![ValueType::new("alloc_objects", "count"), ValueType::new("alloc_space", "bytes")]);
    builder.profile.comments.push(comment.into());
    let mapping = builder.mapping(Mapping { file: name.into(), has_functions: true, ..Mapping::default() });
    let function = builder.function(name, "x", file, 1);
    let location = builder.location(Some(mapping), 16, vec![Line { function, line: 2, column: 0 }]);
    builder.sample(vec![location], vec![1, 64], vec![Label::text("label", comment)]);
    write(&builder.finish())
}

struct Setting {
    folder: tempfile::TempDir,
}

impl Setting {
    fn new(bytes: &[u8]) -> Setting {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.prof"), bytes).unwrap();
        Setting { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, address: &str) -> Command {
        let mut command = tool(self.path());
        command.args(["pprof", "-no_browser"]).arg(format!("-http={address}")).arg("a.prof");
        command.env("HOME", self.path()).env_remove("XDG_CONFIG_HOME");
        command
    }

    fn server(&self, address: &str) -> Server {
        Server::start(&mut self.command(address))
    }
}

const PAGES: [&str; 5] = ["flamegraph", "graph", "top", "peek", "source"];

#[test]
fn names_that_are_not_ours_are_refused() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server("localhost:0");
    for (host, status) in [("localhost", 200), ("127.0.0.1:99", 200), ("[::1]", 200), ("evil.example", 403), ("", 403)]
    {
        let answer = server.ask("GET", "/ui/top", &[("Host", host)]);
        assert_eq!(answer.status, status, "{host}");
    }
    let refused = server.ask("GET", "/ui/top", &[("Host", "evil.example")]).text();
    assert_eq!(
        refused,
        "this server does not answer to the name \"evil.example\"; open it at the address that it printed\n"
    );
    // The port is not open to other machines at all.
    let listening = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = format!(":{:04X}", server.port);
    let local =
        listening.lines().filter(|line| line.contains(" 0A ")).filter_map(|line| line.split_whitespace().nth(1));
    let ours: Vec<&str> = local.filter(|address| address.ends_with(&port)).collect();
    assert_eq!(ours, [format!("0100007F{port}")]);
}

#[test]
fn where_others_can_reach_it_the_address_is_the_key() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server("0.0.0.0:0");
    let key = server.url.rsplit('/').next().unwrap();
    assert!(key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", server.url);
    let status = |path: &str| server.ask("GET", path, &[("Host", "10.1.2.3:80")]).status;
    assert_eq!([status("/"), status("/ui/top"), status(&format!("/{}/ui/top", "0".repeat(32)))], [403, 403, 403]);
    assert_eq!(status(&format!("/{key}/ui/top")), 200);
    let redirected = server.ask("GET", &format!("/{key}/"), &[("Host", "10.1.2.3")]);
    assert_eq!(redirected.header("location"), Some(format!("/{key}/ui").as_str()));
}

#[test]
fn every_answer_says_what_may_run() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server(":0");
    for path in ["/", "/ui/top", "/ui/nosuch", "/ui/static/page.js", "/ui/top?f=("] {
        let answer = server.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    assert_eq!(server.ask("HEAD", "/ui/top", &[]).body, b"");
}

#[test]
fn names_are_text_and_paths_open_nothing() {
    let markup = "</script><img src=x onerror=alert(1)>";
    for file in ["/etc/passwd", "../../../../../../etc/passwd", "/proc/self/environ", "/dev/zero", "../secret.rs"] {
        let setting = Setting::new(&profile(markup, file, markup));
        let inner = setting.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(setting.path().join("secret.rs"), "root: a secret\nroot: another\n").unwrap();
        std::fs::copy(setting.path().join("a.prof"), inner.join("a.prof")).unwrap();
        let server = Server::start(setting.command(":0").current_dir(&inner));
        for page in PAGES {
            let answer = server.get(&format!("/ui/{page}"));
            assert_eq!(answer.status, 200, "{page}");
            assert!(
                !answer.text().contains("<img") && !answer.text().contains("root:"),
                "{file} {page}: {}",
                answer.text()
            );
        }
        let missing = server.get("/ui/source").data()["data"]["missing"].to_string();
        assert!(missing.contains("is not shown"), "{missing}");
    }
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server(":0");
    for path in [
        "/ui/static/../../../etc/passwd",
        "/ui/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/ui/..%2f..%2fetc%2fpasswd",
        "/ui/source?f=/etc/passwd",
    ] {
        let answer = server.get(path);
        assert!(answer.status != 200 && !answer.text().contains("root:"), "{path} {}", answer.status);
    }
}

#[test]
fn a_megabyte_of_label_does_no_harm() {
    let long = "x::<&'\"".repeat(150_000);
    let setting = Setting::new(&profile(&long, "src/lib.rs", &long));
    let server = setting.server(":0");
    for page in PAGES {
        let answer = server.get(&format!("/ui/{page}"));
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.body.len() < 20 << 20, "{page}: {}", answer.body.len());
    }
    assert!(server.peak_memory() < 400 << 20, "{}", server.peak_memory());
}

#[test]
fn saved_views_stay_in_their_file_and_are_changed_by_our_pages_only() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server(":0");
    let path = "/ui/saveconfig?config=..%2F..%2Fevil&f=main";
    for headers in
        [[("Origin", "http://evil.example")], [("Sec-Fetch-Site", "cross-site")], [("Referer", "http://evil.example/")]]
    {
        assert_eq!(server.ask("POST", path, &headers).status, 403, "{headers:?}");
    }
    assert!(!setting.path().join(".config").exists());
    assert_eq!(server.ask("POST", path, &[]).status, 200);
    let saved = setting.path().join(".config/cargo-memprof/views.json");
    assert!(std::fs::read_to_string(&saved).unwrap().contains("../../evil"));
    let mut left: Vec<_> = std::fs::read_dir(setting.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".config", "a.prof"]);
    let menu = server.get("/ui/top").data()["saved"].clone();
    assert_eq!((menu[1]["name"].as_str(), menu[1]["url"].as_str()), (Some("../../evil"), Some("?f=main")));
    std::fs::write(&saved, "{ not ours").unwrap();
    let refused = server.ask("POST", path, &[]);
    assert!(refused.status == 400 && refused.text().starts_with("could not parse settings: "), "{}", refused.text());
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), "{ not ours");
}

fn error(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[test]
fn what_cannot_be_served_is_said() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let server = setting.server("localhost:0");
    let taken = error(&mut setting.command(&format!("localhost:{}", server.port)));
    let expected = format!("-http: port {} of localhost is taken; choose another, or :0 for a free one", server.port);
    assert_eq!(taken, (Some(2), expected));
    for (address, message) in [
        ("8080", "-http 8080: the port is missing; write HOST:PORT, :PORT, or : for a free port"),
        (":http", "-http :http: that is no port; write HOST:PORT, :PORT, or : for a free port"),
        ("192.0.2.1:0", "-http: 192.0.2.1 is not an address of this machine; 0.0.0.0 is all of them"),
        ("nosuch.invalid:0", "-http: no address is known for the host nosuch.invalid"),
    ] {
        assert_eq!(error(&mut setting.command(address)), (Some(2), message.to_owned()));
    }
    let mut run = tool(setting.path());
    assert_eq!(error(run.args(["run", "-http=8080"])).0, Some(2));
    let mut report = tool(setting.path());
    assert_eq!(
        error(report.arg("report").env("CARGO_TARGET_DIR", setting.path())),
        (Some(2), "error: there is no run to report on; make one with `cargo memprof`, or say where it is with --target-dir or --manifest-path".to_owned())
    );
}

#[test]
fn without_a_browser_the_address_is_told() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let mut command = tool(setting.path());
    command
        .args(["pprof", "-http=:0", "a.prof"])
        .env("PATH", "/nonexistent")
        .env("BROWSER", "nosuchbrowser")
        .env_remove("DISPLAY");
    command.env("HOME", setting.path());
    let server = Server::start(&mut command);
    server.says("no browser was found");
    assert_eq!(server.get("/ui/top").status, 200);
}

#[test]
fn a_link_out_of_the_sources_is_not_followed() {
    let setting = Setting::new(&profile("f", "src/lib.rs", ""));
    let link = setting.path().join("src/lib.rs");
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::fs::write(setting.path().join("secret"), "secret\n").unwrap();
    std::os::unix::fs::symlink(setting.path().join("secret"), &link).unwrap();
    let data = setting.server(":0").get("/ui/source?f=f").data();
    assert!(data["data"]["missing"][0].as_str().unwrap().contains("not called like a source file"), "{data}");
    assert!(!data.to_string().contains("secret"), "{data}");
    // One that leads to a source file is followed.
    std::fs::write(setting.path().join("real.rs"), "fn real() {}\n".repeat(9)).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(setting.path().join("real.rs"), &link).unwrap();
    let data = setting.server(":0").get("/ui/source?f=f").data();
    assert!(data.to_string().contains("fn real()"), "{data}");
}

#[test]
fn missing_sources_say_where_they_were_looked_for() {
    let setting = Setting::new(&profile("f", "/build/elsewhere/src/lib.rs", ""));
    let server = setting.server(":0");
    let data = server.get("/ui/source?f=f").data();
    assert_eq!(data["data"]["missing"][0], "open /build/elsewhere/src/lib.rs: no such file or directory");
    assert_eq!(data["data"]["functions"][0]["lines"][0]["text"], "???");
}
