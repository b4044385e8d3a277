//! The samples of a profile: like a `Vec`, but copies share them until one changes them.
//!
//! Each page, table and flame graph uses its own copy of a profile. The tables of functions and locations are small;
//! there may be millions of samples, and most views only leave some out. So each copy notes its remaining samples
//! beside the shared ones, and copies the samples only when it changes one.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use super::model::Sample;

#[derive(Clone, Debug, Default)]
pub struct Samples {
    all: Arc<Vec<Sample>>,
    /// Positions of the remaining samples, ascending; `None`: all of them.
    left: Option<Arc<[u32]>>,
}

impl Samples {
    pub fn len(&self) -> usize {
        self.left.as_ref().map_or(self.all.len(), |left| left.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn iter(&self) -> Iter<'_> {
        let len = self.len();
        Iter { all: &self.all, left: self.left.as_deref(), next: 0, len }
    }

    /// The samples at the positions `from` up to but excluding `to`.
    pub fn part(&self, from: usize, to: usize) -> Iter<'_> {
        Iter { next: from, len: to.min(self.len()), ..self.iter() }
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Sample> {
        self.to_mut().iter_mut()
    }

    pub fn push(&mut self, sample: Sample) {
        self.to_mut().push(sample);
    }

    /// Keeps the samples for which `wanted` returns true. Copies nothing.
    pub fn retain(&mut self, mut wanted: impl FnMut(&Sample) -> bool) {
        let positions = (0..self.len()).map(|at| self.left.as_ref().map_or(at as u32, |left| left[at]));
        self.left = Some(positions.filter(|at| wanted(&self.all[*at as usize])).collect());
    }

    /// Keeps the samples for which `change` returns true, after changing them.
    pub fn retain_mut(&mut self, change: impl FnMut(&mut Sample) -> bool) {
        self.to_mut().retain_mut(change);
    }

    /// The samples for writing: copies them unless they are not shared.
    fn to_mut(&mut self) -> &mut Vec<Sample> {
        if self.left.is_some() {
            self.all = Arc::new(self.iter().cloned().collect());
            self.left = None;
        }
        Arc::make_mut(&mut self.all)
    }
}

impl From<Vec<Sample>> for Samples {
    fn from(all: Vec<Sample>) -> Self {
        Samples { all: Arc::new(all), left: None }
    }
}

impl Index<usize> for Samples {
    type Output = Sample;

    fn index(&self, at: usize) -> &Sample {
        &self.all[self.left.as_ref().map_or(at, |left| left[at] as usize)]
    }
}

impl IndexMut<usize> for Samples {
    fn index_mut(&mut self, at: usize) -> &mut Sample {
        &mut self.to_mut()[at]
    }
}

impl PartialEq for Samples {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = &'a Sample;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Samples {
    type Item = &'a mut Sample;
    type IntoIter = std::slice::IterMut<'a, Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// The samples in their order.
#[derive(Clone)]
pub struct Iter<'a> {
    all: &'a [Sample],
    left: Option<&'a [u32]>,
    next: usize,
    len: usize,
}

impl<'a> Iter<'a> {
    fn at(&self, at: usize) -> &'a Sample {
        &self.all[self.left.map_or(at, |left| left[at] as usize)]
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Sample;

    fn next(&mut self) -> Option<&'a Sample> {
        let at = self.next;
        (at < self.len).then(|| {
            self.next += 1;
            self.at(at)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len - self.next, Some(self.len - self.next))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        (self.next < self.len).then(|| {
            self.len -= 1;
            self.at(self.len)
        })
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: &[i64]) -> Samples {
        let sample = |value: &i64| Sample { values: vec![*value], ..Sample::default() };
        values.iter().map(sample).collect::<Vec<_>>().into()
    }

    fn values(samples: &Samples) -> Vec<i64> {
        samples.iter().map(|sample| sample.values[0]).collect()
    }

    #[test]
    fn a_copy_is_changed_alone() {
        let whole = samples(&[1, 2, 3, 4]);
        let mut part = whole.clone();
        part.retain(|sample| sample.values[0] != 2);
        part.retain(|sample| sample.values[0] != 3);
        assert!(Arc::ptr_eq(&whole.all, &part.all), "leaving out copies nothing");
        assert_eq!((values(&part), part.len(), part[1].values[0]), (vec![1, 4], 2, 4));
        assert_eq!(part.iter().rev().map(|sample| sample.values[0]).collect::<Vec<_>>(), [4, 1]);
        part.iter_mut().for_each(|sample| sample.values[0] *= 10);
        part.push(samples(&[7])[0].clone());
        assert_eq!((values(&part), values(&whole)), (vec![10, 40, 7], vec![1, 2, 3, 4]));
        assert!(part != whole && part == samples(&[10, 40, 7]));
        part.retain_mut(|sample| sample.values[0] > 7);
        assert_eq!(values(&part), [10, 40]);
    }
}
