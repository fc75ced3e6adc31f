//! Looks for single bytes eight at a time: bodies and streams are long, and what ends a string or a line is rare.

const WIDTH: usize = 8;
const BLOCK: usize = 4 * WIDTH;
const EACH: u64 = u64::from_le_bytes([1; WIDTH]);
const TOP: u64 = u64::from_le_bytes([0x80; WIDTH]);

/// Where the first quote is, or what else is no plain text of a JSON string: a backslash or a control character.
pub fn plain_text_end(bytes: &[u8]) -> usize {
    // Turned by two, the quote comes next to the control characters.
    first(bytes, |word| below(word ^ (EACH * 2), b' ' + 1) | below(word ^ (EACH * 0x5C), 1))
}

/// Where the first line ends, by LF or CR.
pub fn line_end(bytes: &[u8]) -> Option<usize> {
    let end = first(bytes, |word| below(word ^ (EACH * 0x0A), 1) | below(word ^ (EACH * 0x0D), 1));
    (end < bytes.len()).then_some(end)
}

/// Where a byte of ASCII comes first; the length if it does not.
pub fn find(bytes: &[u8], byte: u8) -> usize {
    first(bytes, |word| below(word ^ (EACH * u64::from(byte)), 1))
}

/// Marks with its top bit the first byte that is less than `bound`; what is marked after it may be wrong, and so may
/// what is not ASCII.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(EACH * u64::from(bound))
}

/// The first byte that is marked in its word, if it is ASCII; the length if none is.
fn first(bytes: &[u8], marks: impl Fn(u64) -> u64) -> usize {
    let marked = |word: &[u8; WIDTH]| {
        let word = u64::from_le_bytes(*word);
        marks(word) & !word & TOP
    };
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk() {
        let found = marked(word);
        if found != 0 {
            return bytes.len() - rest.len() + place(found);
        }
        rest = after;
        // What does not come soon is often far: several words are passed over together.
        while bytes.len() - rest.len() >= BLOCK
            && let Some((block, after)) = rest.split_first_chunk::<BLOCK>()
            && let [a, b, c, d] = block.as_chunks().0
            && marked(a) | marked(b) | marked(c) | marked(d) == 0
        {
            rest = after;
        }
    }
    let mut last = [b'a'; WIDTH];
    last.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
    let found = marked(&last);
    bytes.len() - if found == 0 { 0 } else { rest.len() - place(found) }
}

/// Of marks, the byte of the first.
fn place(marks: u64) -> usize {
    usize::try_from(marks.trailing_zeros() / u8::BITS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_found_wherever_it_is_and_no_other() {
        for length in [1, 5, 8, 15, 16, 33, 39, 48, 57, 81] {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'a'; length];
                    bytes[at] = byte;
                    let naive = |is: &dyn Fn(u8) -> bool| bytes.iter().position(|byte| is(*byte));
                    let text = naive(&|byte| matches!(byte, b'"' | b'\\' | ..=0x1F));
                    assert_eq!(plain_text_end(&bytes), text.unwrap_or(length), "{byte} at {at} of {length}");
                    assert_eq!(find(&bytes, b'"'), naive(&|byte| byte == b'"').unwrap_or(length), "{byte} at {at} of {length}");
                    assert_eq!(line_end(&bytes), naive(&|byte| matches!(byte, b'\n' | b'\r')), "{byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn the_first_is_found_among_others_that_are_not_ascii() {
        let text = "ü€\u{80}😀 \t!#]^ \"ü\" \\ \n\r";
        for (at, _) in text.char_indices() {
            let rest = text.split_at(at).1.as_bytes();
            assert_eq!(plain_text_end(rest), rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..=0x1F)).unwrap_or(rest.len()));
            assert_eq!(line_end(rest), rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')));
        }
    }
}
