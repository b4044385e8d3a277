//! Selects samples and frames: focus, ignore, hide, show, show_from.
//!
//! A pattern matches a frame by its function's name or file, and a location also by its mapping's file. Each function
//! is matched once, not each frame: profiles have a hundred frames for every function.

use super::model::{Line, Location, Profile, Sample};
use super::pattern::Pattern;

/// Which functions and mappings a pattern matches.
struct Matches {
    functions: Vec<bool>,
    mappings: Vec<bool>,
}

impl Matches {
    fn new(profile: &Profile, pattern: &Pattern) -> Self {
        let functions = profile
            .functions
            .iter()
            .map(|function| pattern.matches(&function.name) || pattern.matches(&function.filename));
        let mappings = profile.mappings.iter().map(|mapping| pattern.matches(&mapping.file));
        Matches { functions: functions.collect(), mappings: mappings.collect() }
    }

    fn line(&self, line: &Line) -> bool {
        self.functions[line.function as usize]
    }

    fn mapping(&self, location: &Location) -> bool {
        location.mapping.is_some_and(|mapping| self.mappings[mapping as usize])
    }

    fn location(&self, location: &Location) -> bool {
        location.lines.iter().any(|line| self.line(line)) || self.mapping(location)
    }
}

/// The patterns of [`Profile::filter_by_name`]; `None` does not filter.
#[derive(Default)]
pub struct NameFilters<'a> {
    pub focus: Option<&'a Pattern>,
    pub ignore: Option<&'a Pattern>,
    pub hide: Option<&'a Pattern>,
    pub show: Option<&'a Pattern>,
}

/// Whether each pattern matched anything.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NameMatches {
    pub focus: bool,
    pub ignore: bool,
    pub hide: bool,
    pub show: bool,
}

impl Profile {
    /// Keeps the samples that have a location matching `focus` and none matching `ignore`, and in them the frames that
    /// do not match `hide` and do match `show`. Drops samples that have no frame left.
    pub fn filter_by_name(&mut self, filters: &NameFilters<'_>) -> NameMatches {
        let mut found = NameMatches::default();
        let [focus, ignore, hide, show] = [filters.focus, filters.ignore, filters.hide, filters.show]
            .map(|pattern| pattern.map(|pattern| Matches::new(self, pattern)));
        if focus.is_none() && ignore.is_none() && hide.is_none() && show.is_none() {
            found.focus = true;
            return found;
        }
        let mut focused = vec![false; self.locations.len()];
        let mut ignored = vec![false; self.locations.len()];
        let mut hidden = vec![false; self.locations.len()];
        for (index, location) in self.locations.iter_mut().enumerate() {
            if ignore.as_ref().is_some_and(|ignore| ignore.location(location)) {
                found.ignore = true;
                ignored[index] = true;
            } else if focus.as_ref().is_none_or(|focus| focus.location(location)) {
                found.focus = true;
                focused[index] = true;
            }
            if let Some(hide) = hide.as_ref().filter(|hide| hide.location(location)) {
                found.hide = true;
                let whole = hide.mapping(location);
                location.lines.retain(|line| !whole && !hide.line(line));
                hidden[index] |= location.lines.is_empty();
            }
            if let Some(show) = &show {
                if !show.mapping(location) {
                    location.lines.retain(|line| show.line(line));
                }
                hidden[index] |= location.lines.is_empty();
                found.show |= !location.lines.is_empty();
            }
        }
        let any_ignored = found.ignore;
        let all_focused = !focused.contains(&false);
        self.samples.retain(|sample| {
            let stack = &sample.locations;
            !(any_ignored && stack.iter().any(|index| ignored[*index as usize]))
                && if all_focused { !stack.is_empty() } else { stack.iter().any(|index| focused[*index as usize]) }
        });
        if hidden.contains(&true) {
            self.samples.retain_mut(|sample| {
                sample.locations.retain(|index| !hidden[*index as usize]);
                !sample.locations.is_empty()
            });
        }
        found
    }

