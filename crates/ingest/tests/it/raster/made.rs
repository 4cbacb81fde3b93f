//! A small writer of TIFF files, of whatever tags and chunks one asks for.

/// A value of a tag.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Double(Vec<f64>),
    Text(&'static str),
}

/// A file with one image. Chunks are stored as given, after the directory.
#[derive(Clone, Debug)]
pub(crate) struct Tiff {
    pub(crate) is_big: bool,
    pub(crate) is_tiled: bool,
    pub(crate) tags: Vec<(u16, Value)>,
    pub(crate) chunks: Vec<Vec<u8>>,
}

impl Tiff {
    /// An uncompressed image of one band of 32-bit floats in tiles of 16 × 16.
    pub(crate) fn heights(width: u32, height: u32, at: impl Fn(u32, u32) -> f32) -> Self {
        let mut tiff = Self {
            is_big: false,
            is_tiled: true,
            tags: vec![
                (256, Value::Long(vec![width])),
                (257, Value::Long(vec![height])),
                (258, Value::Short(vec![32])),
                (259, Value::Short(vec![1])),
                (262, Value::Short(vec![1])),
                (277, Value::Short(vec![1])),
                (322, Value::Short(vec![16])),
                (323, Value::Short(vec![16])),
                (339, Value::Short(vec![3])),
            ],
            chunks: Vec::new(),
        };
        for top in (0..height).step_by(16) {
            for left in (0..width).step_by(16) {
                let rows = (top..top + 16).flat_map(|row| (left..left + 16).map(move |column| (column, row)));
                tiff.chunks.push(rows.flat_map(|(column, row)| at(column, row).to_le_bytes()).collect());
            }
        }
        tiff
    }
    pub(crate) fn with(mut self, tag: u16, value: Value) -> Self {
        self.tags.retain(|(found, _)| *found != tag);
        self.tags.push((tag, value));
        self
    }
    /// Placement and system: tie point, pixel size, keys.
    pub(crate) fn placed(self, tie: [f64; 2], size: f64, keys: &[[u16; 4]]) -> Self {
        let directory = [vec![1, 1, 0, keys.len() as u16], keys.concat()].concat();
        self.with(33_550, Value::Double(vec![size, size, 0.0]))
            .with(33_922, Value::Double(vec![0.0, 0.0, 0.0, tie[0], tie[1], 0.0]))
            .with(34_735, Value::Short(directory))
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let (offset_tag, length_tag) = if self.is_tiled { (324, 325) } else { (273, 279) };
        let lengths = self.chunks.iter().map(|chunk| chunk.len() as u32).collect();
        let mut tags = self.tags.clone();
        tags.push((offset_tag, Value::Long(vec![0; self.chunks.len()])));
        tags.push((length_tag, Value::Long(lengths)));
        tags.sort_by_key(|(tag, _)| *tag);
        let (header, entry, inline) = if self.is_big { (16, 20, 8) } else { (8, 12, 4) };
        let directory =
            header + if self.is_big { 8 + tags.len() * entry + 8 } else { 2 + tags.len() * entry + 4 };
        let bytes_of = |value: &Value| -> (u16, usize, Vec<u8>) {
            match value {
                Value::Short(v) => (3, v.len(), v.iter().flat_map(|n| n.to_le_bytes()).collect()),
                Value::Long(v) => (4, v.len(), v.iter().flat_map(|n| n.to_le_bytes()).collect()),
                Value::Double(v) => (12, v.len(), v.iter().flat_map(|n| n.to_le_bytes()).collect()),
                Value::Text(v) => (2, v.len() + 1, [v.as_bytes(), &[0]].concat()),
            }
        };
        // Values that do not fit their entry, then the chunks.
        let long: usize = tags
            .iter()
            .map(|(_, v)| bytes_of(v).2.len())
            .filter(|len| *len > inline)
            .map(|len| len + len % 2)
            .sum();
        let mut chunk_at = directory + long;
        let offsets: Vec<u32> = self
            .chunks
            .iter()
            .map(|chunk| {
                let at = if chunk.is_empty() { 0 } else { chunk_at as u32 };
                chunk_at += chunk.len();
                at
            })
            .collect();
        for (tag, value) in &mut tags {
            if *tag == offset_tag {
                *value = Value::Long(offsets.clone());
            }
        }
        let mut file = b"II".to_vec();
        if self.is_big {
            file.extend([43, 0, 8, 0, 0, 0]);
            file.extend(16u64.to_le_bytes());
            file.extend((tags.len() as u64).to_le_bytes());
        } else {
            file.extend([42, 0]);
            file.extend(8u32.to_le_bytes());
            file.extend((tags.len() as u16).to_le_bytes());
        }
        let mut beyond = Vec::new();
        for (tag, value) in &tags {
            let (kind, count, mut bytes) = bytes_of(value);
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            if self.is_big {
                file.extend((count as u64).to_le_bytes());
            } else {
                file.extend((count as u32).to_le_bytes());
            }
            if bytes.len() <= inline {
                bytes.resize(inline, 0);
                file.extend(bytes);
            } else {
                let at = directory + beyond.len();
                if self.is_big {
                    file.extend((at as u64).to_le_bytes());
                } else {
                    file.extend((at as u32).to_le_bytes());
                }
                bytes.resize(bytes.len() + bytes.len() % 2, 0);
                beyond.extend(bytes);
            }
        }
        file.extend(vec![0; if self.is_big { 8 } else { 4 }]);
        file.extend(beyond);
        file.extend(self.chunks.concat());
        file
    }
}
