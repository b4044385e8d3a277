//! The part of protobuf's wire format that profile.proto needs. A generated reader would build the file's tables first
//! and ours from them; this one reads the bytes in place.

/// The bytes are not protobuf, or a field has a different type than profile.proto says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireError;

/// A field's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Varint(u64),
    /// A message, a text or packed numbers.
    Bytes(&'a [u8]),
    /// 32 or 64 fixed bits: no field of profile.proto has this type.
    Fixed,
}

/// Iterates over the fields of a message: `(field number, value)`.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), WireError> {
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(usize::try_from(length).map_err(|_| WireError)?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(WireError),
        };
        Ok((tag >> 3, value))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(WireError)?;
        self.0 = tail;
        Ok(head)
    }
}

impl<'a> Value<'a> {
    pub fn number(self) -> Result<u64, WireError> {
        match self {
            Value::Varint(number) => Ok(number),
            _ => Err(WireError),
        }
    }

    pub fn signed(self) -> Result<i64, WireError> {
        self.number().map(|number| number as i64)
    }

    pub fn flag(self) -> Result<bool, WireError> {
        self.number().map(|number| number != 0)
    }

    pub fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError),
        }
    }

    /// A repeated number: packed or one by one.
    pub fn numbers(self, mut each: impl FnMut(u64)) -> Result<(), WireError> {
        match self {
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    each(varint(&mut packed)?);
                }
            }
            other => each(other.number()?),
        }
        Ok(())
    }
}

/// How many numbers packed `bytes` hold: every number ends in one byte below 128.
pub fn count_packed(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte < 0x80).count()
}

fn varint(data: &mut &[u8]) -> Result<u64, WireError> {
    if let [byte @ 0..=0x7f, rest @ ..] = *data {
        *data = rest;
        return Ok(u64::from(*byte));
    }
    let mut value = 0u64;
    for (position, byte) in data.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * position);
        if *byte < 0x80 {
            *data = &data[position + 1..];
            return Ok(value);
        }
    }
    Err(WireError)
}

/// Appends fields to a message. Zero numbers are left out, as proto3 does.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3);
            self.varint(value);
        }
    }

    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A repeated number: packed when that is shorter.
    pub fn packed(&mut self, field: u64, values: impl ExactSizeIterator<Item = u64>, scratch: &mut Writer) {
        if values.len() > 2 {
            scratch.0.clear();
            values.for_each(|value| scratch.varint(value));
            self.bytes(field, &scratch.0);
        } else {
            for value in values {
                self.varint(field << 3);
                self.varint(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_ten_bytes_wrap_and_eleven_fail() {
        let mut all_ones = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..];
        assert_eq!(varint(&mut all_ones), Ok(u64::MAX));
        assert_eq!(varint(&mut &[0x80; 11][..]), Err(WireError));
        assert_eq!(varint(&mut &[0x80][..]), Err(WireError));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.number(1, 300);
        writer.packed(2, [1u64, u64::MAX, 0].into_iter(), &mut Writer::default());
        writer.bytes(3, b"x");
        let fields: Vec<_> = Fields(&writer.0).map(Result::unwrap).collect();
        assert_eq!(fields[0], (1, Value::Varint(300)));
        let mut numbers = Vec::new();
        fields[1].1.numbers(|number| numbers.push(number)).unwrap();
        assert_eq!(numbers, [1, u64::MAX, 0]);
        assert_eq!(fields[2], (3, Value::Bytes(b"x")));
    }
}
