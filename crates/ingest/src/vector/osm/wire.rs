//! The wire format of protocol buffers.

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Wire<'a> {
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => &[],
        }
    }

    pub(super) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => 0,
        }
    }
}

/// The fields of a message; ends where it breaks, with `is_broken` set.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    left: &'a [u8],
    pub(super) is_broken: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { left: message, is_broken: false }
    }

    fn step(&mut self) -> Option<(u64, Wire<'a>)> {
        let key = varint(&mut self.left)?;
        let wire = match key & 7 {
            0 => Wire::Number(varint(&mut self.left)?),
            1 => Wire::Number(0).after(take(&mut self.left, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut self.left)?).ok()?;
                Wire::Bytes(take(&mut self.left, length)?)
            }
            5 => Wire::Number(0).after(take(&mut self.left, 4)?),
            _ => return None,
        };
        Some((key >> 3, wire))
    }
}

impl<'a> Wire<'a> {
    /// Itself: what was stepped over is not needed.
    fn after(self, _: &[u8]) -> Self {
        self
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Wire<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let found = self.step();
        if found.is_none() {
            self.is_broken = true;
            self.left = &[];
        }
        found
    }
}

/// Numbers packed one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Packed<'a>(pub(super) &'a [u8]);

impl Iterator for Packed<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        varint(&mut self.0)
    }
}

/// Signed numbers packed as differences, added up.
pub(super) fn summed(packed: &[u8]) -> impl Iterator<Item = i64> + '_ {
    Packed(packed).scan(0_i64, |sum, delta| {
        *sum = sum.wrapping_add(zigzag(delta));
        Some(*sum)
    })
}

pub(super) fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn take<'a>(left: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (found, rest) = left.split_at_checked(count)?;
    *left = rest;
    Some(found)
}

fn varint(left: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for (index, byte) in left.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *left = left.get(index + 1..)?;
            return Some(number);
        }
    }
    None
}
