//! An answer on its way into its locker.

use super::{Entry, Filling, Locker, SHORTEST_STAY_S};
use crate::host::Host;

/// What is to be put into a locker once the reply is on its way.
pub struct Deposit {
    locker: Locker,
    max_age_s: u64,
    content_type: String,
    dropped: Vec<String>,
    answer: Answer,
}

enum Answer {
    Whole(Vec<u8>),
    Stream(Box<Filling>),
}

impl Deposit {
    pub fn whole(locker: Locker, max_age_s: u64, content_type: &str, dropped: &[String], body: Vec<u8>) -> Self {
        Self { locker, max_age_s, content_type: content_type.to_owned(), dropped: dropped.to_vec(), answer: Answer::Whole(body) }
    }

    pub fn stream(locker: Locker, max_age_s: u64, dropped: &[String], filling: Filling) -> Self {
        let answer = Answer::Stream(Box::new(filling));
        Self { locker, max_age_s, content_type: "application/json".to_owned(), dropped: dropped.to_vec(), answer }
    }

    /// A piece of the provider's stream.
    pub fn look(&mut self, piece: &[u8]) {
        if let Answer::Stream(filling) = &mut self.answer {
            filling.push(piece);
        }
    }

    /// Puts it there. What turns out not to be a whole answer is left out.
    pub fn put<H: Host>(self, host: &H) {
        let Self { locker, max_age_s, content_type, dropped, answer } = self;
        let body = match answer {
            Answer::Whole(body) => Some(body),
            Answer::Stream(filling) => filling.finish(),
        };
        let Some(body) = body else { return };
        let entry = Entry { at: host.now(), max_age_s, content_type, dropped, body };
        if let Some(sealed) = entry.seal(&locker, nonce(host)) {
            host.store(&locker.name, &sealed, max_age_s.max(SHORTEST_STAY_S));
        }
    }
}

/// 96 random bits.
fn nonce<H: Host>(host: &H) -> [u8; 12] {
    let mut nonce = [0; 12];
    let random = host.random().to_le_bytes().into_iter().chain(host.random().to_le_bytes());
    nonce.iter_mut().zip(random).for_each(|(place, byte)| *place = byte);
    nonce
}
