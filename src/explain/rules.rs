//! Matches a rule with a site. A rule needs all of its evidence to match.

use super::case::Case;
use super::explanation::{Effect, Remedy};
use super::rule_table::{Change, Evidence, RULES, Rule};
use crate::results::notation;

/// The remedies: the first rule that fits; then the first that saves more calls. Each comes with the number of the site
/// whose calls it saves.
pub(super) fn remedies(case: &Case) -> Vec<(usize, Remedy)> {
    const MOST: usize = 2;
    let mut remedies: Vec<(usize, Remedy)> = Vec::new();
    if !case.in_own_code || !case.whole || case.followed == 0 || case.begun() == 0 {
        return remedies;
    }
    for rule in RULES.iter().filter(|rule| rule.fits(case)) {
        let (at, effect) = case.effect(rule.change);
        let better = remedies.last().is_none_or(|(_, last)| effect.allocs_per_op < last.effect.allocs_per_op);
        if effect.allocs_per_op < 0.0 && better && remedies.len() < MOST {
            let advice = case.fill_in(rule.advice) + &case.where_made(rule.change, at);
            remedies.push((at, Remedy { rule: rule.name.to_owned(), advice, effect }));
        }
    }
    remedies
}

impl Rule {
    fn fits(&self, case: &Case) -> bool {
        self.operations.contains(&case.group().key.operation)
            && self.evidence.iter().all(|evidence| case.shows(evidence))
    }
}

