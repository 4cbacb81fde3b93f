//! What a JPEG inside a TIFF must hold to before it is decoded: the decoder takes memory for the size that it claims.

/// Width and height by the frame header (`SOFn`) of a JPEG stream; `None` if there is none in its first bytes.
pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let marker = bytes.get(at..at + 4)?;
        if marker[0] != 0xff {
            return None;
        }
        // Fill bytes before a marker.
        if marker[1] == 0xff {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([marker[2], marker[3]]));
        let is_frame = matches!(marker[1], 0xc0..=0xcf) && !matches!(marker[1], 0xc4 | 0xc8 | 0xcc);
        if is_frame {
            let frame = bytes.get(at + 5..at + 9)?;
            let height = u32::from(u16::from_be_bytes([frame[0], frame[1]]));
            let width = u32::from(u16::from_be_bytes([frame[2], frame[3]]));
            return Some((width, height));
        }
        if length < 2 {
            return None;
        }
        at += 2 + length;
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_found_behind_other_segments() {
        let frame = [0xff, 0xc2, 0, 11, 8, 1, 0, 2, 3, 1, 1, 0x11, 0];
        let with = |before: &[u8]| [&[0xff, 0xd8], before, &frame].concat();
        assert_eq!(size(&with(&[])), Some((0x203, 0x100)));
        assert_eq!(size(&with(&[0xff, 0xe0, 0, 4, 1, 2, 0xff])), Some((0x203, 0x100)));
        assert_eq!(size(&with(&[0xff, 0xc4, 0, 2])), Some((0x203, 0x100)));
        assert_eq!(size(&with(&[0xff, 0xe0, 0, 1])), None);
        assert_eq!(size(&[0xff, 0xd8, 0xff]), None);
        assert_eq!(size(&[]), None);
    }
}
