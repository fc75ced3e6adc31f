//! Proofs of authorship: signatures of thinking, of which a provider accepts only its own.
//!
//! A conversation may go from one provider to another, its earlier thinking along. So in the one form, and in
//! whatever a caller keeps, a proof says whose it is: `gemini:Q2F1c2V3YXk=`. One without a tag is Anthropic's,
//! which callers of that dialect send as it came.

/// Who else makes proofs.
const TAGS: [&str; 3] = ["chat:", "gemini:", "responses:"];

/// A proof of `dialect` with its tag; one that has a tag keeps it.
pub fn tagged(tag: &str, proof: &str) -> String {
    if is_tagged(proof) { proof.to_owned() } else { format!("{tag}:{proof}") }
}

/// The proof, if it is of this tag.
pub fn of<'p>(tag: &str, proof: &'p str) -> Option<&'p str> {
    proof.strip_prefix(tag)?.strip_prefix(':')
}

/// The proof, if it is Anthropic's.
pub fn untagged(proof: &str) -> Option<&str> {
    (!is_tagged(proof)).then_some(proof)
}

fn is_tagged(proof: &str) -> bool {
    TAGS.iter().any(|tag| proof.starts_with(tag))
}
