//! A provider that answers at once: OpenAI's chat completions and Anthropic's messages, whole or as a stream of 50
//! events, on a loopback port of its own choosing that it prints. A stream for the model `paced` takes 2 ms between two
//! events, as a model would; any other comes as fast as it can be written. Ends when its standard input does.

use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use std::{process, thread};

use connection::{Connection, Head, broken};

const EVENTS: usize = 50;
const PACE: Duration = Duration::from_millis(2);

fn main() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
    println!("{}", listener.local_addr().expect("the port of a bound socket").port());
    thread::spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(0);
    });
    let answers = Arc::new(Answers::new());
    for stream in listener.incoming().flatten() {
        let answers = Arc::clone(&answers);
        // A connection that breaks is its caller's business: the load generator counts the errors.
        thread::spawn(move || serve(stream, &answers));
    }
}

fn serve(stream: TcpStream, answers: &Answers) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(head) = connection.head()? {
        let body = match head.chunked {
            true => return Err(broken("a request body in chunks, which no caller of the bench sends")),
            false => connection.body(head.length)?,
        };
        let asked = Asked::read(&head, &String::from_utf8_lossy(body));
        match answers.to(&asked) {
            Answer::Whole(bytes) => connection.write(bytes)?,
            Answer::Stream(events) => stream_events(&mut connection, events, &asked)?,
            Answer::Unknown => connection.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?,
        }
    }
    Ok(())
}

fn stream_events(connection: &mut Connection, events: &[Event], asked: &Asked) -> io::Result<()> {
    connection.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n")?;
    for event in events.iter().filter(|event| !event.usage || asked.usage) {
        connection.write(&event.chunk)?;
        if asked.paced {
            thread::sleep(PACE);
        }
    }
    connection.write(b"0\r\n\r\n")
}

/// What matters of a request. Bodies here are compact JSON of the bench's or the gateway's own making, so that looking
/// for words will do.
struct Asked {
    path: String,
    stream: bool,
    usage: bool,
    paced: bool,
}

impl Asked {
    fn read(head: &Head, body: &str) -> Self {
        let path = head.line.split(' ').nth(1).unwrap_or_default().to_owned();
        let messages = path == "/v1/messages";
        Self {
            path,
            stream: body.contains("\"stream\":true"),
            usage: messages || body.contains("\"include_usage\":true"),
            paced: body.contains("\"model\":\"paced\""),
        }
    }
}

enum Answer<'a> {
    Whole(&'a [u8]),
    Stream(&'a [Event]),
    Unknown,
}

/// An event of a stream as it goes over the wire: a chunk of its own.
struct Event {
    chunk: Vec<u8>,
    /// Sent only to those who asked for it.
    usage: bool,
}

impl Event {
    fn new(text: &str) -> Self {
        Self { chunk: format!("{:x}\r\n{text}\r\n", text.len()).into_bytes(), usage: false }
    }
}

/// Every answer, written out before the first request.
struct Answers {
    chat: Vec<u8>,
    chat_events: Vec<Event>,
    messages: Vec<u8>,
    messages_events: Vec<Event>,
}

impl Answers {
    fn new() -> Self {
        Self { chat: whole(&chat()), chat_events: chat_events(), messages: whole(&messages()), messages_events: messages_events() }
    }

    fn to(&self, asked: &Asked) -> Answer<'_> {
        match (asked.path.as_str(), asked.stream) {
            ("/v1/chat/completions", false) => Answer::Whole(&self.chat),
            ("/v1/chat/completions", true) => Answer::Stream(&self.chat_events),
            ("/v1/messages", false) => Answer::Whole(&self.messages),
            ("/v1/messages", true) => Answer::Stream(&self.messages_events),
            _ => Answer::Unknown,
        }
    }
}

fn whole(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const TEXT: &str = "A causeway is a raised road across low or wet ground. Those who built the first ones laid brushwood \
    and split logs on the mud, and where the traffic was worth it, stone. What makes one good has not changed since: it \
    goes straight, it drains, and whoever walks on it does not have to think about the marsh. Rivers pass beneath it \
    through culverts; tides may cover it for some hours of the day, and then one waits. Its keeper is paid by the toll, \
    and is judged by how seldom anyone notices that there is a keeper at all.";

fn words() -> Vec<&'static str> {
    TEXT.split_inclusive(' ').collect()
}

fn chat() -> String {
    format!(
        r#"{{"id":"chatcmpl-BqLKr3pW4NvYk8hT2sXcD9fZaE1mG","object":"chat.completion","created":1790000000,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":"{TEXT}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":64,"completion_tokens":112,"total_tokens":176,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_07871e2ad8"}}"#
    )
}

/// The role, the words, the finish and the usage are 50 events; `[DONE]` follows.
fn chat_events() -> Vec<Event> {
    let chunk = |choices: &str, usage: &str| {
        Event::new(&format!(
            "data: {{\"id\":\"chatcmpl-BqLKr3pW4NvYk8hT2sXcD9fZaE1mG\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"gpt-4o-2024-08-06\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_07871e2ad8\",\"choices\":[{choices}]{usage}}}\n\n"
        ))
    };
    let choice =
        |delta: &str, finish: &str| chunk(&format!(r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}"#), "");
    let mut events = vec![choice(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
    events.extend(words().iter().take(EVENTS - 3).map(|word| choice(&format!(r#"{{"content":"{word}"}}"#), "null")));
    events.push(choice("{}", r#""stop""#));
    let usage = r#","usage":{"prompt_tokens":64,"completion_tokens":47,"total_tokens":111,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#;
    events.push(Event { usage: true, ..chunk("", usage) });
    events.push(Event::new("data: [DONE]\n\n"));
    events
}

fn messages() -> String {
    format!(
        r#"{{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[{{"type":"text","text":"{TEXT}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":64,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}},"output_tokens":112,"service_tier":"standard"}}}}"#
    )
}

/// Three that open, the words, three that close: 50 events.
fn messages_events() -> Vec<Event> {
    let event = |name: &str, data: &str| Event::new(&format!("event: {name}\ndata: {{\"type\":\"{name}\"{data}}}\n\n"));
    let mut events = vec![
        event(
            "message_start",
            r#","message":{"id":"msg_01XFDUDYJgAACzvnptvVoYEL","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":64,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}"#,
        ),
        event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#),
        event("ping", ""),
    ];
    let delta = |word: &&str| event("content_block_delta", &format!(r#","index":0,"delta":{{"type":"text_delta","text":"{word}"}}"#));
    events.extend(words().iter().take(EVENTS - 6).map(delta));
    events.extend([
        event("content_block_stop", r#","index":0"#),
        event("message_delta", r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":44}"#),
        event("message_stop", ""),
    ]);
    events
}
