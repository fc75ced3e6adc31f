//! How a credential is sealed: AES-256-GCM under the master key, bound to the credential's slug, with the id of the
//! master key that opens it. While a new master key is brought in both are known: what is sealed is sealed under the
//! new one, and what was sealed under the old one is still opened.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use sha2::{Digest, Sha256};

use crate::spelling::hex;
use crate::wire::base64;

const FORM: &str = "v1";
const NONCE: usize = 12;
/// A master key shorter than this is no secret.
const SHORTEST: usize = 16;

/// The master keys, the one that seals first.
#[derive(Default)]
pub struct Vault {
    keys: Vec<Master>,
}

struct Master {
    id: String,
    cipher: Aes256Gcm,
}

impl Vault {
    /// Of the master keys as they were set, the one that seals first; those too short to be secret do not count.
    pub fn of<'a>(masters: impl IntoIterator<Item = &'a str>) -> Self {
        let masters = masters.into_iter().filter(|master| master.len() >= SHORTEST);
        Self { keys: masters.map(Master::of).collect() }
    }

    pub fn is_open(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The id of the master key that seals.
    pub fn id(&self) -> Option<&str> {
        self.keys.first().map(|master| master.id.as_str())
    }

    /// Which master key opens this.
    pub fn id_of(sealed: &str) -> Option<&str> {
        sealed.split('.').nth(1)
    }

    /// Nothing where there is no master key. A nonce is used once.
    pub fn seal(&self, name: &str, secret: &str, nonce: [u8; NONCE]) -> Option<String> {
        let master = self.keys.first()?;
        let payload = Payload { msg: secret.as_bytes(), aad: name.as_bytes() };
        let sealed = master.cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some(format!("{FORM}.{}.{}.{}", master.id, base64::encode_url(&nonce), base64::encode_url(&sealed)))
    }

    /// Nothing where none of the master keys opens it, or it belongs to another name.
    pub fn open(&self, name: &str, sealed: &str) -> Option<String> {
        let mut parts = sealed.split('.');
        let (form, id, nonce, body) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let master = self.keys.iter().find(|master| master.id == id).filter(|_| form == FORM)?;
        let nonce: [u8; NONCE] = base64::decode(nonce)?.try_into().ok()?;
        let body = base64::decode(body)?;
        let opened = master.cipher.decrypt(&Nonce::from(nonce), Payload { msg: &body, aad: name.as_bytes() }).ok()?;
        String::from_utf8(opened).ok()
    }
}

impl Master {
    fn of(master: &str) -> Self {
        let derived = |purpose: &str| Sha256::new().chain_update("causeway vault ").chain_update(purpose).chain_update(master).finalize();
        let id = hex(derived("id ").get(..4).unwrap_or_default());
        Self { id, cipher: Aes256Gcm::new(&derived("key ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "the old master key, long enough";
    const NEW: &str = "the new master key, long enough";

    #[test]
    fn what_is_sealed_is_opened_by_its_key_and_under_its_name_alone() {
        let vault = Vault::of([OLD]);
        let sealed = vault.seal("openai-prod", "sk-secret", [7; NONCE]).unwrap();
        assert!(!sealed.contains("sk-secret"));
        assert_eq!(vault.open("openai-prod", &sealed).as_deref(), Some("sk-secret"));
        assert_eq!(vault.open("openai-test", &sealed), None);
        assert_eq!(Vault::of([NEW]).open("openai-prod", &sealed), None);
        let mut bent = sealed.clone();
        bent.pop();
        assert_eq!(vault.open("openai-prod", &bent), None);
        assert_eq!(vault.open("openai-prod", ""), None);
    }

    #[test]
    fn a_new_master_key_opens_nothing_old_and_both_open_both() {
        let sealed = Vault::of([OLD]).seal("a", "secret", [1; NONCE]).unwrap();
        let both = Vault::of([NEW, OLD]);
        assert_eq!(both.open("a", &sealed).as_deref(), Some("secret"));
        let anew = both.seal("a", "secret", [2; NONCE]).unwrap();
        assert_eq!(Vault::id_of(&anew), Vault::of([NEW]).id());
        assert_eq!(Vault::of([NEW]).open("a", &anew).as_deref(), Some("secret"));
    }

    #[test]
    fn without_a_master_key_nothing_is_sealed() {
        assert!(!Vault::of(["short"]).is_open());
        assert_eq!(Vault::of([]).seal("a", "secret", [1; NONCE]), None);
    }
}