impl Case<'_> {
    /// Blocks that began here, in all operations that were followed.
    fn begun(&self) -> u64 {
        self.group().life.fresh + self.group().life.zeroed
    }

    /// The most that lived at once; a lower bound, if there were too many to tell.
    fn most_live(&self) -> u64 {
        self.group().most_live.unwrap_or(self.group().life.most_live)
    }

    fn shows(&self, evidence: &Evidence) -> bool {
        let (growth, life) = (self.growth(), &self.group().life);
        match *evidence {
            Evidence::Grew => growth.steps > 0,
            Evidence::EachGrew => {
                let alike = growth.blocks <= self.followed || growth.least_last == growth.most_last;
                growth.steps > 0 && growth.grown == growth.blocks && alike
            }
            Evidence::NeverGrew => growth.steps == 0,
            Evidence::Shrank => growth.calls > growth.blocks + growth.steps,
            Evidence::FreedInside => {
                life.kept == 0
                    && life.freed_elsewhere == 0
                    && self.group().freed_somewhere > 0
                    && self.group().dropped_by_harness == 0
            }
            Evidence::FreedWhereMade => self.group().freed_where_made && self.group().freed_somewhere > 0,
            Evidence::NotAField => {
                let named = [self.line().trim_start(), &self.statement].iter().any(|text| text.starts_with("self."));
                !named && !self.group().freed_as_part
            }
            Evidence::NotInObject => !self.group().freed_in_object,
            Evidence::OneAtATime => self.group().most_live == Some(1),
            Evidence::LiveAtOnce(least) => self.most_live() >= least,
            Evidence::OneSize => life.sizes.len() == 1 && life.other_sizes == 0 && growth.calls == growth.blocks,
            Evidence::SizeAtMost(most) => growth.most_last <= most,
            Evidence::OncePerOperation => !self.run && growth.blocks == self.followed,
            Evidence::SeveralPerOperation => growth.blocks >= 2 * self.followed,
            Evidence::AtLeastOncePerOperation => growth.blocks >= self.followed,
            Evidence::Again => !self.run || growth.blocks >= 2 && self.group().most_live == Some(1),
            Evidence::ReturnsDyn => self.returned_trait().is_some(),
            Evidence::OneThread => self.one_thread,
            Evidence::NoDyn => self.source.is_some() && !self.line().contains("dyn ") && !self.head.contains("dyn "),
            Evidence::SourceSays(text) => self.line().contains(text),
            Evidence::NotMutable => !self.statement.is_empty() && !says_mut(&self.statement),
        }
    }

    /// `Read` of `-> Box<dyn Read + '_>`.
    pub(super) fn returned_trait(&self) -> Option<&str> {
        let (_, returned) = self.head.split_once("->")?;
        let (_, object) = returned.split_once("Box<dyn ")?;
        let end = object.find(['+', '>', '<', '('])?;
        Some(object[..end].trim())
    }

    /// The savings of a change, and the site at which it saves: growth is saved where the container grows. Never more
    /// than is there.
    pub(super) fn effect(&self, change: Change) -> (usize, Effect) {
        let growth = self.growth();
        let n = self.followed as f64;
        let (calls, bytes) = (growth.calls as f64 / n, growth.bytes as f64 / n);
        let (blocks, last) = (growth.blocks as f64 / n, growth.last_bytes as f64 / n);
        let (calls, bytes) = match change {
            Change::Gone => (calls, bytes),
            Change::FinalSizeOnly => (calls - blocks, bytes - last),
            Change::OneLargest => (calls - 1.0, bytes - growth.most_last as f64),
            Change::OneBlock => (calls - 1.0, 0.0),
        };
        let most = self.group().grew_in.iter().max_by_key(|(at, steps)| (**steps, **at == self.number));
        let (at, part) = match (change, most) {
            (Change::FinalSizeOnly, Some((&at, &steps))) if growth.steps > 0 => {
                (at, steps as f64 / self.group().grew_in.values().sum::<u64>() as f64)
            }
            _ => (self.number, 1.0),
        };
        let site = &self.groups[at];
        // The followed operations may differ from the counted ones.
        let steady = self.group().steady && site.steady;
        let counted = self.per_op(site.allocs) / (site.followed_calls() as f64 / n);
        let part = if steady || !counted.is_finite() { part } else { part * counted };
        let saved = |saved: f64, there: u64| (saved * part).min(self.per_op(there));
        let (saved_calls, saved_bytes) = (saved(calls, site.allocs), saved(bytes, site.bytes));
        let exact = steady && (saved_calls, saved_bytes) == (calls, bytes);
        (at, Effect { allocs_per_op: -saved_calls, bytes_per_op: -saved_bytes, exact })
    }

    /// The line at which a capacity should be given, if that is not the site's own.
    fn where_made(&self, change: Change, at: usize) -> String {
        let made = if at == self.number { self.made.as_ref() } else { Some(&self.place) };
        match made {
            Some(made) if change == Change::FinalSizeOnly => format!(" (it is made at {made})"),
            _ => String::new(),
        }
    }

    fn fill_in(&self, advice: &str) -> String {
        let growth = self.growth();
        let grouped = |count: u64| notation::grouped(&count.to_string());
        let range = |least: u64, most: u64| {
            if least == most { grouped(most) } else { format!("{} to {}", grouped(least), grouped(most)) }
        };
        let last = range(growth.least_last, growth.most_last);
        let element = self.group().element_bytes.filter(|size| {
            let last = [growth.least_last, growth.most_last];
            last.iter().all(|bytes| bytes % size == 0)
        });
        let capacity = element
            .map_or_else(String::new, |size| format!("({})", range(growth.least_last / size, growth.most_last / size)));
        let capacity = format!("{capacity}, {last} B at the end");
        let size = self.group().life.sizes.first().map_or(0, |(size, _)| *size);
        const NEXT: &str = " from one operation to the next";
        advice
            .replace(NEXT, if self.run { "" } else { NEXT })
            .replace("{last}", &last)
            .replace("{capacity}", &capacity)
            .replace("{size}", &grouped(size))
            .replace("{n}", &grouped(self.most_live()))
            .replace("{trait}", self.returned_trait().unwrap_or_default())
    }
}

