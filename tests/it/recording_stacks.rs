//! The proof of recording: our stacks against the `backtrace` crate's, frame by frame, memo and cache on.
//!
//! The default run compares some ten thousand stacks at -O3; with MEMPROF_TEST_SLOW=1 (`.ci/slow`) it is over a million, at
//! every optimization level that the fixture has a profile for.

use crate::support::recorded::{Program, build, thorough};

use cargo_memprof::records::Record;

#[test]
fn stacks_equal_those_of_the_backtrace_crate() {
    let (mut profiles, rounds) =
        if thorough() { (&["release", "small", "fat", "abort"][..], "50") } else { (&["release"][..], "3") };
    // Under an emulator a tenth of them.
    let (rounds, most) = match std::env::var("MEMPROF_TEST_ROUNDS") {
        Ok(rounds) => (rounds, 100_000),
        Err(_) => (rounds.to_owned(), 1_000_000),
    };
    if most == 100_000 {
        profiles = &profiles[..profiles.len().min(3)];
    }
    let mut stacks = 0;
    for profile in profiles {
        let program = Program::new(&build(profile, "proof"));
        let run = program.count(1, "stacks 1\nverify 1\n", &|_| true, &[("ROUNDS", &rounds)]);
        assert!(run.output.status.success(), "{profile}: {}", run.stderr());
        println!("{profile}:\n{}", run.stdout());
        let total =
            run.stdout().lines().last().and_then(|line| line.strip_prefix("total ").map(str::to_owned)).unwrap();
        let numbers: Vec<u64> = total.split(' ').map(|word| word.parse().unwrap()).collect();
        let [same, different, missed, compared, wrong, guessed] = numbers[..] else { panic!("{total}") };
        assert_eq!((different, missed, wrong), (0, 0, 0), "{profile}: {}\n{}", run.stdout(), run.stderr());
        assert!(compared >= same, "{profile}: {compared} of {same} were compared to a plain walk");
        assert!(guessed * 2 > same, "{profile}: hardly any stack was remembered: {guessed} of {same}");
        let verified = run.records.iter().filter(|record| matches!(record, Record::Verified { wrong: 0, .. })).count();
        assert!(verified >= 15, "{profile}: {verified}");
        stacks += same;
    }
    assert!(stacks > if thorough() { most } else { 10_000 }, "{stacks}");
}
