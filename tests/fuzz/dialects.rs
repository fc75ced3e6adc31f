//! What callers ask in each dialect, and what providers answer whole.

use causeway::error::Error;
use causeway::ir::{Fold, Format, Grammar, Losses, Part, Request, Response, Role, Turn};
use causeway::providers::models;
use causeway::wire::fault::{self, Head};
use causeway::wire::{Abilities, Dialect, Echo};

use serde_json::value::RawValue;

use crate::corpus::seeds;
use crate::run::Target;

/// Those that callers speak.
pub const CALLERS: [Dialect; 5] = [Dialect::Chat, Dialect::Completions, Dialect::Responses, Dialect::Messages, Dialect::Gemini];
/// Those that providers speak.
pub const PROVIDERS: [Dialect; 7] =
    [Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Gemini, Dialect::Converse, Dialect::Cohere, Dialect::Predictions];

pub fn requests() -> Vec<Target> {
    let target = |dialect: Dialect| {
        Target::new(format!("requests of {}", dialect.slug()), seeds(dialect.slug(), "request"), move |input| request(dialect, input))
    };
    CALLERS.into_iter().map(target).collect()
}

pub fn answers() -> Vec<Target> {
    let target = |dialect: Dialect| {
        Target::new(format!("answers of {}", dialect.slug()), seeds(dialect.slug(), "answer"), move |input| answer(dialect, input))
    };
    let glanced = |dialect: Dialect| {
        Target::new(format!("passing answers of {}", dialect.slug()), seeds(dialect.slug(), "answer"), move |input| glanced(dialect, input))
    };
    PROVIDERS.into_iter().map(target).chain(CALLERS.into_iter().map(glanced)).collect()
}

pub fn errors() -> Vec<Target> {
    vec![Target::new("errors", seeds("errors", ""), error)]
}

pub fn echo() -> Echo {
    Echo { model: "asked/for".to_owned(), now: 1_700_000_000, nonce: "n0nce".to_owned(), stream_usage: true }
}

/// What is written stays in proportion to what came.
pub fn bounded(input: &[u8], out: &[u8]) {
    assert!(out.len() <= 16_384 + 64 * input.len(), "{} bytes for {}", out.len(), input.len());
}

/// An object, in which there may be what only some parsers take (`1e400`), as it came.
pub fn json(bytes: &[u8]) {
    let raw: &RawValue = serde_json::from_slice(bytes).unwrap_or_else(|why| panic!("{why}: {}", bytes.escape_ascii()));
    assert!(raw.get().starts_with('{'), "no object: {raw}");
}

pub fn told(input: &[u8], error: &Error) {
    assert!(!error.message.trim().is_empty(), "an error without words");
    bounded(input, error.message.as_bytes());
    assert!((400..600).contains(&error.status), "status {}", error.status);
}

/// The abilities of models that take everything, and of some that do not.
fn abilities(dialect: Dialect) -> Vec<Abilities> {
    let weak = Abilities {
        thinking: causeway::wire::ThinkingStyle::Budget,
        sampling: false,
        sampling_pair: false,
        completion_bound: false,
        developer_role: false,
        replay_thinking: true,
        json_schema: false,
        ..Abilities::default()
    };
    vec![Abilities::default(), weak, models::abilities(dialect, "claude-3-5-haiku")]
}

fn request(dialect: Dialect, input: &[u8]) {
    let mut losses = Losses::default();
    let request = match (dialect.inbound().decode_request)(input, &mut losses) {
        Ok(request) => request,
        Err(error) => return told(input, &error),
    };
    for to in PROVIDERS {
        for abilities in abilities(to) {
            match (to.outbound().encode_request)(&request, to == dialect, &abilities, &mut losses) {
                Ok(body) => {
                    json(&body);
                    bounded(input, &body);
                }
                Err(error) => told(input, &error),
            }
        }
    }
    assert!(losses.names().iter().map(String::len).sum::<usize>() <= 4_096 + 8 * input.len(), "losses without end");
    let _ = request.length();
    if dialect != Dialect::Completions {
        again(dialect, &request);
    }
}

/// What is sent on to a provider of the same dialect means what the caller said, and says it in the same way when
/// it is read and sent once more.
fn again(dialect: Dialect, first: &Request) {
    let Some(second) = sent(dialect, first) else { return };
    assert_eq!(meaning(dialect, &second), meaning(dialect, first), "another request is sent");
    // Where calls have no ids, it takes the results of all to tell which is which.
    if dialect != Dialect::Gemini {
        let third = sent(dialect, &second).expect("what was sent can be sent");
        // A number may become a word.
        let shown = |request: Request| format!("{:?}", Request { reasoning: None, ..request });
        assert_eq!(shown(third), shown(second), "another request is sent the second time");
    }
}

/// The request as a provider of its dialect reads it, if nothing was lost.
fn sent(dialect: Dialect, request: &Request) -> Option<Request> {
    let mut losses = Losses::default();
    let body = (dialect.outbound().encode_request)(request, true, &Abilities::default(), &mut losses).ok()?;
    let mut read = (dialect.inbound().decode_request)(&body, &mut Losses::default())
        .unwrap_or_else(|error| panic!("what is sent cannot be read: {error:?}\n{}", body.escape_ascii()));
    if dialect == Dialect::Gemini {
        // The address says them.
        read.model.clone_from(&request.model);
        read.stream = request.stream;
    }
    losses.is_empty().then_some(read)
}