/// Whether `mut` stands there, or is a part of a name, as in `iter_mut`.
fn says_mut(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "mut")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::explain::group::{Group, Key};
    use crate::records::{Growth, Life};

    /// Two groups: blocks begin in the first and grow in either. The followed operations may differ from the counted
    /// ones.
    fn groups(rule: &Rule, numbers: &[u64; 12]) -> Vec<Group> {
        let [blocks, steps, elsewhere, bytes, last, most, fresh, grown, allocs, space, other_allocs, other_space] =
            *numbers;
        let growth = Growth {
            blocks,
            grown: blocks.min(steps),
            steps,
            calls: blocks + steps,
            bytes: bytes + last,
            last_bytes: last,
            least_last: most.min(last),
            most_last: most,
        };
        let mut own = Group::new(Key { place: 0, operation: rule.operations[0], via: None });
        own.tables.growth = growth;
        own.life = Life { fresh, grown, grew: growth, ..Life::default() };
        (own.allocs, own.bytes, own.steady) = (allocs, space, false);
        let mut other = Group::new(Key { place: 1, ..own.key.clone() });
        other.life.grown = elsewhere;
        (other.allocs, other.bytes) = (other_allocs, other_space);
        own.grew_in = BTreeMap::from([(0, steps.saturating_sub(elsewhere)), (1, elsewhere)]);
        own.grew_in.retain(|_, steps| *steps > 0);
        vec![own, other]
    }

    fn case<'a>(groups: &'a [Group], iterations: u64, followed: u64) -> Case<'a> {
        Case {
            run: false,
            groups,
            number: 0,
            iterations,
            followed,
            whole: true,
            one_thread: true,
            source: None,
            statement: String::new(),
            head: String::new(),
            in_own_code: true,
            place: String::new(),
            made: None,
        }
    }

    proptest! {
        /// Every rule, whatever was followed and counted.
        #[test]
        fn no_effect_exceeds_what_is_at_its_site(
            numbers in prop::array::uniform12(0u64..5000),
            iterations in 1u64..2000,
            followed in 1u64..10,
        ) {
            for rule in RULES {
                let groups = groups(rule, &numbers);
                let case = case(&groups, iterations, followed);
                let (at, effect) = case.effect(rule.change);
                let site = &groups[at];
                prop_assert!(-effect.allocs_per_op <= case.per_op(site.allocs), "{}: {effect:?}", rule.name);
                prop_assert!(-effect.bytes_per_op <= case.per_op(site.bytes), "{}: {effect:?}", rule.name);
            }
        }
    }

    /// base64's encode_reuse_buf: in the operation that was followed a buffer grew, in 970 of 1,000 that were counted none did.
    #[test]
    fn an_effect_is_per_operation_not_per_occurrence() {
        for rule in RULES.iter().filter(|rule| rule.change == Change::Gone) {
            let mut groups = groups(rule, &[1, 1, 0, 1024, 2048, 2048, 1, 1, 30, 46_080, 0, 0]);
            groups[0].bytes = 46_080;
            let (_, effect) = case(&groups, 1000, 1).effect(rule.change);
            assert_eq!(
                (effect.allocs_per_op, effect.bytes_per_op, effect.exact),
                (-0.03, -46.08, false),
                "{}",
                rule.name
            );
        }
    }

    /// Growth at another line is saved there.
    #[test]
    fn growth_is_saved_where_it_happens() {
        let rule = RULES.iter().find(|rule| rule.name == "small-capacity").unwrap();
        let mut groups = groups(rule, &[1, 3, 3, 120, 128, 128, 1, 0, 10, 80, 30, 1120]);
        groups[0].steady = true;
        let case = case(&groups, 10, 1);
        let (at, effect) = case.effect(rule.change);
        assert_eq!((at, effect.allocs_per_op, effect.bytes_per_op, effect.exact), (1, -3.0, -112.0, false));
        assert_eq!(case.where_made(rule.change, at), " (it is made at )");
    }
}
