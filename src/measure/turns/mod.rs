//! Timing in turns. The speed of a machine drifts, so compared benchmarks are sampled side by side: a process a
//! benchmark, each brought to its measuring loop; one at a time takes one sample, in an order that is shuffled again
//! each round. A benchmark is compared with the reference by pairs of neighbouring samples.

mod memory;
mod player;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::attempt::PassResult;
use super::measuring::Measuring;
use super::pass::Pass;
use super::phase::Phase;
use super::plan::Selected;
use super::rivals::Rival;
use super::suite::Suite;
use crate::Result;
use crate::records::{Record, Timed, TimedSample};
use crate::results::pairs;
use crate::results::ratio::{Placement, Ratio};

use player::{Entrant, Player};

/// The most that wait beside the reference: with more, neighbours would lie far apart in time.
const MOST_BESIDE: usize = 10;
/// A benchmark whose set-up takes so much longer than all before it may wait for one of them, as for a lock.
const PATIENCE: Duration = Duration::from_secs(20);

/// The result of a comparison in turns.
#[derive(Default)]
pub struct Compared {
    pub result: PassResult,
    /// Against the reference, by index.
    pub ratios: HashMap<usize, Ratio>,
}

/// Times the `selected` of a suite: those that have a reference in turns with it, the others one after the other.
pub fn time(suite: &Suite, selected: &[Selected], measuring: &mut Measuring) -> Result<Compared> {
    let arguments = suite.arguments(Phase::Time, measuring.options);
    let Measuring { options, rivals, .. } = *measuring;
    let pass = Pass {
        phase: Phase::Time,
        program: suite.program(Phase::Time),
        launch: suite.launch,
        options,
        table: None,
        arguments: &arguments,
    };
    let mut all = Compared::default();
    let (mut compared, mut unfit) = (HashSet::<usize>::new(), HashSet::<usize>::new());
    // In a part of a large suite, and with another revision, the reference is not one of the suite's.
    let stranger = suite.benchmarks.len();
    if let Some(rivals) = rivals {
        let rival = rivals.of_suite(suite);
        for one in selected {
            let Some(Rival { program, launch, .. }) = rival else { break };
            let its_own = Pass { program, launch, ..pass };
            let reference = Entrant { pass: its_own, selected: Selected { index: stranger, ..one.clone() } };
            let mut batch = confirmed(&reference, vec![Entrant { pass, selected: one.clone() }], measuring)?;
            batch.compared.result.records.remove(&stranger);
            compared.extend(batch.compared.result.records.keys());
            unfit.extend(batch.unfit);
            all.result.records.extend(batch.compared.result.records);
            all.ratios.extend(batch.compared.ratios);
        }
    }
    for (at, first) in selected.iter().enumerate().filter(|_| rivals.is_none()) {
        let Some(reference) = suite.benchmarks[first.index].against.as_deref() else { continue };
        let is_of_group = |one: &&Selected| {
            suite.benchmarks[one.index].against.as_ref().is_some_and(|against| against.name == reference.name)
        };
        if selected[..at].iter().any(|one| is_of_group(&one)) {
            continue;
        }
        let own = suite.benchmarks.iter().position(|one| one.name == reference.name);
        if own.is_some_and(|own| selected.iter().all(|one| one.index != own)) {
            // It has failed before.
            continue;
        }
        let reference = Entrant { pass, selected: reference.selected(own.unwrap_or(stranger)) };
        let mut others: Vec<Entrant> =
            selected.iter().filter(is_of_group).map(|one| Entrant { pass, selected: one.clone() }).collect();
        while !others.is_empty() {
            let some: Vec<Entrant> = others.drain(..others.len().min(MOST_BESIDE)).collect();
            let mut batch = confirmed(&reference, some, measuring)?;
            if !batch.compared.result.records.contains_key(&reference.selected.index) {
                // No other batch would have a reference.
                unfit.extend(batch.unfit);
                break;
            }
            others.splice(..0, batch.postponed.drain(..));
            batch.compared.result.records.remove(&stranger);
            compared.extend(batch.compared.result.records.keys());
            unfit.extend(batch.unfit);
            let known = &mut all.result.records;
            batch.compared.result.records.into_iter().for_each(|(index, records)| {
                known.entry(index).or_insert(records);
            });
            all.ratios.extend(batch.compared.ratios);
        }
    }
    let left: Vec<Selected> = selected.iter().filter(|one| !compared.contains(&one.index)).cloned().collect();
    let rest = measuring.pass(Phase::Time, suite, &left)?;
    for one in left.iter().filter(|one| unfit.contains(&one.index) && rest.records.contains_key(&one.index)) {
        measuring.observer.warns(&format!("{}: cannot run beside another benchmark, and was timed alone", one.name));
    }
    let PassResult { records, failures, afterwards, .. } = rest;
    all.result.records.extend(records);
    all.result.failures.extend(failures);
    all.result.afterwards = afterwards;
    Ok(all)
}

