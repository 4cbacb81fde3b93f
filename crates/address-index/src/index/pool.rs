//! Arrays of varying length in two sections: where each begins, and all of them.

/// Collects items of varying length.
#[derive(Debug)]
pub(crate) struct Pool<T> {
    pub at: Vec<u32>,
    pub items: Vec<T>,
}

impl<T: Copy> Pool<T> {
    pub(crate) fn new() -> Self {
        Self { at: vec![0], items: Vec::new() }
    }
    pub(crate) fn push(&mut self, items: &[T]) {
        self.items.extend_from_slice(items);
        self.at.push(u32::try_from(self.items.len()).unwrap_or(u32::MAX));
    }
    /// Whether offsets still fit.
    pub(crate) fn fits(&self) -> bool {
        u32::try_from(self.items.len()).is_ok()
    }
}

/// The items of one entry; empty where the offsets are wrong.
#[inline]
pub(crate) fn slice_of<'a, T>(at: &[u32], items: &'a [T], entry: usize) -> &'a [T] {
    match (at.get(entry), at.get(entry + 1)) {
        (Some(&from), Some(&to)) => items.get(from as usize..to as usize).unwrap_or_default(),
        _ => &[],
    }
}
