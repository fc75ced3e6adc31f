//! A caller's key as text: `cw-`, twelve letters by which it is known, 43 that are secret (256 bits), and six that tell
//! a typo from a key that is not known.

use sha2::{Digest, Sha256};

use crate::spelling::hex;
use crate::wire::frame::aws::crc32;

const PREFIX: &str = "cw-";
const ID: usize = 12;
const SECRET: usize = 43;
const CHECK: usize = 6;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was shown, its letters right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub id: String,
    /// What is kept of the whole of it.
    pub hash: String,
}

/// Whether it means to be one of ours.
pub fn is_ours(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// A new id of so much randomness.
pub fn id(random: u128) -> String {
    letters(&random.to_be_bytes(), ID)
}

/// A new key under an id, of 256 random bits.
pub fn mint(id: &str, random: [u8; 32]) -> String {
    let key = format!("{PREFIX}{id}{}", letters(&random, SECRET));
    let check = check(&key);
    key + &check
}

/// Nothing where the letters are not those of any key: it has a typo.
pub fn read(key: &str) -> Option<Shown> {
    let (body, told) = key.split_at_checked(PREFIX.len() + ID + SECRET)?;
    let id = body.strip_prefix(PREFIX)?.get(..ID)?;
    let plain = told.len() == CHECK && body.bytes().skip(PREFIX.len()).all(|byte| LETTERS.contains(&byte));
    (plain && check(body) == told).then(|| Shown { id: id.to_owned(), hash: hash(key) })
}

/// What is kept of a key. It has 256 random bits, so nothing slower is called for.
pub fn hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// What may be shown of a secret.
pub fn hint(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    if letters.len() < 16 {
        return "…".to_owned();
    }
    let first: String = letters.iter().take(7).collect();
    let last: String = letters.iter().skip(letters.len() - 4).collect();
    format!("{first}…{last}")
}

/// Compares in a time that does not tell how much was right.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |unlike, (left, right)| unlike | (left ^ right)) == 0
}

fn check(body: &str) -> String {
    letters(&crc32(body.as_bytes()).to_be_bytes(), CHECK)
}

/// A number, high byte first, in so many letters; what does not fit is left away.
fn letters(number: &[u8], count: usize) -> String {
    let mut digits = number.to_vec();
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        let mut rest = 0_u32;
        for digit in &mut digits {
            let value = rest << 8 | u32::from(*digit);
            *digit = u8::try_from(value / 62).unwrap_or(0);
            rest = value % 62;
        }
        out.push(LETTERS.get(usize::try_from(rest).unwrap_or(0)).copied().map_or('0', char::from));
    }
    out.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_any_slip_is_seen() {
        let id = id(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        let key = mint(&id, [0xab; 32]);
        assert_eq!(key.len(), 64);
        assert_eq!(read(&key), Some(Shown { id, hash: hash(&key) }));
        for at in 0..key.len() {
            let mut slip = key.clone().into_bytes();
            slip[at] = if slip[at] == b'x' { b'y' } else { b'x' };
            assert_eq!(read(&String::from_utf8(slip).unwrap()), None, "a slip at {at}");
        }
        assert_eq!(read(key.get(..63).unwrap()), None);
        assert_eq!(read(&format!("{key}x")), None);
        assert_eq!(read("cw-"), None);
        assert_eq!(read("cw-ä"), None);
    }

    #[test]
    fn all_of_the_randomness_is_in_the_key() {
        let one = mint("000000000000", [0; 32]);
        for at in 0..32 {
            let mut random = [0; 32];
            random[at] = 1;
            assert_ne!(mint("000000000000", random), one, "byte {at}");
        }
    }

    #[test]
    fn a_hint_never_shows_most_of_a_secret() {
        assert_eq!(hint("sk-proj-abcdefghijklmnop1234"), "sk-proj…1234");
        assert_eq!(hint("short"), "…");
    }
}