/// The result of one batch.
struct Batch<'a> {
    compared: Compared,
    /// There was no memory for these beside the others.
    postponed: Vec<Entrant<'a>>,
    /// These did not run beside the others.
    unfit: Vec<usize>,
}

/// As [`compare`]; a difference that the places of two processes in memory may explain has to show in two others as well.
fn confirmed<'a>(reference: &Entrant<'a>, others: Vec<Entrant<'a>>, measuring: &mut Measuring) -> Result<Batch<'a>> {
    let mut batch = compare(reference, others.clone(), measuring)?;
    let placement = placement(measuring);
    let ratios = &mut batch.compared.ratios;
    let in_doubt = |one: &Entrant| ratios.get(&one.selected.index).is_some_and(|ratio| ratio.may_be(placement));
    let mut doubted: Vec<Entrant> = others.into_iter().filter(in_doubt).collect();
    let indices: Vec<usize> = doubted.iter().map(|one| one.selected.index).collect();
    let mut again = HashMap::new();
    while !doubted.is_empty() {
        let second = compare(reference, doubted, measuring)?;
        again.extend(second.compared.ratios);
        doubted = second.postponed;
    }
    for index in indices {
        let first = ratios[&index];
        // A second look that failed confirms nothing.
        let joint = again.get(&index).and_then(|again| Ratio::join(&[first, *again]));
        ratios.insert(index, joint.unwrap_or(Ratio { lower: None, upper: None, ..first }));
    }
    Ok(batch)
}

/// Times `reference` and the others in turns. A benchmark that cannot be timed so is left out, for whatever reason:
/// alone it may work. If the reference cannot, all are left out.
fn compare<'a>(reference: &Entrant<'a>, others: Vec<Entrant<'a>>, measuring: &mut Measuring) -> Result<Batch<'a>> {
    let mut batch = Batch { compared: Compared::default(), postponed: Vec::new(), unfit: Vec::new() };
    let mut players: Vec<Player> = Vec::new();
    let mut waiting = std::iter::once(reference.clone()).chain(others);
    let mut longest = Duration::ZERO;
    while let Some(entrant) = waiting.next() {
        measuring.observer.begins(Phase::Time, entrant.selected.name);
        let is_reference = players.is_empty();
        let begun = Instant::now();
        let patience = if is_reference { entrant.pass.options.timeout } else { PATIENCE + longest * 4 };
        let patience = patience.min(entrant.pass.options.timeout);
        let folder = entrant.pass.options.dir.join(format!("turn-{}", players.len()));
        match Player::start(&entrant, &folder, patience, measuring)? {
            Some(player) => players.push(player),
            None => {
                batch.unfit.push(entrant.selected.index);
                if is_reference {
                    // There is no reference to compare with.
                    return Ok(batch);
                }
            }
        }
        longest = longest.max(begun.elapsed());
        let pids: Vec<u32> = players.iter().map(|player| player.id()).collect();
        if memory::is_short(&pids) {
            // Compares at least one at a time, or there would be no end; and none if there is no room for two.
            match is_reference {
                true => batch.unfit.extend(waiting.by_ref().map(|one| one.selected.index)),
                false => batch.postponed.extend(waiting.by_ref()),
            }
        }
    }
    play(&mut players, reference.pass.options.timeout, measuring)?;
    if players[0].is_out {
        batch.unfit.push(reference.selected.index);
        return Ok(batch);
    }
    let mut sampled: Vec<(usize, Timed, Vec<u64>)> = Vec::new();
    batch.unfit.extend(players.iter().filter(|player| player.is_out).map(|player| player.index));
    for player in players.into_iter().filter(|player| !player.is_out) {
        let index = player.index;
        let Some((records, turns)) = player.end(measuring)? else { continue };
        if let Some(timed) = records.iter().find_map(|record| match record {
            Record::Timed(timed) => Some(timed.clone()),
            _ => None,
        }) {
            sampled.push((index, timed, turns));
            batch.compared.result.records.insert(index, records);
        }
    }
    if let Some(((first, of_reference, turns), others)) = sampled.split_first()
        && *first == reference.selected.index
    {
        let (placement, of_reference) = (placement(measuring), timeline(of_reference, turns));
        for (index, timed, turns) in others {
            let ratios = pairs::ratios(&of_reference, &timeline(timed, turns));
            batch.compared.ratios.extend(Ratio::of_pairs(&ratios, placement).map(|ratio| (*index, ratio)));
        }
    }
    Ok(batch)
}

