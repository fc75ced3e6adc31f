use super::head::{Head, dashed_boundary, find};
use crate::error::{Error, Kind, Result};

/// The model must have been named within as many bytes of a form, else the caller says in a header where it goes.
pub const HEAD_BYTES: usize = 64 << 10;

const MOST_PARTS: usize = 128;
const LONGEST_HEADERS: usize = 16 << 10;
const LONGEST_VALUE: usize = 64 << 10;

/// Reads and edits the small fields of a form that passes; the bytes of its files pass as they are, whatever the
/// pieces they come in. Without edits, what comes out is what went in, from the first boundary on.
#[derive(Debug)]
pub struct Editor {
    /// What begins a part, at the beginning of a line.
    dashes: Vec<u8>,
    watched: Vec<Watched>,
    state: State,
    /// What has come and could not be decided on yet.
    held: Vec<u8>,
    /// How much of it has been searched in vain.
    searched: usize,
    parts: usize,
    /// Nothing has been sent yet.
    fresh: bool,
}

#[derive(Debug)]
struct Watched {
    name: String,
    edit: Edit,
    seen: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Edit {
    Keep,
    Set(String),
    Remove,
}

#[derive(Debug)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// After a boundary, up to the end of the headers. The boundary is held, too.
    Head,
    /// Within the value of a watched field, which is held with all that belongs to it; it begins at this byte.
    Value { watched: usize, start: usize },
    /// Within what passes.
    Content,
    /// After the last boundary.
    Epilogue,
}

/// What came of looking at what is held.
enum Step {
    Next,
    Wait,
}

impl Editor {
    /// For a form of this content type. The fields named are reported when they come.
    pub fn new(content_type: &str, watched: &[&str]) -> Result<Self> {
        let dashes = dashed_boundary(content_type)?.into_bytes();
        let watched = watched.iter().map(|name| Watched { name: (*name).to_owned(), edit: Edit::Keep, seen: None }).collect();
        // As if a line had ended before: then the first boundary is like any other.
        Ok(Self { dashes, watched, state: State::Preamble, held: b"\r\n".to_vec(), searched: 0, parts: 0, fresh: true })
    }

    /// Gives the field this value; it is added at the end of a form that does not have it.
    pub fn set(self, name: &str, value: &str) -> Self {
        self.edit(name, Edit::Set(value.to_owned()))
    }

    pub fn remove(self, name: &str) -> Self {
        self.edit(name, Edit::Remove)
    }

    fn edit(mut self, name: &str, edit: Edit) -> Self {
        match self.watched.iter_mut().find(|watched| watched.name == name) {
            Some(watched) => watched.edit = edit,
            None => self.watched.push(Watched { name: name.to_owned(), edit, seen: None }),
        }
        self
    }

    /// The value that a watched field came with, as soon as it has come.
    pub fn seen(&self, name: &str) -> Option<&str> {
        self.watched.iter().find(|watched| watched.name == name)?.seen.as_deref()
    }

