//! Proofs as callers of this dialect see them. Their clients take a signature for base64 and may write it anew, in
//! the alphabet for addresses too; so a foreign proof is packed into base64 of ours.

use crate::wire::proof;

/// What Gemini 3 accepts in the place of a proof for calls that it did not make, or whose proof was lost.
pub(super) const UNPROVEN: &str = "skip_thought_signature_validator";
const FOREIGN: &str = "causeway:";
const REDACTED: &str = "causeway-redacted:";

pub(super) enum Received {
    Proof(String),
    Redacted(String),
    /// It stands for a proof that there is not.
    Nothing,
}

pub(super) fn received(signature: &str) -> Received {
    let unpacked = decoded(signature).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    if signature.is_empty() || signature == UNPROVEN || unpacked == UNPROVEN {
        return Received::Nothing;
    }
    match (unpacked.strip_prefix(REDACTED), unpacked.strip_prefix(FOREIGN)) {
        (Some(data), _) => Received::Redacted(data.to_owned()),
        (None, Some(proof)) => Received::Proof(proof.to_owned()),
        (None, None) => Received::Proof(proof::tagged("gemini", signature)),
    }
}

pub(super) fn shown(proof: &str) -> String {
    proof::of("gemini", proof).map_or_else(|| encoded(&[FOREIGN, proof].concat()), str::to_owned)
}

pub(super) fn shown_redacted(data: &str) -> String {
    encoded(&[REDACTED, data].concat())
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encoded(text: &str) -> String {
    let mut letters = String::with_capacity(text.len().div_ceil(3) * 4);
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let sextet = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            let letter = LETTERS.get(sextet).filter(|_| place <= group.len());
            letters.push(letter.map_or('=', |letter| char::from(*letter)));
        }
    }
    letters
}

/// Base64 of either alphabet, padded or not.
fn decoded(letters: &str) -> Option<Vec<u8>> {
    let letters = letters.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3 + 2);
    for group in letters.chunks(4) {
        let mut bits = 0u32;
        for letter in group {
            bits = bits << 6 | sextet(*letter)?;
        }
        match group.len() {
            4 => bytes.extend_from_slice(bits.to_be_bytes().get(1..)?),
            3 => bytes.extend_from_slice((bits >> 2).to_be_bytes().get(2..)?),
            2 => bytes.push(u8::try_from(bits >> 4).ok()?),
            _ => return None,
        }
    }
    Some(bytes)
}

fn sextet(letter: u8) -> Option<u32> {
    let letter = match letter {
        b'-' => b'+',
        b'_' => b'/',
        letter => letter,
    };
    LETTERS.iter().position(|known| *known == letter).and_then(|place| u32::try_from(place).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_every_length_comes_back() {
        for (text, letters) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE="), ("ü?>", "w7w/Pg==")] {
            assert_eq!(encoded(text), letters);
            for letters in [letters.to_owned(), letters.trim_end_matches('=').to_owned(), letters.replace('/', "_")] {
                assert_eq!(decoded(&letters).as_deref(), Some(text.as_bytes()), "{letters}");
            }
        }
        assert_eq!((decoded("Z"), decoded("Zm9*")), (None, None));
    }

    #[test]
    fn a_proof_comes_back_as_whose_it_was() {
        for proof in ["gemini:c2ln", "anthropics+/==", "responses:x|y"] {
            assert!(matches!(received(&shown(proof)), Received::Proof(back) if back == proof));
        }
        assert_eq!(shown("gemini:c2ln"), "c2ln");
        assert!(matches!(received(&shown_redacted("data")), Received::Redacted(back) if back == "data"));
        for nothing in ["", UNPROVEN, &encoded(UNPROVEN)] {
            assert!(matches!(received(nothing), Received::Nothing));
        }
    }
}
