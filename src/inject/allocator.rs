//! The user's own `#[global_allocator]`: it stays in charge, wrapped in the tracking type.
//!
//! The static is found among tokens, not items: one made by `macro_rules!` or under `cfg_attr` is no item. Only `: T =
//! E;` is rewritten, on the same line; attributes and cfgs stay. A macro may write its static into another crate, which
//! does not know the runtime: there the path leads through the crate that has the macro.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use crate::{Result, fs};

const ATTRIBUTE: &str = "global_allocator";
/// A crate with more source files than this is not searched; no such crate is known.
const MOST_FILES: usize = 20_000;

/// Behind the root source of a crate whose macros name the runtime.
const FOR_MACROS: &str = "#[doc(hidden)] pub extern crate memprof_rt as __memprof_rt_of_macros;";

/// The files below the folder of `root` that declare an allocator, edited; by path below `base`.
///
/// `root`: the crate's root source.
pub fn edited_files(root: &Path, base: &Path, edition_2015: bool) -> Result<BTreeMap<PathBuf, String>> {
    let mut found = BTreeMap::new();
    let mut by_macro = false;
    let mut folders = vec![root.parent().unwrap_or(Path::new("")).to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder)? {
            if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                continue;
            }
            if path.is_dir() && !path.is_symlink() {
                if !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") && files < MOST_FILES {
                files += 1;
                // An unreadable file is not compiled either.
                let Ok(text) = std::fs::read(&path) else { continue };
                if !text.windows(ATTRIBUTE.len()).any(|window| window == ATTRIBUTE.as_bytes()) {
                    continue;
                }
                let text = String::from_utf8_lossy(&text);
                if let (Some(edited), Ok(below)) = (wrap(&text, edition_2015), path.strip_prefix(base)) {
                    by_macro |= edited.by_macro;
                    found.insert(below.to_owned(), edited.text);
                }
            }
        }
    }
    if let (true, Ok(below)) = (by_macro, root.strip_prefix(base)) {
        let text = match found.remove(below) {
            Some(edited) => edited,
            None => fs::read_to_string(root)?,
        };
        found.insert(below.to_owned(), format!("{text}\n{FOR_MACROS}\n"));
    }
    Ok(found)
}

/// A source with the tracking type in it.
#[derive(Debug, PartialEq, Eq)]
struct Edited {
    text: String,
    /// In the text of a macro: the crate's root needs [`FOR_MACROS`].
    by_macro: bool,
}

/// `text` with the tracking type around each declared allocator; `None` if there is none, or if the text is no Rust.
fn wrap(text: &str, edition_2015: bool) -> Option<Edited> {
    let tokens = TokenStream::from_str(text).ok()?;
    let mut statics = Vec::new();
    collect(tokens, false, &mut statics);
    if statics.is_empty() {
        return None;
    }
    statics.sort_by_key(|declared: &Declared| std::cmp::Reverse(declared.kind.start));
    // In edition 2015 a crate is only in scope where it is named.
    let (path, behind) = match edition_2015 {
        true => ("self::__memprof_rt::Track", " extern crate memprof_rt as __memprof_rt;"),
        false => ("::memprof_rt::Track", ""),
    };
    let by_macro = statics.iter().any(|declared| declared.in_macro);
    let mut edited = text.to_owned();
    for Declared { kind, value, end, in_macro } in statics {
        let (path, behind) = if in_macro { ("$crate::__memprof_rt_of_macros::Track", "") } else { (path, behind) };
        edited.insert_str(end, behind);
        edited.replace_range(value.clone(), &format!("{path}::new({})", &text[value]));
        edited.replace_range(kind.clone(), &format!("{path}<{}>", &text[kind]));
    }
    Some(Edited { text: edited, by_macro })
}

/// One `static NAME: KIND = VALUE;`, as byte ranges.
struct Declared {
    kind: Range<usize>,
    value: Range<usize>,
    /// Behind the semicolon.
    end: usize,
    in_macro: bool,
}

/// `in_macro`: the tokens are the rules of a `macro_rules!`.
fn collect(tokens: TokenStream, in_macro: bool, statics: &mut Vec<Declared>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Punct(hash) if hash.as_char() == '#' && is_attribute(tokens.get(at + 1)) => {
                statics.extend(declared(&tokens[at + 2..], in_macro));
                at += 2;
            }
            TokenTree::Group(group) => {
                collect(group.stream(), in_macro || is_macro_rules(&tokens[..at]), statics);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// `before` ends in `macro_rules! name`.
fn is_macro_rules(before: &[TokenTree]) -> bool {
    matches!(before, [.., TokenTree::Ident(macro_rules), TokenTree::Punct(mark), TokenTree::Ident(_)]
        if macro_rules == "macro_rules" && mark.as_char() == '!')
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
fn declared(tokens: &[TokenTree], in_macro: bool) -> Option<Declared> {
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
    // A static behind the end of another item is not this attribute's.
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
        in_macro,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> String {
        wrap(text, false).unwrap().text
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
        let path = "$crate::__memprof_rt_of_macros::Track";
        assert!(out.contains(&format!("static $n: {path}<$t> = {path}::new($e);")), "{out}");
        assert!(wrap(text, true).unwrap().by_macro);
        // A macro's arguments are the crate's own text.
        let handed = wrap("cfg_if! { if #[cfg(x)] { #[global_allocator] static A: T = T; } }", false).unwrap();
        assert!(!handed.by_macro && handed.text.contains("::memprof_rt::Track<T>"), "{handed:?}");
    }

    #[test]
    fn edition_2015_names_the_crate() {
        let out = wrap("#[global_allocator] static A: System = System;", true).unwrap().text;
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
