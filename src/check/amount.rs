//! A number per operation: one, if all passes agreed, else the range they span.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// `low` equals `high` if it is exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    pub low: f64,
    pub high: f64,
}

impl Amount {
    pub fn exact(value: f64) -> Amount {
        Amount { low: value, high: value }
    }

    /// The range that spans both.
    pub fn join(self, other: Amount) -> Amount {
        Amount { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// The amount of one result: its range, if it has one.
    pub fn of(value: f64, range: Option<[f64; 2]>) -> Amount {
        range.map_or(Amount::exact(value), |[low, high]| Amount { low, high })
    }

    pub fn is_exact(self) -> bool {
        self.low == self.high
    }

    fn is_sound(self) -> bool {
        self.low.is_finite() && self.high.is_finite() && 0.0 <= self.low && self.low <= self.high
    }
}

/// In the form of the baseline's text: `1`, `2.5`, `[41.2, 43]`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A NaN, which is shown when it is refused, does not equal itself.
        if self.is_exact() || self.low.is_nan() {
            write!(f, "{}", self.low)
        } else {
            write!(f, "[{}, {}]", self.low, self.high)
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_exact() { self.low.serialize(serializer) } else { [self.low, self.high].serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl AmountVisitor {
    fn sound<E: de::Error>(amount: Amount) -> Result<Amount, E> {
        if amount.is_sound() {
            return Ok(amount);
        }
        Err(E::custom(format!("{amount} is no amount: it must be finite and not negative, and a range must ascend")))
    }
}

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a range [low, high]")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
        AmountVisitor::sound(Amount::exact(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        AmountVisitor::sound(Amount::exact(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
        AmountVisitor::sound(Amount::exact(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Amount, A::Error> {
        let missing = || de::Error::custom("a range has two numbers: [low, high]");
        let low = seq.next_element()?.ok_or_else(missing)?;
        let high = seq.next_element()?.ok_or_else(missing)?;
        if seq.next_element::<f64>()?.is_some() {
            return Err(missing());
        }
        AmountVisitor::sound(Amount { low, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Amount, String> {
        #[derive(Deserialize)]
        struct Holder {
            x: Amount,
        }
        toml::from_str::<Holder>(&format!("x = {text}")).map(|holder| holder.x).map_err(|e| e.message().to_owned())
    }

    #[test]
    fn numbers_and_ranges_come_back_as_they_were_written() {
        for text in ["0", "1", "3064", "0.016", "[41.25, 43]", "100000000"] {
            assert_eq!(parsed(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["nan", "inf", "-1", "[2, 1]", "[1]", "[1, 2, 3]", "\"1\"", "true"] {
            assert!(parsed(text).is_err(), "{text}");
        }
        assert!(parsed("-1").unwrap_err().starts_with("-1 is no amount"));
    }

    #[test]
    fn joined_they_span_both() {
        assert_eq!(Amount::exact(2.0).join(Amount { low: 1.0, high: 1.5 }), Amount { low: 1.0, high: 2.0 });
    }
}
