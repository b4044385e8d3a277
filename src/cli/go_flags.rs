//! Go's spelling of options: ONE dash before a long name, value by `=` or in the next word.

use std::ffi::OsString;

/// The long names of a command's options, those that are not shown, too.
pub fn long_names<P: clap::CommandFactory>() -> Vec<String> {
    let command = P::command();
    let names = |arg: &clap::Arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default().into_iter().map(str::to_owned);
        arg.get_long().map(str::to_owned).into_iter().chain(aliases).collect::<Vec<_>>()
    };
    command.get_arguments().flat_map(names).collect()
}

/// `-bench=.` and `-benchmem` as `--bench=.` and `--benchmem`, for every `name` of `long`; everything behind `--` stays.
pub fn to_two_dashes(args: &[OsString], long: &[String]) -> Vec<OsString> {
    let mut out = Vec::with_capacity(args.len());
    let mut rest = args.iter();
    for arg in rest.by_ref() {
        if arg == "--" {
            out.push(arg.clone());
            break;
        }
        let name = arg.to_str().and_then(|arg| arg.strip_prefix('-')).map(|arg| arg.split('=').next().unwrap_or(arg));
        match name {
            // One letter is a short option, never a long one.
            Some(name) if name.len() > 1 && long.iter().any(|known| known == name) => {
                let mut two = OsString::from("-");
                two.push(arg);
                out.push(two);
            }
            _ => out.push(arg.clone()),
        }
    }
    out.extend(rest.cloned());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

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
