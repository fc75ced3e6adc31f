use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Extras, Finish, Reason};
use crate::wire::Reader;
use crate::wire::frame::sse;

/// The stream of a prediction to events.
#[derive(Debug, Default)]
pub struct StreamReader {
    /// Of the prediction that was made; the stream names neither.
    id: String,
    model: String,
    begun: bool,
    speaking: bool,
    over: bool,
}

impl StreamReader {
    pub fn new(id: String, model: String) -> Self {
        Self { id, model, ..Self::default() }
    }

    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            let (id, model) = (std::mem::take(&mut self.id), std::mem::take(&mut self.model));
            events.push(Event::Begin { id, model, created: None, usage: None, extras: Extras::new() });
        }
    }

    fn speak(&mut self, text: String, events: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        self.begin(events);
        if !std::mem::replace(&mut self.speaking, true) {
            events.push(Event::Start { index: 0, block: Block::Text });
        }
        events.push(Event::Delta(Delta::Text(text)));
    }

    fn done(&mut self, data: &[u8], events: &mut Vec<Event>) {
        match reason(data).as_deref() {
            None | Some("" | "complete" | "completed" | "succeeded") => {
                self.begin(events);
                if std::mem::take(&mut self.speaking) {
                    events.push(Event::End);
                }
                self.over = true;
                let finish = Finish { reason: Reason::Stop, raw: Some("done".to_owned()), stop_sequence: None };
                events.push(Event::Finish { finish, usage: None, extras: Extras::new() });
            }
            Some("canceled") => self.fail(Error::upstream(Kind::Failed, "The prediction was canceled."), events),
            Some(_) => self.fail(Error::upstream(Kind::Failed, "The prediction failed without a word about it."), events),
        }
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        match frame.event {
            Some("output") => self.speak(String::from_utf8_lossy(frame.data).into_owned(), events),
            Some("done") => self.done(frame.data, events),
            Some("error") => self.fail(Error::upstream(Kind::Failed, words(frame.data)), events),
            // What the model writes into its log, and kinds to come.
            _ => {}
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if !self.over {
            self.fail(fault.unwrap_or_else(Error::unfinished), events);
        }
    }
}

/// Why it was broken off, if it was.
fn reason(data: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Done {
        #[serde(default)]
        reason: Option<String>,
    }
    crate::wire::json::read::<Done>(data).ok()?.reason
}

/// An error is JSON with its words in `detail`, or just words.
fn words(data: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Told {
        detail: String,
    }
    let plain = || String::from_utf8_lossy(data).trim().to_owned();
    let words = crate::wire::json::read::<Told>(data).map_or_else(|_| plain(), |told| told.detail);
    if words.is_empty() { "The prediction failed without a word about it.".to_owned() } else { words }
}
