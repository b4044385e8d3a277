//! The user's own `#[global_allocator]`: it stays in charge, wrapped in the tracking type.
//!
//! The static is found among tokens, not items: one made by `macro_rules!` or under `cfg_attr` is no item. Only `: T = E;` is
//! rewritten, on the same line; attributes and cfgs stay.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

const ATTRIBUTE: &str = "global_allocator";
/// No crate of this many source files is searched through; none is known.
const MOST_FILES: usize = 20_000;

/// The files below `dir` that declare an allocator, edited; by path below `base`.
pub fn edited_files(dir: &Path, base: &Path, edition_2015: bool) -> std::io::Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                if !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") && files < MOST_FILES {
                files += 1;
                // What cannot be read is not compiled either.
                let Ok(text) = std::fs::read(&path) else { continue };
                if !text.windows(ATTRIBUTE.len()).any(|window| window == ATTRIBUTE.as_bytes()) {
                    continue;
                }
                let text = String::from_utf8_lossy(&text);
                if let (Some(edited), Ok(below)) = (wrap(&text, edition_2015), path.strip_prefix(base)) {
                    found.insert(below.to_owned(), edited);
                }
            }
        }
    }
    Ok(found)
}

/// `text` with the tracking type around each declared allocator; `None` where there is none, or where it is no Rust.
pub fn wrap(text: &str, edition_2015: bool) -> Option<String> {
    let tokens = TokenStream::from_str(text).ok()?;
    let mut statics = Vec::new();
    collect(tokens, &mut statics);
    if statics.is_empty() {
        return None;
    }
    statics.sort_by_key(|declared: &Declared| std::cmp::Reverse(declared.kind.start));
    // In edition 2015 a crate is only in scope where it is named.
    let (path, behind) = match edition_2015 {
        true => ("self::__memprof_rt::Track", " extern crate memprof_rt as __memprof_rt;"),
        false => ("::memprof_rt::Track", ""),
    };
    let mut edited = text.to_owned();
    for Declared { kind, value, end } in statics {
        edited.insert_str(end, behind);
        edited.replace_range(value.clone(), &format!("{path}::new({})", &text[value]));
        edited.replace_range(kind.clone(), &format!("{path}<{}>", &text[kind]));
    }
    Some(edited)
}

/// One `static NAME: KIND = VALUE;`, as byte ranges.
struct Declared {
    kind: Range<usize>,
    value: Range<usize>,
    /// Behind the semicolon.
    end: usize,
}

fn collect(tokens: TokenStream, statics: &mut Vec<Declared>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(hash) if hash.as_char() == '#' && is_attribute(tokens.get(at + 1)) => {
                statics.extend(declared(&tokens[at + 2..]));
                at += 2;
            }
            TokenTree::Group(group) => {
                collect(group.stream(), statics);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// `[global_allocator]` or `[cfg_attr(…, global_allocator)]`.
fn is_attribute(token: Option<&TokenTree>) -> bool {
    fn mentions(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == ATTRIBUTE,
            TokenTree::Group(group) => mentions(group.stream()),
            _ => false,
        })
    }
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket && mentions(group.stream()))
}

/// The static behind the attribute; other attributes and a visibility may stand between.
fn declared(tokens: &[TokenTree]) -> Option<Declared> {
    let is = |token: &TokenTree, c: char| matches!(token, TokenTree::Punct(punct) if punct.as_char() == c);
    let single_colon = |at: usize| {
        let joint = |at: usize| matches!(&tokens[at], TokenTree::Punct(p) if p.as_char() == ':' && p.spacing() == Spacing::Joint);
        is(&tokens[at], ':') && !joint(at) && !(at > 0 && joint(at - 1))
    };
    let find = |from: usize, what: &dyn Fn(usize) -> bool| (from..tokens.len()).find(|&at| what(at));
    let keyword = find(0, &|at| matches!(&tokens[at], TokenTree::Ident(ident) if ident == "static"))?;
    let colon = find(keyword, &single_colon)?;
    let equals = find(colon, &|at| is(&tokens[at], '='))?;
    let semicolon = find(equals, &|at| is(&tokens[at], ';'))?;
    // A static behind something else's end is not this attribute's.
    if find(0, &|at| is(&tokens[at], ';')) != Some(semicolon) {
        return None;
    }
    let between = |from: usize, to: usize| {
        let start = tokens.get(from + 1)?.span().byte_range().start;
        let end = tokens.get(to - 1)?.span().byte_range().end;
        (from + 1 < to).then_some(start..end)
    };
    Some(Declared {
        kind: between(colon, equals)?,
        value: between(equals, semicolon)?,
        end: tokens[semicolon].span().byte_range().end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> String {
        wrap(text, false).unwrap()
    }

    #[test]
    fn wraps_the_type_and_the_value() {
        assert_eq!(
            edited("//é\n#[global_allocator]\nstatic A: mimalloc::MiMalloc = mimalloc::MiMalloc;\nfn f() {}\n"),
            "//é\n#[global_allocator]\nstatic A: ::memprof_rt::Track<mimalloc::MiMalloc> = ::memprof_rt::Track::new(mimalloc::MiMalloc);\nfn f() {}\n"
        );
    }

    #[test]
    fn sees_through_cfg_attr_attributes_visibility_and_modules() {
        let text = "mod m { #[cfg_attr(not(miri), global_allocator)] #[doc = \"x\"] pub(crate) static A: T<u8> = T::<u8>::new(1); }";
        assert_eq!(
            edited(text),
            "mod m { #[cfg_attr(not(miri), global_allocator)] #[doc = \"x\"] pub(crate) static A: ::memprof_rt::Track<T<u8>> = ::memprof_rt::Track::new(T::<u8>::new(1)); }"
        );
    }

    #[test]
    fn sees_into_macro_rules() {
        let text = "macro_rules! a { ($n:ident, $t:ty, $e:expr) => { #[global_allocator] static $n: $t = $e; } }";
        let out = edited(text);
        assert!(out.contains("static $n: ::memprof_rt::Track<$t> = ::memprof_rt::Track::new($e);"), "{out}");
    }

    #[test]
    fn edition_2015_names_the_crate() {
        let out = wrap("#[global_allocator] static A: System = System;", true).unwrap();
        assert_eq!(
            out,
            "#[global_allocator] static A: self::__memprof_rt::Track<System> = self::__memprof_rt::Track::new(System); extern crate memprof_rt as __memprof_rt;"
        );
    }

    #[test]
    fn mere_mentions_are_left_alone() {
        assert_eq!(wrap("// global_allocator\nstatic A: u8 = 1;", false), None);
        assert_eq!(wrap("/// #[global_allocator]\nfn f() {}", false), None);
    }
}
