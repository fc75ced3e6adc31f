//! Speech from text and text from speech. The caller's forms are OpenAI's:
//! <https://platform.openai.com/docs/api-reference/audio>
//!
//! Relayed where the provider has the same form: a body of JSON for speech, a form with the file for
//! transcriptions and translations (edited in passing by `multipart::Editor`).
//!
//! Surprises
//! - The model's name may come after the file. If it is not among the form's first 64 KiB, the caller must say in a
//!   header where the form is to go.
//! - Speech is answered with the sound's bytes, not with JSON; Mistral answers with JSON that holds them as base64,
//!   Workers AI with either, by model.
//! - A transcription asked for as `text`, `srt` or `vtt` is plain text.
//! - Workers AI takes the file as base64 within JSON, and gives subtitles as `vtt` only.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, wrong};
use super::json::Object;
use super::{base64, fault, multipart};
use crate::error::{Error, Kind, Result};
use crate::ir::Losses;

/// How a provider wants to be asked, and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's own forms: relayed both ways.
    OpenAi,
    /// OpenAI's, but for speech that comes as base64 within JSON.
    Mistral,
    /// Workers AI's `run`.
    WorkersAi,
}

/// The fields of a form that matter on its way.
pub const WATCHED: [&str; 3] = ["model", "response_format", "stream"];

/// Why a form cannot be sent on: nobody knows where to.
pub fn model_unseen() -> Error {
    let words = "model: put it before the file in the form, or name the provider in the header x-causeway-provider; \
        it is not among the form's first 64 KiB";
    Error::invalid(words).with_param("model")
}

/// A request for speech in the provider's form. Of OpenAI's family it is relayed instead.
pub fn encode_speech(shape: Shape, model: &str, body: &[u8], losses: &mut Losses) -> Result<Vec<u8>> {
    if shape != Shape::WorkersAi {
        return Ok(body.to_vec());
    }
    let mut fields = Fields::of_body(body)?;
    let input = fields.required_text("input")?;
    if fields.text("stream_format")?.is_some_and(|format| format == "sse") {
        return Err(Error::invalid("stream_format: this provider sends the sound itself; leave it out").with_param("stream_format"));
    }
    let voice = fields.take("voice");
    let format = fields.text("response_format")?;
    fields.take("model");
    let mut out = Vec::with_capacity(input.len().saturating_add(128));
    let object = Object::open(&mut out);
    if is_melo(model) {
        if voice.is_some() {
            losses.drop("voice");
        }
        if format.is_some_and(|format| format != "mp3") {
            losses.drop("response_format");
        }
        object.with("prompt", &input).maybe("lang", fields.take("lang")).close();
    } else {
        let format = format.map(|format| aura_format(&format)).transpose()?;
        let (encoding, container) = format.unwrap_or_default();
        let object = object.with("text", &input).maybe("speaker", voice).maybe("encoding", encoding).maybe("container", container);
        object.close();
    }
    fields.rest().into_iter().for_each(|(name, _)| losses.drop(name));
    Ok(out)
}

/// One of the two families of voices there. It takes a language where the other takes a voice.
fn is_melo(model: &str) -> bool {
    model.ends_with("melotts")
}

/// Encoding and container.
fn aura_format(word: &str) -> Result<(Option<&'static str>, Option<&'static str>)> {
    match word {
        "mp3" => Ok((Some("mp3"), None)),
        "opus" => Ok((Some("opus"), Some("ogg"))),
        "aac" => Ok((Some("aac"), None)),
        "flac" => Ok((Some("flac"), None)),
        "wav" => Ok((Some("linear16"), Some("wav"))),
        "pcm" => Ok((Some("linear16"), Some("none"))),
        _ => Err(wrong("response_format", "mp3, opus, aac, flac, wav or pcm")),
    }
}

/// The sound's media type and its bytes. `asked` is the format the caller asked for.
pub fn decode_speech<'a>(
    shape: Shape,
    content_type: &'a str,
    body: &'a [u8],
    asked: Option<&str>,
) -> Result<(Cow<'a, str>, Cow<'a, [u8]>)> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        audio_data: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        result: Option<Inner<'a>>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        audio: Option<Cow<'a, str>>,
    }
    if shape == Shape::OpenAi || !content_type.trim_start().starts_with("application/json") {
        return Ok((Cow::Borrowed(content_type), Cow::Borrowed(body)));
    }
    let wire: Option<Wire<'_>> = crate::wire::json::read(body).ok();
    let audio = wire.and_then(|wire| wire.audio_data.or_else(|| wire.result?.audio)).ok_or_else(|| told_in(body))?;
    let bytes = base64::decode(&audio).ok_or_else(foreign)?;
    Ok((Cow::Borrowed(media_type(asked.unwrap_or("mp3"))), Cow::Owned(bytes)))
}

