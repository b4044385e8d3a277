//! How a rule is held against a site. Without its evidence, all of it, no rule speaks.

use super::operation::Operation;
use super::sites::Group;
use crate::explain::explanation::{Effect, Remedy};
pub use crate::explain::rule_table::RULES;
use crate::records::Growth;
use crate::results::notation;

/// What must be seen, what would stop it, what would change.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub name: &'static str,
    pub operations: &'static [Operation],
    pub evidence: &'static [Evidence],
    pub advice: &'static str,
    pub change: Change,
}

/// Something that can be seen at a site, of the blocks that begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    Grew,
    /// Every block grew, and if there are several in an operation, to one size: one capacity suits them all.
    EachGrew,
    NeverGrew,
    /// Capacity was given back.
    Shrank,
    /// All were freed in the operation, by the thread that allocated them and by code of the operation's own.
    FreedInside,
    /// By the function that made them, too, so that none was given to a caller or to another function for good.
    FreedWhereMade,
    /// Neither line nor statement begins with `self.`, and it is not freed as a part of something else: it is no part of an object, which would have to be kept with it.
    NotAField,
    /// No object of a type of the user's or of another crate has it, which could change it, or be used later.
    NotInObject,
    OneAtATime,
    /// At least so many lived at once.
    LiveAtOnce(u64),
    /// All have the same size.
    OneSize,
    SizeAtMost(u64),
    OncePerOperation,
    SeveralPerOperation,
    AtLeastOncePerOperation,
    /// The function's head says `-> Box<dyn Trait>`.
    ReturnsDyn,
    /// No thread is started in the operation, and only one allocates: it can be lent.
    OneThread,
    /// Neither the line nor the function's head speaks of `dyn`.
    NoDyn,
    /// The line has this text.
    SourceSays(&'static str),
    /// The statement can be read, and nothing in it is `mut`: what it makes is only looked at.
    NotMutable,
}

/// What a remedy changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing is allocated any more.
    Gone,
    /// Each block is allocated once, with the size that it has in the end.
    FinalSizeOnly,
    /// One block, as large as the largest, stands for all of an operation.
    OneLargest,
    /// All blocks lie in one.
    OneBlock,
}

/// A site as the rules see it.
pub(super) struct Case<'a> {
    pub group: &'a Group,
    /// Operations that were followed.
    pub followed: u64,
    /// All that they did was followed.
    pub whole: bool,
    /// The operation runs on one thread.
    pub one_thread: bool,
    /// The line's text; empty where it cannot be read.
    pub source: &'a str,
    /// The text of the statement up to that line; empty likewise.
    pub statement: &'a str,
    /// The function's head.
    pub head: &'a str,
    /// The line is the user's, and no other crate stands between it and the allocator.
    pub in_own_code: bool,
}

/// What would stop it: the first rule that fits; then the first that saves more calls.
pub(super) fn remedies(case: &Case) -> Vec<Remedy> {
    const MOST: usize = 2;
    let mut remedies: Vec<Remedy> = Vec::new();
    if !case.in_own_code || !case.whole || case.followed == 0 || case.begun() == 0 {
        return remedies;
    }
    for rule in RULES.iter().filter(|rule| rule.fits(case)) {
        let effect = case.effect(rule.change);
        let better = remedies.last().is_none_or(|last| effect.allocs_per_op < last.effect.allocs_per_op);
        if effect.allocs_per_op < 0.0 && better && remedies.len() < MOST {
            remedies.push(Remedy { rule: rule.name.to_owned(), advice: case.fill_in(rule.advice), effect });
        }
    }
    remedies
}

impl Rule {
    fn fits(&self, case: &Case) -> bool {
        self.operations.contains(&case.group.key.operation) && self.evidence.iter().all(|evidence| case.shows(evidence))
    }
}

impl Case<'_> {
    fn growth(&self) -> &Growth {
        self.group.growth()
    }

    /// Blocks that began here, in all operations that were followed.
    fn begun(&self) -> u64 {
        self.group.life.fresh + self.group.life.zeroed
    }

    /// The most that lived at once; at least so many, where there were too many to tell.
    fn most_live(&self) -> u64 {
        self.group.most_live.unwrap_or(self.group.life.most_live)
    }

    fn shows(&self, evidence: &Evidence) -> bool {
        let (growth, life) = (self.growth(), &self.group.life);
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
                    && self.group.freed_somewhere > 0
                    && self.group.dropped_by_harness == 0
            }
            Evidence::FreedWhereMade => self.group.freed_where_made && self.group.freed_somewhere > 0,
            Evidence::NotAField => {
                let named = [self.source.trim_start(), self.statement].iter().any(|text| text.starts_with("self."));
                !named && !self.group.freed_as_part
            }
            Evidence::NotInObject => !self.group.freed_in_object,
            Evidence::OneAtATime => self.group.most_live == Some(1),
            Evidence::LiveAtOnce(least) => self.most_live() >= least,
            Evidence::OneSize => life.sizes.len() == 1 && life.other_sizes == 0 && growth.calls == growth.blocks,
            Evidence::SizeAtMost(most) => growth.most_last <= most,
            Evidence::OncePerOperation => growth.blocks == self.followed,
            Evidence::SeveralPerOperation => growth.blocks >= 2 * self.followed,
            Evidence::AtLeastOncePerOperation => growth.blocks >= self.followed,
            Evidence::ReturnsDyn => self.returned_trait().is_some(),
            Evidence::OneThread => self.one_thread,
            Evidence::NoDyn => !self.source.is_empty() && !self.source.contains("dyn ") && !self.head.contains("dyn "),
            Evidence::SourceSays(text) => self.source.contains(text),
            Evidence::NotMutable => !self.statement.is_empty() && !says_mut(self.statement),
        }
    }

    /// `Read` of `-> Box<dyn Read + '_>`.
    pub(super) fn returned_trait(&self) -> Option<&str> {
        let (_, returned) = self.head.split_once("->")?;
        let (_, object) = returned.split_once("Box<dyn ")?;
        let end = object.find(['+', '>', '<', '('])?;
        Some(object[..end].trim())
    }

    fn effect(&self, change: Change) -> Effect {
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
        Effect { allocs_per_op: -calls, bytes_per_op: -bytes, exact: self.group.steady }
    }

    fn fill_in(&self, advice: &str) -> String {
        let growth = self.growth();
        let grouped = |count: u64| notation::grouped(&count.to_string());
        let range = |least: u64, most: u64| {
            if least == most { grouped(most) } else { format!("{} to {}", grouped(least), grouped(most)) }
        };
        let last = range(growth.least_last, growth.most_last);
        let element = self.group.element_bytes.filter(|size| {
            let last = [growth.least_last, growth.most_last];
            last.iter().all(|bytes| bytes % size == 0)
        });
        let capacity = element
            .map_or_else(String::new, |size| format!("({})", range(growth.least_last / size, growth.most_last / size)));
        let capacity = format!("{capacity}, {last} B at the end");
        let size = self.group.life.sizes.first().map_or(0, |(size, _)| *size);
        advice
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
