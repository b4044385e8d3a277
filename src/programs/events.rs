//! Samples or waits one by one, in a bounded number: when there are too many, the least are left out.

/// One sample, or one wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// CLOCK_MONOTONIC, in nanoseconds: of a wait, its end.
    pub at: u64,
    /// The number of its stack.
    pub stack: usize,
    pub amount: u64,
    /// Of so many events it is the one that was kept.
    pub weight: u64,
}

/// The part that is kept of too many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every second one, with twice the weight.
    Second,
    /// Those with the largest amounts.
    Largest,
}

#[derive(Debug)]
pub struct Events {
    pub all: Vec<Event>,
    keep: Keep,
    most: usize,
    /// Of `weight` events that come, the last is kept.
    weight: u64,
    passed: u64,
    /// Smaller amounts are left out, and how many were.
    pub least: u64,
    pub left_out: u64,
}

impl Events {
    pub fn new(keep: Keep, most: usize) -> Events {
        Events { all: Vec::new(), keep, most: most.max(2), weight: 1, passed: 0, least: 0, left_out: 0 }
    }

    pub fn push(&mut self, event: Event) {
        self.passed += 1;
        if event.amount < self.least {
            self.left_out += 1;
            return;
        }
        if self.passed < self.weight {
            return;
        }
        self.passed = 0;
        self.all.push(Event { weight: self.weight, ..event });
        if self.all.len() < self.most {
            return;
        }
        match self.keep {
            Keep::Second => {
                self.weight *= 2;
                let mut number = 0;
                self.all.retain_mut(|event| {
                    number += 1;
                    event.weight *= 2;
                    number % 2 == 0
                });
            }
            Keep::Largest => {
                let mut amounts: Vec<u64> = self.all.iter().map(|event| event.amount).collect();
                let (_, middle, _) = amounts.select_nth_unstable(self.most / 2);
                self.least = middle.saturating_add(1);
                let before = self.all.len();
                self.all.retain(|event| event.amount >= self.least);
                self.left_out += (before - self.all.len()) as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(keep: Keep, amounts: impl IntoIterator<Item = u64>) -> Events {
        let mut events = Events::new(keep, 8);
        for (at, amount) in (0..).zip(amounts) {
            events.push(Event { at, stack: 0, amount, weight: 1 });
        }
        events
    }

    #[test]
    fn samples_keep_their_weight_in_all() {
        for number in 0..200 {
            let kept = events(Keep::Second, std::iter::repeat_n(1, number));
            let weight: u64 = kept.all.iter().map(|event| event.weight).sum();
            assert_eq!(weight + kept.passed, number as u64);
            assert!(kept.all.len() < 8 && kept.all.is_sorted_by_key(|event| event.at));
        }
    }

    #[test]
    fn the_longest_waits_stay() {
        let amounts: Vec<u64> = (0..500).map(|i| i * 7919 % 500).collect();
        let kept = events(Keep::Largest, amounts);
        assert!(kept.all.len() < 8 && kept.all.iter().any(|event| event.amount == 499), "{kept:?}");
        assert_eq!(kept.all.len() as u64 + kept.left_out, 500);
        // Equal ones: none is longer than the others.
        let equal = events(Keep::Largest, std::iter::repeat_n(5, 100));
        assert_eq!(equal.all.len() as u64 + equal.left_out, 100);
    }
}
