//! Demangles names, and shortens those that look demangled, as pprof's symbolizer does.
//!
//! It only touches functions whose system name equals their name (or that have no name), and takes the others as
//! already demangled. So a profile that wants its names left alone writes a different system name.

use super::model::{Function, Profile};

/// How much of a demangled name to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// No parameters, no template arguments.
    #[default]
    Simplified,
    /// No parameters.
    Templates,
    Full,
    /// Nothing is demangled.
    None,
}

impl Profile {
    /// Rewrites the names of functions. `force`: also the names that have been demangled already.
    pub fn demangle(&mut self, force: bool, mode: Mode) {
        if force {
            for function in self
                .functions
                .iter_mut()
                .filter(|function| !function.name.is_empty() && !function.system_name.is_empty())
            {
                function.name = function.system_name.clone();
            }
        }
        if mode == Mode::None {
            return;
        }
        for function in &mut self.functions {
            demangle_function(function, mode);
        }
    }
}

fn demangle_function(function: &mut Function, mode: Mode) {
    let system_name = &function.system_name;
    if !function.name.is_empty() && *system_name != function.name {
        return;
    }
    // macOS puts another underscore in front.
    let demangled = demangle(system_name, mode).or_else(|| demangle(system_name.strip_prefix('_')?, mode));
    function.name = match demangled {
        Some(name) => name.into(),
        None => simplify(system_name, mode).map_or_else(|| system_name.clone(), Into::into),
    };
}

/// The readable form of a mangled name; `None` if it is not mangled.
fn demangle(name: &str, mode: Mode) -> Option<String> {
    if name.starts_with("_R") {
        let readable = format!("{:#}", rustc_demangle::try_demangle(name).ok()?);
        return Some(if mode == Mode::Simplified { without_generics(&readable) } else { readable });
    }
    if !name.starts_with("_Z") {
        return None;
    }
    let is_rust = name.starts_with("_ZN")
        && name.split("E.").next().is_some_and(|name| name.trim_end_matches('E').len() > 20 && has_hash(name));
    if is_rust && let Ok(readable) = rustc_demangle::try_demangle(name) {
        return Some(format!("{readable:#}"));
    }
    let options = cpp_demangle::DemangleOptions::new();
    let options = if mode == Mode::Full { options } else { options.no_params().no_return_type() };
    let readable = cpp_demangle::Symbol::new(name.as_bytes()).ok()?.demangle_with_options(&options).ok()?;
    Some(if mode == Mode::Simplified { remove_matching(&readable, '<', '>') } else { readable })
}

fn has_hash(name: &str) -> bool {
    let name = name.strip_suffix('E').unwrap_or(name);
    name.len() > 19 && name.is_char_boundary(name.len() - 19) && name[name.len() - 19..].starts_with("17h")
}

/// `core::iter::map::<T>` → `core::iter::map`: removes brackets after a name, keeps those that open a path.
fn without_generics(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut depth = 0usize;
    for (at, character) in name.char_indices() {
        match character {
            '<' if depth > 0
                || name[..at].ends_with(|before: char| before == ':' || before == '_' || before.is_alphanumeric()) =>
            {
                if depth == 0 && out.ends_with("::") {
                    out.truncate(out.len() - 2);
                }
                depth += 1;
            }
            '>' if depth > 0 && !name[..at].ends_with('-') => depth -= 1,
            _ if depth > 0 => {}
            other => out.push(other),
        }
    }
    out
}

/// For names that are not mangled but look like demangled C++: removes parameters and template arguments, as far as
/// `mode` says.
fn simplify(name: &str, mode: Mode) -> Option<String> {
    // Neither Java (`Class.<init>`) nor Go (`foo.(*Bar[...]).Method`).
    let looks_cpp =
        !name.contains(".<") && !name.contains("]).") && (name.contains(['<', '>', '[', ']']) || name.contains("::"));
    if !looks_cpp || mode == Mode::Full {
        return None;
    }
    let name = remove_matching(name, '(', ')');
    Some(if mode == Mode::Simplified { remove_matching(&name, '<', '>') } else { name })
}

/// Removes everything between `open` and its `close`. Stops at an unmatched `close`.
fn remove_matching(name: &str, open: char, close: char) -> String {
    let mut name = name.to_string();
    let (mut nesting, mut first, mut at) = (0, 0, 0);
    while let Some(found) = name[at..].find([open, close]) {
        at += found;
        if name[at..].starts_with(open) {
            nesting += 1;
            if nesting == 1 {
                first = at;
            }
        } else {
            nesting -= 1;
            if nesting < 0 {
                return name;
            }
            if nesting == 0 {
                name.replace_range(first..=at, "");
                at = first;
                continue;
            }
        }
        at += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, mode: Mode) -> String {
        let mut function = Function { name: name.into(), system_name: name.into(), ..Function::default() };
        demangle_function(&mut function, mode);
        function.name.to_string()
    }

    #[test]
    fn names_that_look_demangled_lose_their_brackets() {
        assert_eq!(shown("<F as H>::call", Mode::Simplified), "::call");
        assert_eq!(shown("RawVec<T,A>::x", Mode::Simplified), "RawVec::x");
        assert_eq!(shown("RawVec<T,A>::x", Mode::Templates), "RawVec<T,A>::x");
        assert_eq!(shown("f::g(int)", Mode::Full), "f::g(int)");
        assert_eq!(shown("main.(*T[...]).m", Mode::Simplified), "main.(*T[...]).m");
        assert_eq!(shown("a::b>c", Mode::Simplified), "a::b>c");
    }

    #[test]
    fn mangled_names_become_readable() {
        assert_eq!(shown("_ZN4core3fmt5write17h0123456789abcdefE", Mode::Simplified), "core::fmt::write");
        assert_eq!(shown("_Z3fooi", Mode::Simplified), "foo");
        assert_eq!(shown("_RINvCs1_5alpha4mainhE", Mode::Simplified), "alpha::main");
    }

    #[test]
    fn another_system_name_protects() {
        let mut function = Function { name: "a::<b>".into(), system_name: "x".into(), ..Function::default() };
        demangle_function(&mut function, Mode::Simplified);
        assert_eq!(&*function.name, "a::<b>");
    }
}
