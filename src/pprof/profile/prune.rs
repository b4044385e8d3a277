//! Cuts frames off the leaf's side: drop_frames and keep_frames when a profile is loaded, `-prune_from` on request.

use super::model::Profile;
use super::pattern::Pattern;

/// A function's name without its arguments, so that a pattern for `malloc` finds `malloc(size_t)`. Names that contain
/// brackets themselves keep them.
fn without_arguments(name: &str) -> &str {
    const RESERVED: [&str; 2] = ["(anonymous namespace)", "operator()"];
    let name = name.strip_prefix('.').unwrap_or(name);
    let mut at = 0;
    while let Some(found) = name[at..].find(['(', 'o']) {
        at += found;
        match RESERVED.iter().find(|reserved| name[at..].starts_with(**reserved)) {
            Some(reserved) => at += reserved.len(),
            None if name[at..].starts_with('(') => return &name[..at],
            None => at += 1,
        }
    }
    name
}

impl Profile {
    /// For each function, whether `test` holds for its simplified name; never for a nameless one.
    fn named(&self, test: impl Fn(&str) -> bool) -> Vec<bool> {
        self.functions
            .iter()
            .map(|function| !function.name.is_empty() && test(without_arguments(&function.name)))
            .collect()
    }

    /// Applies the profile's own drop_frames and keep_frames. A pattern that does not compile changes nothing.
    pub fn remove_uninteresting(&mut self) {
        let whole = |pattern: &str| Pattern::new(&format!("^({pattern})$"));
        if self.drop_frames.is_empty() {
            return;
        }
        let Ok(drop) = whole(&self.drop_frames) else { return };
        let keep = if self.keep_frames.is_empty() { None } else { Some(whole(&self.keep_frames)) };
        if let Ok(keep) = keep.transpose() {
            self.prune(&drop, keep.as_ref());
        }
    }

    /// Cuts every sample at the frame nearest to the root that matches `drop` and not `keep`, that frame included, but
    /// never before the first frame that does not match: every sample keeps some frames.
    fn prune(&mut self, drop: &Pattern, keep: Option<&Pattern>) {
        let dropped = self.named(|name| drop.matches(name) && !keep.is_some_and(|keep| keep.matches(name)));
        // Each location loses nothing, its inner lines, or all of its lines.
        let mut whole = vec![false; self.locations.len()];
        let mut beneath = vec![false; self.locations.len()];
        for (index, location) in self.locations.iter_mut().enumerate() {
            let Some(line) = location.lines.iter().rposition(|line| dropped[line.function as usize]) else { continue };
            beneath[index] = true;
            if line + 1 == location.lines.len() {
                whole[index] = true;
            } else {
                location.lines.drain(..=line);
            }
        }
        for sample in &mut self.samples {
            let mut found_user = false;
            for position in (0..sample.locations.len()).rev() {
                let index = sample.locations[position] as usize;
                if !beneath[index] {
                    found_user = true;
                } else if found_user {
                    sample.locations.drain(..if whole[index] { position + 1 } else { position });
                    break;
                }
            }
        }
    }

    /// Cuts every sample beneath the matching frame that is nearest to the leaf; that frame stays.
    pub fn prune_from(&mut self, pattern: &Pattern) {
        let matched = self.named(|name| pattern.matches(name));
        let mut found = vec![false; self.locations.len()];
        for (found, location) in found.iter_mut().zip(&mut self.locations) {
            if let Some(line) = location.lines.iter().position(|line| matched[line.function as usize]) {
                *found = true;
                location.lines.drain(..line);
            }
        }
        for sample in &mut self.samples {
            if let Some(position) = sample.locations.iter().position(|index| found[*index as usize]) {
                sample.locations.drain(..position);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_and_reserved_brackets_stay() {
        assert_eq!(without_arguments("malloc(unsigned)"), "malloc");
        assert_eq!(without_arguments(".malloc"), "malloc");
        assert_eq!(without_arguments("(anonymous namespace)::f(int)"), "(anonymous namespace)::f");
        assert_eq!(without_arguments("Foo::operator()(int)"), "Foo::operator()");
        assert_eq!(without_arguments("föö"), "föö");
    }
}
