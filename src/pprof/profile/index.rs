//! Finds the value that a report shows, among those of each sample.

use super::model::Profile;

impl Profile {
    /// The index of the sample type called `name`: a number, a type's name, or `inuse_` and the name (old profiles
    /// called `inuse_space` just `space`). Empty: the default, which is the last one unless the profile says
    /// otherwise. Meaningless if there are no sample types.
    pub fn sample_index(&self, name: &str) -> Result<usize, String> {
        let kinds = || self.sample_types.iter().map(|value_type| &*value_type.kind);
        if name.is_empty() {
            let default = kinds().position(|kind| !kind.is_empty() && kind == &*self.default_sample_type);
            return Ok(default.unwrap_or(self.sample_types.len().saturating_sub(1)));
        }
        if let Ok(index) = name.parse::<i64>() {
            let known = usize::try_from(index).ok().filter(|index| *index < self.sample_types.len());
            let last = self.sample_types.len() as i64 - 1;
            return known.ok_or_else(|| format!("sample_index {name} is outside the range [0..{last}]"));
        }
        let short = name.strip_prefix("inuse_").unwrap_or(name);
        kinds()
            .position(|kind| kind == name || kind == short)
            .ok_or_else(|| format!("sample_index {name:?} must be one of: [{}]", kinds().collect::<Vec<_>>().join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ValueType;
    use super::*;

    #[test]
    fn names_numbers_and_aliases() {
        let kinds = ["objects", "space", "alloc_space"].map(|kind| ValueType::new(kind, "count"));
        let mut profile = Profile { sample_types: kinds.to_vec(), ..Profile::default() };
        assert_eq!(profile.sample_index(""), Ok(2));
        profile.default_sample_type = "space".into();
        assert_eq!(profile.sample_index(""), Ok(1));
        assert_eq!(profile.sample_index("inuse_space"), Ok(1));
        assert_eq!(profile.sample_index("0"), Ok(0));
        assert_eq!(profile.sample_index("3").unwrap_err(), "sample_index 3 is outside the range [0..2]");
        assert_eq!(
            profile.sample_index("x").unwrap_err(),
            r#"sample_index "x" must be one of: [objects space alloc_space]"#
        );
    }
}