/// What the caller said, without what may be said in more than one way.
fn meaning(dialect: Dialect, request: &Request) -> String {
    let mut said = format!("{:?} {} {:?}\n", request.model, request.stream, request.stop);
    let Request { temperature, top_p, top_k, frequency_penalty, presence_penalty, seed, user, .. } = request;
    said += &format!("{temperature:?} {top_p:?} {top_k:?} {frequency_penalty:?} {presence_penalty:?} {seed:?} {user:?}\n");
    let schema = if let Format::JsonSchema { schema, .. } = &request.format { schema.get() } else { "" };
    said += &format!("{:?} {schema}\n", request.max_tokens.filter(|_| dialect != Dialect::Messages));
    let mut tools: Vec<String> = request.tools.iter().map(|tool| format!("{tool:?}\n")).collect();
    tools.sort();
    said.extend(tools);
    // Some want a user to speak where only the system does.
    let speaks = |turn: &Turn| turn.role != Role::System && turn.parts.iter().any(|part| !part_meaning(dialect, part).is_empty());
    let alone = dialect == Dialect::Gemini && !request.turns.iter().any(speaks);
    let mut last = None;
    for turns in request.turns.chunk_by(|turn, next| (turn.role, &turn.name) == (next.role, &next.name)) {
        let (results, others): (Vec<&Part>, _) =
            turns.iter().flat_map(|turn| &turn.parts).partition(|part| matches!(part, Part::ToolResult(_)));
        // Results may come first, in the order of their calls.
        let mut results: Vec<String> = results.into_iter().map(|part| part_meaning(dialect, part)).collect();
        results.sort();
        let parts: String = results.into_iter().chain(others.into_iter().map(|part| part_meaning(dialect, part))).collect();
        let role = turns.first().map(|turn| (if alone { Role::User } else { turn.role }, &turn.name));
        if !parts.is_empty() && last.replace(role) != Some(role) {
            said += &format!("{role:?}\n");
        }
        said += &parts;
    }
    said
}

fn part_meaning(dialect: Dialect, part: &Part) -> String {
    // Gemini's calls may go without.
    let id = |id: &str| if dialect == Dialect::Gemini { String::new() } else { id.to_owned() };
    match part {
        // Several texts may become one.
        Part::Text(text) => text.text.split_whitespace().collect(),
        Part::Refusal(text) => text.clone(),
        // Of what is only named there, the name tells the kind.
        Part::Media(media) if dialect == Dialect::Gemini => format!("{:?}\n", media.source),
        Part::Media(media) => format!("{:?} {:?}\n", media.kind, media.source),
        Part::ToolCall(call) => {
            let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
            format!("{} {} {arguments}\n", id(&call.id), call.name)
        }
        Part::ToolResult(result) => {
            let parts: String = result.parts.iter().map(|part| part_meaning(dialect, part)).collect();
            format!("{} {parts}\n", id(&result.call_id))
        }
        Part::Native(native) => format!("{native:?}\n"),
        // Of others only a proof is sent on.
        Part::Thinking(_) => String::new(),
    }
}

fn answer(dialect: Dialect, input: &[u8]) {
    let response = match (dialect.outbound().decode_response)(input) {
        Ok(response) => response,
        Err(error) => return told(input, &error),
    };
    for to in CALLERS {
        let body = (to.inbound().encode_response)(&response, &echo());
        json(&body);
        bounded(input, &body);
        if let Ok(glance) = (to.inbound().glance_response)(&body) {
            assert!(glance.finished && !glance.failed, "an answer of {} that is none", to.slug());
        }
        if to != Dialect::Completions {
            let second = (to.outbound().decode_response)(&body).expect("our own answer can be read");
            if let Some(words) = words(&response.parts) {
                assert_eq!(self::words(&second.parts), Some(words), "another text in {}", to.slug());
            }
        }
    }
    streamed(response);
}

/// The text of an answer in which there is nothing that another dialect may write as text.
pub fn words(parts: &[Part]) -> Option<String> {
    let others = parts.iter().filter(|part| !matches!(part, Part::Thinking(_) | Part::ToolCall(_)));
    others.map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect()
}

/// As a stream it is the same answer.
fn streamed(response: Response) {
    let parts = format!("{:?}", response.parts);
    let mut fold = Fold::default();
    let mut grammar = Grammar::default();
    for event in response.into_events() {
        grammar = grammar.step(&event).expect("the grammar");
        fold.push(event);
    }
    assert_eq!(grammar, Grammar::Over);
    assert_eq!(format!("{:?}", fold.finish().expect("it is whole").parts), parts, "another answer");
}

fn glanced(dialect: Dialect, input: &[u8]) {
    match (dialect.inbound().glance_response)(input) {
        Ok(glance) => assert!(glance.produced <= input.len(), "more than came"),
        Err(error) => told(input, &error),
    }
    let _ = (dialect.inbound().is_own_error)(input);
}

fn error(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for status in [400, 401, 404, 429, 500, 529] {
        let head = Head { status, retry_after: Some(&text), retry_after_ms: None, now_ms: 784_111_777_000 };
        let error = fault::decode(head, input);
        told(input, &error);
        let _ = fault::decode(Head { status, retry_after: None, retry_after_ms: Some(&text), now_ms: 0 }, &[]);
        for dialect in CALLERS {
            let own = (dialect.inbound().encode_error)(&error, "request");
            json(&own);
            bounded(input, &own);
            assert!((dialect.inbound().is_own_error)(&own), "no error of {}: {}", dialect.slug(), own.escape_ascii());
            let again = fault::decode(Head { status, ..Head::default() }, &own);
            // Long ones are clipped.
            let begins = |text: &str| text.chars().take(1_900).collect::<String>();
            assert_eq!(begins(&again.message), begins(&error.message), "other words in {}", dialect.slug());
        }
    }
    for dialect in CALLERS {
        let _ = (dialect.inbound().is_own_error)(input);
    }
}