    /// Cuts off, from every sample, the frames above the highest one that matches; drops samples without one. Returns
    /// whether any matched.
    pub fn show_from(&mut self, pattern: &Pattern) -> bool {
        let matches = Matches::new(self, pattern);
        let mut found = vec![false; self.locations.len()];
        for (found, location) in found.iter_mut().zip(&mut self.locations) {
            *found = matches.mapping(location);
            if !*found && let Some(last) = location.lines.iter().rposition(|line| matches.line(line)) {
                location.lines.truncate(last + 1);
                *found = true;
            }
        }
        let last = |sample: &Sample| sample.locations.iter().rposition(|index| found[*index as usize]);
        self.samples.retain(|sample| last(sample).is_some());
        for sample in &mut self.samples {
            let last = last(sample);
            sample.locations.truncate(last.map_or(0, |last| last + 1));
        }
        found.contains(&true)
    }

    /// Keeps the samples that `focus` accepts and `ignore` does not. Returns whether each accepted any.
    pub fn filter_by_tag(
        &mut self,
        focus: Option<&dyn Fn(&Sample) -> bool>,
        ignore: Option<&dyn Fn(&Sample) -> bool>,
    ) -> (bool, bool) {
        let (mut any_focused, mut any_ignored) = (false, false);
        if focus.is_none() && ignore.is_none() {
            return (!self.samples.is_empty(), false);
        }
        self.samples.retain(|sample| {
            let focused = focus.is_none_or(|focus| focus(sample));
            let ignored = ignore.is_some_and(|ignore| ignore(sample));
            any_focused |= focused;
            any_ignored |= ignored;
            focused && !ignored
        });
        (any_focused, any_ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Builder, ValueType};
    use super::*;

    /// `leaf < inlined|caller < root`, and `other < root`.
    fn profile() -> Profile {
        let mut builder = Builder::new(vec![ValueType::new("n", "count")]);
        let mut line = |name: &str| Line { function: builder.function(name, "", "", 0), line: 1, column: 0 };
        let lines =
            [vec![line("leaf")], vec![line("inlined"), line("caller")], vec![line("root")], vec![line("other")]];
        let [leaf, middle, root, other] = lines.map(|lines| builder.location(None, 0, lines));
        builder.sample(vec![leaf, middle, root], vec![1], vec![]);
        builder.sample(vec![other, root], vec![2], vec![]);
        builder.finish()
    }

    fn stacks(profile: &Profile) -> Vec<String> {
        let name = |line: &Line| profile.functions[line.function as usize].name.to_string();
        let location =
            |index: &u32| profile.locations[*index as usize].lines.iter().map(name).collect::<Vec<_>>().join("|");
        profile
            .samples
            .iter()
            .map(|sample| sample.locations.iter().map(location).collect::<Vec<_>>().join(" "))
            .collect()
    }

    fn filtered(change: impl Fn(&mut NameFilters<'static>, &'static Pattern), pattern: &str) -> Vec<String> {
        let pattern = Box::leak(Box::new(Pattern::new(pattern).unwrap()));
        let mut filters = NameFilters::default();
        change(&mut filters, pattern);
        let mut profile = profile();
        profile.filter_by_name(&filters);
        stacks(&profile)
    }

    #[test]
    fn each_filter_does_its_part() {
        assert_eq!(filtered(|filters, pattern| filters.focus = Some(pattern), "inlined"), ["leaf inlined|caller root"]);
        assert_eq!(filtered(|filters, pattern| filters.ignore = Some(pattern), "leaf"), ["other root"]);
        assert_eq!(filtered(|filters, pattern| filters.hide = Some(pattern), "inlined|root"), ["leaf caller", "other"]);
        assert_eq!(filtered(|filters, pattern| filters.show = Some(pattern), "caller"), ["caller"]);
    }

    #[test]
    fn show_from_cuts_above_the_highest_match() {
        let mut profile = profile();
        assert!(profile.show_from(&Pattern::new("inlined").unwrap()));
        assert_eq!(stacks(&profile), ["leaf inlined"]);
    }
}
