//! The shell of every page: the template with styles, script and data.
//!
//! Everything from a profile is data in an island that no browser runs, and the script writes it as text. So a name is
//! never markup. A policy limits everything else the browser may do: in a header for the server's pages, in the
//! document itself for a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write as _;

const TEMPLATE: &str = include_str!("../../../templates/web/page.html");
const STYLES: &str = include_str!("../../../templates/web/page.css");
/// In the order of their dependencies.
const SCRIPTS: [&str; 29] = [
    include_str!("../../../templates/web/base.js"),
    include_str!("../../../templates/web/shared.js"),
    include_str!("../../../templates/web/state.js"),
    include_str!("../../../templates/web/numbers.js"),
    include_str!("../../../templates/web/flame_model.js"),
    include_str!("../../../templates/web/flame_table.js"),
    include_str!("../../../templates/web/flame_color.js"),
    include_str!("../../../templates/web/flame.js"),
    include_str!("../../../templates/web/flame_words.js"),
    include_str!("../../../templates/web/flame_tools.js"),
    include_str!("../../../templates/web/frame_menu.js"),
    include_str!("../../../templates/web/table.js"),
    include_str!("../../../templates/web/plot.js"),
    include_str!("../../../templates/web/growth_plot.js"),
    include_str!("../../../templates/web/violin_plot.js"),
    include_str!("../../../templates/web/source.js"),
    include_str!("../../../templates/web/why.js"),
    include_str!("../../../templates/web/graph.js"),
    include_str!("../../../templates/web/profile_page.js"),
    include_str!("../../../templates/web/profile_view.js"),
    include_str!("../../../templates/web/program_timeline.js"),
    include_str!("../../../templates/web/program_page.js"),
    include_str!("../../../templates/web/report_words.js"),
    include_str!("../../../templates/web/blocks_view.js"),
    include_str!("../../../templates/web/history_page.js"),
    include_str!("../../../templates/web/report_overview.js"),
    include_str!("../../../templates/web/report_page.js"),
    include_str!("../../../templates/web/live_page.js"),
    include_str!("../../../templates/web/start.js"),
];

/// The place of styles and script.
pub enum Assets {
    /// Below this address.
    Linked(&'static str),
    /// In the document.
    Inline,
}

/// Data in a document.
pub struct Island {
    id: String,
    /// `application/json`, or `application/gzip` for packed JSON in base64.
    kind: &'static str,
    text: String,
}

impl Island {
    /// Data that is JSON already.
    pub fn json(id: &str, json: &str) -> Self {
        // Escape everything that could end the island or begin a comment; in JSON it only occurs in texts.
        const UNSAFE: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];
        let mut text = String::with_capacity(json.len());
        for part in json.split_inclusive(UNSAFE) {
            match part.char_indices().next_back().filter(|(_, last)| UNSAFE.contains(last)) {
                Some((at, last)) => text.push_str(&format!("{}\\u{:04x}", &part[..at], last as u32)),
                None => text.push_str(part),
            }
        }
        Island { id: id.to_owned(), kind: "application/json", text }
    }

    /// Data that the script unpacks only when it is needed.
    pub fn packed(id: &str, value: &Value) -> std::io::Result<Self> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(value.to_string().as_bytes())?;
        Ok(Island { id: id.to_owned(), kind: "application/gzip", text: BASE64.encode(encoder.finish()?) })
    }
}

/// A whole document.
pub fn document(title: &str, assets: &Assets, islands: &[Island]) -> String {
    let (policy, styles, script) = match assets {
        Assets::Linked(folder) => (
            String::new(),
            format!("<link rel=\"stylesheet\" href=\"{folder}page.css\">"),
            format!("<script src=\"{folder}page.js\"></script>"),
        ),
        Assets::Inline => {
            let script = script();
            let policy = format!(
                "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
                hash(&script),
                hash(STYLES)
            );
            (
                format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">"),
                format!("<style>{STYLES}</style>"),
                format!("<script>{script}</script>"),
            )
        }
    };
    let islands: String = islands
        .iter()
        .map(|island| format!("<script type=\"{}\" id=\"{}\">{}</script>\n", island.kind, island.id, island.text))
        .collect();
    // A tab shows thirty letters; a name may have a million.
    let title = escaped(&title.chars().take(200).collect::<String>());
    // In one pass, so that markers in inserted text are not replaced.
    let mut out = String::with_capacity(TEMPLATE.len() + islands.len() + styles.len() + script.len());
    for (at, part) in TEMPLATE.split("{{").enumerate() {
        let Some((marker, rest)) = part.split_once("}}").filter(|_| at > 0) else {
            out.push_str(part);
            continue;
        };
        out.push_str(match marker {
            "title" => &title,
            "policy" => &policy,
            "styles" => &styles,
            "islands" => &islands,
            "script" => &script,
            _ => "",
        });
        out.push_str(rest);
    }
    out
}

/// The styles or the script, by name, with their type.
pub fn asset(name: &str) -> Option<(&'static str, String)> {
    match name {
        "page.css" => Some(("text/css; charset=utf-8", STYLES.to_owned())),
        "page.js" => Some(("text/javascript; charset=utf-8", script())),
        _ => None,
    }
}

fn script() -> String {
    format!("(() => {{\n'use strict';\n{}}})();\n", SCRIPTS.join("\n"))
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(hmac_sha256::Hash::hash(text.as_bytes())))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_filled_in_is_no_markup_and_no_marker() {
        let value = json!({ "name": "</script><!--{{title}}\u{2028}&" });
        let text = document("<b>{{islands}}", &Assets::Linked("static/"), &[Island::json("data", &value.to_string())]);
        assert!(text.contains("<title>&lt;b&gt;{{islands}}"), "{text}");
        let start = text.find("id=\"data\">").unwrap() + "id=\"data\">".len();
        let island = &text[start..start + text[start..].find("</script>").unwrap()];
        assert_eq!(serde_json::from_str::<Value>(island).unwrap(), value);
        assert!(!island.contains(['<', '>', '&', '\u{2028}']));
    }

    #[test]
    fn a_file_carries_everything_and_says_what_may_run() {
        let text = document("x", &Assets::Inline, &[Island::packed("data", &json!([1, 2])).unwrap()]);
        assert!(text.contains("default-src 'none'; script-src 'sha256-"));
        assert!(!text.contains("src=\"") && !text.contains("@import") && !text.contains("url(http"));
        // Escape texts that would end the script or the styles too early.
        assert_eq!(script().matches("</script").count() + STYLES.matches("</style").count(), 0);
        assert_eq!(asset("page.js").unwrap().1, script());
        assert!(asset("../page.js").is_none());
    }
}
