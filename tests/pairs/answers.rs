//! Each answer of each provider's dialect for callers of each dialect, whole and streamed: what the provider said is
//! what the caller is told, and the same both ways.

use std::path::Path;
use std::sync::LazyLock;

use causeway::error::Result;
use causeway::ir::{Event, Fold, Grammar, Losses, Response};
use causeway::wire::pipe::{Passed, Pipe, Translate};
use causeway::wire::{Dialect, Echo};

use super::facts::{self, Facts};
use super::losses::{Course, Ledger, Way};
use super::{CALLERS, PROVIDERS, aws, completions, said};

/// The sizes of the pieces in which streams arrive.
const SIZES: [usize; 3] = [1, 7, 4096];

/// What an answer means, and how a provider gives it.
pub struct Answer {
    pub case: String,
    pub means: Facts,
    pub provider: Dialect,
    pub whole: Vec<u8>,
    pub stream: Vec<u8>,
}

pub static ANSWERS: LazyLock<Vec<Answer>> = LazyLock::new(|| super::files("answers").iter().flat_map(|path| answers(path)).collect());

fn answers(path: &Path) -> Vec<Answer> {
    let mut sections = super::sections(path);
    let (first, means) = sections.remove(0);
    assert_eq!(first, "means", "{}", path.display());
    let case = path.file_stem().unwrap().to_string_lossy().into_owned();
    let read = |pair: &[(String, String)]| {
        let [(whole, body), (streamed, stream)] = pair else { panic!("{case}: a whole answer and a stream are needed") };
        let provider = PROVIDERS.into_iter().find(|provider| whole.strip_suffix(" whole") == Some(provider.slug())).unwrap();
        assert_eq!(streamed.strip_suffix(" stream"), Some(provider.slug()), "{case}");
        let stream = if provider == Dialect::Converse { aws::stream(stream) } else { stream.clone().into_bytes() };
        Answer { case: case.clone(), means: facts::read(&means), provider, whole: body.clone().into_bytes(), stream }
    };
    sections.chunks(2).map(read).collect()
}

/// Who may be answered so: text completions know no tools, so nothing is called there.
fn callers(answer: &Answer) -> impl Iterator<Item = Dialect> {
    let calls = answer.means.iter().any(|(key, value)| key == "finish" && value == "toolcalls");
    CALLERS.into_iter().chain((!calls).then_some(Dialect::Completions))
}

pub fn echo() -> Echo {
    Echo { model: "m".to_owned(), now: 1_700_000_000, nonce: "n0".to_owned(), stream_usage: true }
}

/// The provider's stream as the caller gets it, in pieces of this size.
pub fn translated(from: Dialect, to: Dialect, stream: &[u8], size: usize) -> Vec<u8> {
    let mut pipe = Pipe::Translate(Translate::new(from, to, echo()));
    let mut out = Vec::new();
    for piece in stream.chunks(size) {
        match pipe.push(piece) {
            Passed::Bytes(bytes) => out.extend(bytes),
            Passed::Same => out.extend_from_slice(piece),
        }
    }
    out.extend(pipe.finish(None));
    out
}

#[test]
fn an_answer_that_broke_off_looks_complete_to_no_caller() {
    for answer in ANSWERS.iter() {
        for part in [5, 3, 2] {
            let (broken, _) = answer.stream.split_at(answer.stream.len() / part);
            for caller in callers(answer) {
                let told = translated(answer.provider, caller, broken, 7);
                let way = format!("{} <- {} | {} cut to 1/{part}", caller.slug(), answer.provider.slug(), answer.case);
                assert!(gathered(caller, &told, 7).is_err(), "{way}:\n{}", String::from_utf8_lossy(&told));
            }
        }
    }
}

fn whole(dialect: Dialect, body: &[u8]) -> Response {
    if dialect == Dialect::Completions {
        return completions::whole(body);
    }
    let told = (dialect.outbound().decode_response)(body);
    told.unwrap_or_else(|error| panic!("{}: {}\n{}", dialect.slug(), error.message, String::from_utf8_lossy(body)))
}

fn streamed(dialect: Dialect, stream: &[u8], size: usize) -> Response {
    let told = gathered(dialect, stream, size);
    told.unwrap_or_else(|error| panic!("{}: {}\n{}", dialect.slug(), error.message, String::from_utf8_lossy(stream)))
}

fn gathered(dialect: Dialect, stream: &[u8], size: usize) -> Result<Response> {
    if dialect == Dialect::Completions {
        return completions::streamed(stream);
    }
    let (mut frames, mut reader, mut events) = (dialect.frames(), (dialect.outbound().reader)(), Vec::new());
    for piece in stream.chunks(size) {
        frames.push(piece, &mut |frame| reader.push(frame, &mut events));
    }
    frames.finish(&mut |frame| reader.push(frame, &mut events));
    assert_eq!(frames.fault(), None, "{}", dialect.slug());
    reader.finish(None, &mut events);
    let grammar = events.iter().try_fold(Grammar::default(), |grammar, event: &Event| grammar.step(event));
    assert_eq!(grammar, Ok(Grammar::Over), "{}: {events:?}", dialect.slug());
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

#[test]
fn every_answer_means_the_same_to_every_caller_whole_and_streamed_but_for_the_losses_that_are_listed() {
    let mut ledger = Ledger::of(Course::Answer);
    for same in ANSWERS.chunk_by(|one, other| one.case == other.case) {
        let says = |provider| same.iter().any(|answer| answer.provider == provider);
        let way = |provider| Way { course: Course::Answer, caller: None, provider: Some(provider), case: "" };
        ledger.spoken(PROVIDERS.into_iter().map(|provider| (way(provider), says(provider))), &same[0].case);
    }
    for answer in ANSWERS.iter() {
        let way = Way { course: Course::Answer, caller: None, provider: Some(answer.provider), case: "" };
        for size in SIZES {
            let (read, stream) = (whole(answer.provider, &answer.whole), streamed(answer.provider, &answer.stream, size));
            check(way, &answer.case, [&answer.means, &answer.means], [&read, &stream], &mut ledger);
            let told = [&said::of(&read), &said::of(&stream)];
            for caller in callers(answer) {
                let body = (caller.inbound().encode_response)(&read, &echo());
                let stream = translated(answer.provider, caller, &answer.stream, size);
                let heard = [&whole(caller, &body), &streamed(caller, &stream, size)];
                check(Way { caller: Some(caller), ..way }, &answer.case, told, heard, &mut ledger);
            }
        }
    }
    ledger.close();
}

/// What was told against what was heard, whole and streamed.
fn check(way: Way<'_>, case: &str, told: [&Facts; 2], heard: [&Response; 2], ledger: &mut Ledger) {
    let heard = heard.map(said::of).map(|facts| if way.caller.is_none() { without_marks(facts) } else { facts });
    for ((how, told), heard) in ["whole", "streamed"].iter().zip(told).zip(&heard) {
        ledger.compare(Way { case: &format!("{case} {how}"), ..way }, told, heard, &Losses::default());
    }
    ledger.compare_ways(Way { case: &format!("{case} streamed"), ..way }, told, heard.each_ref());
}

/// Whose a proof is, is known only once it has been read.
fn without_marks(facts: Facts) -> Facts {
    facts.into_iter().filter(|(key, _)| key != "proof" && key != "sealed").collect()
}
