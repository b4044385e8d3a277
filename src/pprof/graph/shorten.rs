//! Shortens function names to fit into a box of a picture.

use std::sync::LazyLock;

use regex::Regex;

#[expect(clippy::unwrap_used, reason = "the patterns are constant and a test runs them all")]
fn constant(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Java: drop package and arguments.
static JAVA: LazyLock<Regex> = LazyLock::new(|| {
    constant(r"^(?:[a-z](?-u:\w)*\.)*([A-Z](?-u:[\w$])*\.(?:<init>|[a-z](?-u:[\w$])*(?:\$[0-9]+)?))(?:(?:\()|$)")
});
/// Go: drop the path of the package, keep its last element.
static GO: LazyLock<Regex> = LazyLock::new(|| constant(r"^(?:(?-u:[\w\-.])+/)+([^.]+\..+)"));
/// Go: drop a module's version from the path.
static GO_VERSION: LazyLock<Regex> = LazyLock::new(|| constant(r"^(.*?)/v(?:[2-9]|[1-9][0-9]+)([./].*)$"));
/// C++ and Rust: drop the modules before `Type::method`.
static CPP: LazyLock<Regex> =
    LazyLock::new(|| constant(r"^(?:[_a-zA-Z](?-u:\w)*::)+(_*[A-Z](?-u:\w)*::~?[_a-zA-Z](?-u:\w)*(?:<.*>)?)"));

/// `name` without its package, modules or path.
pub fn shorten_function_name(name: &str) -> String {
    let name = name.strip_prefix("(anonymous namespace)::").unwrap_or(name);
    let name = GO_VERSION.replace(name, "${1}${2}");
    for pattern in [&GO, &JAVA, &CPP] {
        if let Some(found) = pattern.captures(&name) {
            return found[1].to_string();
        }
    }
    name.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_by_language() {
        let cases = [
            ("github.com/google/pprof/v2/graph.New", "graph.New"),
            ("java.util.concurrent.ThreadPool.run(Foo)", "ThreadPool.run"),
            ("(anonymous namespace)::Bar::Foo", "Bar::Foo"),
            ("alloc::vec::Vec<T>::push", "alloc::vec::Vec<T>::push"),
            ("core::iter::Map::next", "Map::next"),
            ("main", "main"),
        ];
        for (name, short) in cases {
            assert_eq!(shorten_function_name(name), short);
        }
    }
}
