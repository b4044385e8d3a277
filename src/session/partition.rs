//! `--partition K/N`: which of N machines measures a benchmark. It depends on the benchmark's name alone, so that a new
//! benchmark moves no other.

/// The `number`th of `of` parts, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    number: u64,
    of: u64,
}

impl Partition {
    /// Reads `2/5`.
    pub fn parse(text: &str) -> Result<Partition, String> {
        let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse::<u64>().ok()?, n.parse::<u64>().ok()?)));
        match numbers {
            Some((number, of)) if 1 <= number && number <= of => Ok(Partition { number, of }),
            _ => Err("it is K/N, with K from 1 to N: 2/5".to_owned()),
        }
    }

    pub fn is_first(self) -> bool {
        self.number == 1
    }

    /// Whether the benchmark with this full name is in it.
    pub fn has(self, name: &str) -> bool {
        hash(name) % self.of == self.number - 1
    }
}

/// FNV-1a, mixed (its low bits alone are poor): written out, since it must never change.
pub fn hash(text: &str) -> u64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_one_part_and_stays_there() {
        let parts: Vec<Partition> = (1..=5).map(|k| Partition::parse(&format!("{k}/5")).unwrap()).collect();
        let names: Vec<String> = (0..1000).map(|i| format!("p/t/case/{i}")).collect();
        for name in &names {
            assert_eq!(parts.iter().filter(|part| part.has(name)).count(), 1);
        }
        for part in &parts {
            let size = names.iter().filter(|name| part.has(name)).count();
            assert!((150..=250).contains(&size), "{size}");
        }
        assert_eq!(hash("p/t/pooled"), hash("p/t/pooled"));
        assert_eq!(hash(""), 0xecba_3df2_c338_3c52);
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for text in ["0/5", "6/5", "1", "1/0", "a/b", "/", "-1/2"] {
            assert!(Partition::parse(text).is_err(), "{text}");
        }
    }
}