    /// Takes the next piece; what of the form may be sent on goes to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.held.extend_from_slice(piece);
        loop {
            let step = match self.state {
                State::Preamble => self.preamble()?,
                State::Head => self.head(out)?,
                State::Value { watched, start } => self.value(watched, start, out)?,
                State::Content => self.content(out)?,
                State::Epilogue => {
                    out.append(&mut self.held);
                    Step::Wait
                }
            };
            if matches!(step, Step::Wait) {
                return Ok(());
            }
        }
    }

    /// The form is over; an error if its end has not come.
    pub fn finish(&self) -> Result<()> {
        if matches!(self.state, State::Epilogue) {
            return Ok(());
        }
        Err(Error::invalid("The form is broken: it ends before its last boundary."))
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        self.searched = 0;
        Step::Next
    }

    /// Where the line ends that a boundary follows, in a content that begins at `start`.
    fn boundary(&mut self, start: usize) -> Result<Option<usize>> {
        while let Some(at) = find(&self.held, &self.dashes, self.searched.max(start)) {
            let before = self.held.get(start..at).unwrap_or_default();
            if before.ends_with(b"\r\n") {
                return Ok(Some(at.saturating_sub(2)));
            }
            // Some take it for one even here.
            if before.is_empty() || before.ends_with(b"\n") || before.ends_with(b"\r") {
                return Err(ambiguous());
            }
            self.searched = at.saturating_add(1);
        }
        // The end of it may be the beginning of one.
        self.searched = self.searched.max(self.held.len().saturating_add(1).saturating_sub(self.dashes.len()));
        Ok(None)
    }

    /// How much of what is held is surely no part of a boundary or of the line's end before it.
    fn settled(&mut self) -> usize {
        let settled = self.searched.saturating_sub(2);
        self.searched = self.searched.saturating_sub(settled);
        settled
    }

    /// What stands before the form is for nobody.
    fn preamble(&mut self) -> Result<Step> {
        if let Some(at) = self.boundary(0)? {
            self.held.drain(..at);
            return Ok(self.go(State::Head));
        }
        let settled = self.settled();
        self.held.drain(..settled.min(self.held.len()));
        Ok(Step::Wait)
    }

    fn head(&mut self, out: &mut Vec<u8>) -> Result<Step> {
        let open = self.dashes.len().saturating_add(2);
        let Some(after) = self.held.get(open..).filter(|after| after.len() >= 2) else { return Ok(Step::Wait) };
        if after.starts_with(b"--") {
            self.add_missing(out);
            self.release(open.saturating_add(2), out);
            return Ok(self.go(State::Epilogue));
        }
        if !after.starts_with(b"\r\n") {
            return Err(ambiguous());
        }
        let Some(end) = find(&self.held, b"\r\n\r\n", self.searched.max(open)) else {
            // The end of it may be the beginning of their end.
            self.searched = self.held.len().saturating_sub(3);
            return if self.searched > LONGEST_HEADERS { Err(long_headers()) } else { Ok(Step::Wait) };
        };
        if end > LONGEST_HEADERS {
            return Err(long_headers());
        }
        self.parts = self.parts.saturating_add(1);
        if self.parts > MOST_PARTS {
            return Err(large("The form has too many parts."));
        }
        let head = Head::parse(self.held.get(open..end).unwrap_or_default())?;
        let start = end.saturating_add(4);
        let Some(watched) = self.watched.iter().position(|watched| watched.name == head.name) else {
            self.refuse_look_alike(&head)?;
            self.release(start, out);
            return Ok(self.go(State::Content));
        };
        if head.doubtful || head.file_name.is_some() {
            return Err(Error::invalid(format!("{}: send it as a plain text field", head.name)).with_param(head.name));
        }
        Ok(self.go(State::Value { watched, start }))
    }

    /// A name that some server may read as that of a watched field.
    fn refuse_look_alike(&self, head: &Head) -> Result<()> {
        if !head.doubtful || head.file_name.is_some() {
            return Ok(());
        }
        Err(Error::invalid(format!("The form has a field whose name can be read in more than one way: {}", head.name)))
    }

    fn value(&mut self, place: usize, start: usize, out: &mut Vec<u8>) -> Result<Step> {
        let Some(end) = self.boundary(start)? else {
            // The end of it may be the beginning of a boundary.
            let sure = self.searched.saturating_sub(start).saturating_sub(2);
            return if sure > LONGEST_VALUE { Err(long_value()) } else { Ok(Step::Wait) };
        };
        if end.saturating_sub(start) > LONGEST_VALUE {
            return Err(long_value());
        }
        let value = std::str::from_utf8(self.held.get(start..end).unwrap_or_default()).map(str::to_owned);
        let Some(watched) = self.watched.get_mut(place) else { return Ok(Step::Wait) };
        let value = value.map_err(|_| Error::invalid(format!("{}: expected text", watched.name)).with_param(watched.name.clone()))?;
        let again = watched.seen.is_some();
        watched.seen.get_or_insert(value);
        match &watched.edit {
            _ if again => drop(self.held.drain(..end)),
            Edit::Remove => drop(self.held.drain(..end)),
            Edit::Keep => self.release(end, out),
            Edit::Set(value) => {
                let value = value.clone();
                self.release(start, out);
                out.extend_from_slice(value.as_bytes());
                self.held.drain(..end.saturating_sub(start).min(self.held.len()));
            }
        }
        Ok(self.go(State::Head))
    }

    fn content(&mut self, out: &mut Vec<u8>) -> Result<Step> {
        if let Some(at) = self.boundary(0)? {
            self.release(at, out);
            return Ok(self.go(State::Head));
        }
        let settled = self.settled();
        self.release(settled, out);
        Ok(Step::Wait)
    }

    /// Sends the first bytes of what is held.
    fn release(&mut self, count: usize, out: &mut Vec<u8>) {
        // No line has ended before the first boundary.
        let ours = if count > 0 && std::mem::take(&mut self.fresh) { 2 } else { 0 };
        out.extend(self.held.drain(..count.min(self.held.len())).skip(ours));
    }

    /// The fields that were to be set and did not come.
    fn add_missing(&mut self, out: &mut Vec<u8>) {
        let mut added = Vec::new();
        for watched in self.watched.iter().filter(|watched| watched.seen.is_none()) {
            if let Edit::Set(value) = &watched.edit {
                added.extend_from_slice(b"\r\n");
                added.extend_from_slice(&self.dashes);
                added.extend_from_slice(b"\r\nContent-Disposition: form-data; name=\"");
                added.extend_from_slice(watched.name.as_bytes());
                added.extend_from_slice(b"\"\r\n\r\n");
                added.extend_from_slice(value.as_bytes());
            }
        }
        let length = added.len();
        if length > 0 {
            self.held.splice(..0, added);
            self.release(length, out);
        }
    }
}

fn ambiguous() -> Error {
    Error::invalid("The form's boundary comes up within its content; choose another.")
}

fn long_headers() -> Error {
    large("A part of the form has too many headers.")
}

fn long_value() -> Error {
    large("A field of the form is too long.")
}

fn large(words: &str) -> Error {
    Error::caller(Kind::TooLarge, words)
}