fn placement(measuring: &Measuring) -> Placement {
    if measuring.rivals.is_some() { Placement::TwoPrograms } else { Placement::OneProgram }
}

/// Nanoseconds an iteration of each sample, by the number of its turn, without those in which it waited for a processor:
/// they say more about the machine's other work than about the benchmark.
fn timeline(timed: &Timed, turns: &[u64]) -> Vec<(u64, f64)> {
    let is_wall_time = timed.wall_time && !timed.custom;
    let delayed = |sample: &TimedSample| if is_wall_time { sample.delayed } else { 0.0 };
    let times = timed.samples.iter().map(|one| one.value * (1.0 - delayed(one)) / one.iterations as f64);
    turns.iter().copied().zip(times).collect()
}

/// Lets the players take their turns until none has samples left or can go on.
fn play(players: &mut [Player], timeout: Duration, measuring: &mut Measuring) -> Result<()> {
    let rounds = players.iter().map(|player| player.samples).max().unwrap_or(0);
    let (mut chance, mut turn) = (Chance(0x9E37_79B9_7F4A_7C15), 0);
    for round in 0..rounds {
        // A player with fewer samples takes them spread over all rounds.
        let due = |player: &Player| (round + 1) * player.samples / rounds > round * player.samples / rounds;
        let mut order: Vec<usize> = (0..players.len()).filter(|&at| due(&players[at])).collect();
        chance.shuffle(&mut order);
        for at in order {
            let player = &mut players[at];
            if player.is_out {
                continue;
            }
            turn += 1;
            player.take_turn(turn, timeout, measuring)?;
        }
        if players[0].is_out {
            break;
        }
    }
    Ok(())
}

/// xorshift64*, by Marsaglia and Vigna: the same order in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    /// Fisher and Yates.
    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_without_its_wait_for_a_processor() {
        let sample = |value: f64, delayed: f64| TimedSample { iterations: 2, value, delayed };
        let timed = Timed {
            index: 0,
            custom: false,
            wall_time: true,
            interrupted: 1,
            stolen_ms: 0,
            largest_iterations: 2,
            samples: vec![sample(20.0, 0.0), sample(40.0, 0.5)],
        };
        assert_eq!(timeline(&timed, &[1, 4]), [(1, 10.0), (4, 10.0)]);
        // The values of another measurement, or of a closure that times itself, may be anything.
        for other in [Timed { wall_time: false, ..timed.clone() }, Timed { custom: true, ..timed }] {
            assert_eq!(timeline(&other, &[1, 4]), [(1, 10.0), (4, 20.0)]);
        }
    }
}
