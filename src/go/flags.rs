//! Command lines in the syntax of Go's flag package: one dash or two, `-name=value` or `-name value`; a switch takes a
//! value only after `=`, and the first word that is not a flag ends them.

use std::ffi::OsString;

use super::float::parse_float;

/// A flag, with the value after its `=`.
pub struct Flag<'a> {
    pub name: &'a str,
    value: Option<&'a str>,
}

/// Reads flags one by one.
pub struct Flags<'a>(&'a [String]);

impl<'a> Flags<'a> {
    pub fn new(arguments: &'a [String]) -> Self {
        Flags(arguments)
    }

    /// The next flag; `None` after the last.
    pub fn next_flag(&mut self) -> Result<Option<Flag<'a>>, String> {
        let [word, rest @ ..] = self.0 else { return Ok(None) };
        let Some(flag) = word.strip_prefix('-').filter(|flag| !flag.is_empty()) else { return Ok(None) };
        self.0 = rest;
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        if flag.is_empty() {
            return Ok(None);
        }
        if flag.starts_with(['-', '=']) {
            return Err(format!("{word} is no flag; flags are written -name or -name=value"));
        }
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        Ok(Some(Flag { name, value }))
    }

    /// The value of a flag that needs one: after its `=`, or the next word.
    pub fn value(&mut self, flag: &Flag<'a>) -> Result<&'a str, String> {
        if let Some(value) = flag.value {
            return Ok(value);
        }
        let (value, rest) = self.0.split_first().ok_or_else(|| format!("-{0} needs a value: -{0}=VALUE", flag.name))?;
        self.0 = rest;
        Ok(value)
    }

    /// The value of a flag that needs a whole number.
    pub fn integer(&mut self, flag: &Flag<'a>) -> Result<i64, String> {
        self.number(flag, integer)
    }

    /// The value of a flag that needs a number.
    pub fn float(&mut self, flag: &Flag<'a>) -> Result<f64, String> {
        self.number(flag, |text| parse_float(text).ok())
    }

    fn number<N>(&mut self, flag: &Flag<'a>, parse: fn(&str) -> Option<N>) -> Result<N, String> {
        let value = self.value(flag)?;
        parse(value).ok_or_else(|| format!("-{}: {value:?} is not a number that it takes", flag.name))
    }

    /// The words after the flags.
    pub fn rest(self) -> &'a [String] {
        self.0
    }
}

impl Flag<'_> {
    /// The value of a switch.
    pub fn switch(&self) -> Result<bool, String> {
        let value = self.value.unwrap_or("true");
        boolean(value).ok_or_else(|| format!("-{}: {value:?} is neither true nor false", self.name))
    }

    pub fn unknown(&self) -> String {
        format!("there is no flag -{}; -help lists the flags", self.name)
    }
}

/// A whole number in the syntax of Go's source code: decimal, with the prefix `0x`, `0o` or `0b`, or octal after a `0`
/// alone; an underscore may stand before any digit but the first.
fn integer(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match unsigned.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &unsigned[2..]),
        Some("0o") => (8, &unsigned[2..]),
        Some("0b") => (2, &unsigned[2..]),
        Some(_) if unsigned.starts_with('0') => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    let digits = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    let is_digit = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_digit(radix));
    if !digits.split('_').all(is_digit) {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    i64::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix).ok()
}

/// A boolean as flags and the shell spell it.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// The long names of a command's options, hidden ones included.
pub fn long_names<P: clap::CommandFactory>() -> Vec<String> {
    let command = P::command();
    let names = |arg: &clap::Arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default().into_iter().map(str::to_owned);
        arg.get_long().map(str::to_owned).into_iter().chain(aliases).collect::<Vec<_>>()
    };
    command.get_arguments().flat_map(names).collect()
}

