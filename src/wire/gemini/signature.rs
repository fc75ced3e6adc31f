//! Proofs as callers of this dialect see them. Their clients take a signature for base64 and may write it anew, in
//! the alphabet for addresses too; so a foreign proof is packed into base64 of ours.

use crate::wire::{base64, proof};

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
    let unpacked = base64::decode(signature).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
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
    proof::of("gemini", proof).map_or_else(|| base64::encode([FOREIGN, proof].concat().as_bytes()), str::to_owned)
}

pub(super) fn shown_redacted(data: &str) -> String {
    base64::encode([REDACTED, data].concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_comes_back_as_whose_it_was() {
        for proof in ["gemini:c2ln", "anthropics+/==", "responses:x|y"] {
            assert!(matches!(received(&shown(proof)), Received::Proof(back) if back == proof));
        }
        assert_eq!(shown("gemini:c2ln"), "c2ln");
        assert!(matches!(received(&shown_redacted("data")), Received::Redacted(back) if back == "data"));
        for nothing in ["", UNPROVEN, &base64::encode(UNPROVEN.as_bytes())] {
            assert!(matches!(received(nothing), Received::Nothing));
        }
    }
}
