//! Words by their characters: every word that begins at a place, in one walk.

use super::Atom;

/// A set of words, each with a value. Built once; the order of words with the same characters is that of insertion.
#[derive(Clone, Debug, Default)]
pub struct WordTrie {
    /// Open addressing: key is node and character, 0 is free (no word holds a NUL).
    slots: Vec<(u64, u32)>,
    used: usize,
    /// Of each node: its values.
    values: Vec<Vec<u32>>,
}

impl WordTrie {
    /// No words.
    pub fn new() -> Self {
        Self { slots: vec![(0, 0); 64], used: 0, values: vec![Vec::new()] }
    }
    /// Adds a word; an empty one is left out.
    pub fn insert(&mut self, word: impl IntoIterator<Item = char>, value: u32) {
        let mut node = 0u32;
        for c in word {
            node = match self.child(node, c) {
                Some(child) => child,
                None => {
                    let child = self.values.len() as u32;
                    self.values.push(Vec::new());
                    self.put(key(node, c), child);
                    child
                }
            };
        }
        if let Some(values) = self.values.get_mut(node as usize).filter(|_| node > 0) {
            values.push(value);
        }
    }
    /// Calls `found` with the end and the values of each word that begins at an atom, shortest first. Words of
    /// ideographs only; a gap ends the walk.
    #[inline]
    pub fn words_at<'a>(&'a self, atoms: &[Atom], first: usize, mut found: impl FnMut(usize, &'a [u32])) {
        let mut node = 0;
        for (at, atom) in atoms.iter().enumerate().skip(first) {
            let Some(c) = atom.han().filter(|_| at == first || !atom.gap) else { return };
            let Some(child) = self.child(node, c) else { return };
            node = child;
            if let Some(values) = self.values.get(node as usize).filter(|values| !values.is_empty()) {
                found(at + 1, values);
            }
        }
    }
    /// The longest word that begins at an atom.
    pub fn longest_at<'a>(&'a self, atoms: &[Atom], first: usize) -> Option<(usize, &'a [u32])> {
        let mut longest = None;
        self.words_at(atoms, first, |end, values| longest = Some((end, values)));
        longest
    }

    #[inline]
    fn child(&self, node: u32, c: char) -> Option<u32> {
        let wanted = key(node, c);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash(wanted) as usize & mask;
        loop {
            match self.slots.get(at) {
                Some(&(found, child)) if found == wanted => return Some(child),
                Some(&(0, _)) | None => return None,
                _ => at = (at + 1) & mask,
            }
        }
    }
    fn put(&mut self, wanted: u64, child: u32) {
        if self.used * 2 >= self.slots.len() {
            let doubled = vec![(0, 0); (self.slots.len() * 2).max(64)];
            let old = std::mem::replace(&mut self.slots, doubled);
            self.used = 0;
            old.into_iter().filter(|slot| slot.0 != 0).for_each(|(key, child)| self.put(key, child));
        }
        let mask = self.slots.len() - 1;
        let mut at = hash(wanted) as usize & mask;
        while self.slots[at].0 != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = (wanted, child);
        self.used += 1;
    }
}

fn key(node: u32, c: char) -> u64 {
    u64::from(node) << 21 | u64::from(c)
}

#[inline]
fn hash(key: u64) -> u64 {
    let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Normalized;

    #[test]
    fn finds_every_word_that_begins_here() {
        let mut trie = WordTrie::new();
        let words = ["溪坪", "溪坪街", "溪", "街", "溪坪街"];
        words.iter().zip(0..).for_each(|(word, value)| trie.insert(word.chars(), value));
        trie.insert("".chars(), 9);
        (0..500).for_each(|n| trie.insert(char::from_u32(0x5000 + n), 100 + n));
        let text = Normalized::new("在溪坪街12号，溪 坪");
        let mut found = Vec::new();
        trie.words_at(&text.atoms, 1, |end, values| found.push((end, values.to_vec())));
        assert_eq!(found, [(2, vec![2]), (3, vec![0]), (4, vec![1, 4])]);
        assert_eq!(trie.longest_at(&text.atoms, 6), Some((7, [2].as_slice())));
        assert_eq!(trie.longest_at(&text.atoms, 4), None);
        assert_eq!(trie.longest_at(&text.atoms, 99), None);
        assert_eq!(WordTrie::default().longest_at(&text.atoms, 0), None);
    }
}