/// Rewrites `-bench=.` and `-benchmem` to `--bench=.` and `--benchmem`, for every `name` of `long`; leaves everything
/// after `--` alone. For commands whose options clap parses.
pub fn to_two_dashes(args: &[OsString], long: &[String]) -> Vec<OsString> {
    let end = args.iter().position(|arg| arg == "--").unwrap_or(args.len());
    let is_long = |arg: &OsString| {
        let name = arg.to_str().and_then(|arg| arg.strip_prefix('-')).map(|arg| arg.split('=').next().unwrap_or(arg));
        // One letter is a short option, never a long one.
        name.is_some_and(|name| name.len() > 1 && long.iter().any(|known| known == name))
    };
    let convert = |(place, arg): (usize, &OsString)| {
        let mut word = OsString::from(if place < end && is_long(arg) { "-" } else { "" });
        word.push(arg);
        word
    };
    args.iter().enumerate().map(convert).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let words: Vec<String> = "-a=1 --b x=y -c -d=false in -e".split(' ').map(str::to_owned).collect();
        let mut flags = Flags::new(&words);
        let a = flags.next_flag().unwrap().unwrap();
        assert_eq!((a.name, flags.integer(&a)), ("a", Ok(1)));
        let b = flags.next_flag().unwrap().unwrap();
        assert_eq!((b.name, flags.value(&b)), ("b", Ok("x=y")));
        assert_eq!(flags.next_flag().unwrap().unwrap().switch(), Ok(true));
        assert_eq!(flags.next_flag().unwrap().unwrap().switch(), Ok(false));
        assert!(flags.next_flag().unwrap().is_none());
        assert_eq!(flags.rest(), ["in", "-e"]);
    }

    #[test]
    fn whole_numbers_have_gos_syntax() {
        for (text, value) in [
            ("10", 10),
            ("+4", 4),
            ("-3", -3),
            ("0", 0),
            ("0x10", 16),
            ("-0XfF", -255),
            ("010", 8),
            ("0o17", 15),
            ("0b11", 3),
            ("1_000", 1000),
            ("0x_1_0", 16),
            ("0_7", 7),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(integer(text), Some(value), "{text}");
        }
        for text in ["", "-", "abc", "--3", "0x", "0x-1", "08", "1__0", "_1", "1_", "1.0", "0b2", "9223372036854775808"]
        {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let words = ["---x", "-n=abc", "-v"].map(str::to_owned);
        let mut flags = Flags::new(&words);
        assert_eq!(flags.next_flag().err().unwrap(), "---x is no flag; flags are written -name or -name=value");
        let number = flags.next_flag().unwrap().unwrap();
        assert_eq!(flags.float(&number).unwrap_err(), "-n: \"abc\" is not a number that it takes");
        assert_eq!(number.switch().unwrap_err(), "-n: \"abc\" is neither true nor false");
        let last = flags.next_flag().unwrap().unwrap();
        assert_eq!(flags.value(&last).unwrap_err(), "-v needs a value: -v=VALUE");
        assert_eq!(last.unknown(), "there is no flag -v; -help lists the flags");
        let only = ["-".to_owned(), "--".to_owned()];
        assert!(
            Flags::new(&only).next_flag().unwrap().is_none() && Flags::new(&only[1..]).next_flag().unwrap().is_none()
        );
    }

    fn convert(line: &str) -> String {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let long = ["bench", "benchmem", "count", "run", "json", "p"].map(str::to_owned);
        to_two_dashes(&args, &long).iter().map(|arg| arg.to_str().unwrap()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn long_names_take_one_dash() {
        assert_eq!(
            convert("-bench=. -benchmem -count 5 -run none -json"),
            "--bench=. --benchmem --count 5 --run none --json"
        );
        assert_eq!(convert("-p x -j4 -benches --bench ."), "-p x -j4 -benches --bench .");
    }

    #[test]
    fn what_is_for_the_bench_stays() {
        assert_eq!(convert("-bench . -- -bench"), "--bench . -- -bench");
    }
}