fn media_type(format: &str) -> &'static str {
    match format {
        "opus" => "audio/ogg",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "pcm" => "audio/pcm",
        _ => "audio/mpeg",
    }
}

/// The error in an answer that holds nothing else, in whatever form.
fn told_in(body: &[u8]) -> Error {
    match crate::wire::json::read::<&RawValue>(body) {
        Ok(raw) if raw.get().contains("\"errors\"") || raw.get().contains("\"error\"") => {
            fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body)
        }
        _ => foreign(),
    }
}

fn foreign() -> Error {
    Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for.")
}

/// Whether the words are to stay in their language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    Transcribe,
    Translate,
}

/// What the caller wants to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Script {
    #[default]
    Json,
    Text,
    VerboseJson,
    Vtt,
}

/// A transcription for Workers AI, from the whole form; and how the caller wants the answer.
pub fn encode_transcription(content_type: &str, form: &[u8], task: Task, losses: &mut Losses) -> Result<(Vec<u8>, Script)> {
    let (mut file, mut script) = (None, Script::default());
    let (mut language, mut prompt) = (None, None);
    for part in multipart::parts(content_type, form)? {
        let text = || String::from_utf8_lossy(part.content).into_owned();
        match part.name.as_str() {
            "file" => file = Some(part.content),
            "model" => {}
            "language" => language = Some(text()),
            "prompt" => prompt = Some(text()),
            "response_format" => script = script_of(&text())?,
            "stream" if text() == "true" => {
                return Err(Error::invalid("stream: this provider answers as a whole; leave it out").with_param("stream"));
            }
            "stream" => {}
            other => losses.drop(other.trim_end_matches("[]")),
        }
    }
    let file = file.ok_or_else(|| Error::invalid("file: Field required").with_param("file"))?;
    let mut out = Vec::with_capacity(file.len().saturating_mul(4) / 3 + 128);
    let task = if task == Task::Translate { "translate" } else { "transcribe" };
    let object = Object::open(&mut out).with("audio", &base64::encode(file)).with("task", task);
    object.maybe("language", language).maybe("initial_prompt", prompt).close();
    Ok((out, script))
}

fn script_of(word: &str) -> Result<Script> {
    match word {
        "json" => Ok(Script::Json),
        "text" => Ok(Script::Text),
        "verbose_json" => Ok(Script::VerboseJson),
        "vtt" => Ok(Script::Vtt),
        _ => Err(wrong("response_format", "json, text, verbose_json or vtt at this provider")),
    }
}

/// Workers AI's transcription as the caller wants it: the content type and the bytes.
pub fn translate_transcript(body: &[u8], task: Task, script: Script) -> Result<(&'static str, Vec<u8>)> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        result: Option<Transcript<'a>>,
    }
    #[derive(Deserialize)]
    struct Transcript<'a> {
        #[serde(borrow, default)]
        text: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        vtt: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        segments: Option<&'a RawValue>,
        #[serde(borrow, default)]
        words: Option<&'a RawValue>,
        #[serde(borrow, default)]
        transcription_info: Option<About<'a>>,
    }
    #[derive(Default, Deserialize)]
    struct About<'a> {
        #[serde(borrow, default)]
        language: Option<Cow<'a, str>>,
        #[serde(default)]
        duration: Option<f64>,
    }
    let wire: Option<Wire<'_>> = crate::wire::json::read(body).ok();
    let transcript = wire.and_then(|wire| wire.result).ok_or_else(|| told_in(body))?;
    let text = transcript.text.ok_or_else(|| told_in(body))?;
    let mut out = Vec::with_capacity(body.len());
    match script {
        Script::Json => Object::open(&mut out).with("text", &text).close(),
        Script::VerboseJson => {
            let about = transcript.transcription_info.unwrap_or_default();
            Object::open(&mut out)
                .with("task", if task == Task::Translate { "translate" } else { "transcribe" })
                .maybe("language", about.language)
                .maybe("duration", about.duration)
                .with("text", &text)
                .maybe("words", transcript.words)
                .maybe("segments", transcript.segments)
                .close();
        }
        Script::Text => out.extend_from_slice(format!("{text}\n").as_bytes()),
        Script::Vtt => {
            let vtt = transcript.vtt.ok_or_else(|| Error::upstream(Kind::Failed, "The provider sent no subtitles with its answer."))?;
            out.extend_from_slice(vtt.as_bytes());
        }
    }
    let json = matches!(script, Script::Json | Script::VerboseJson);
    Ok((if json { "application/json" } else { "text/plain; charset=utf-8" }, out))
}
