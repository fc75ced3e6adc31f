//! What is asked and answered that is no conversation, in the shapes of all providers.

use causeway::errand::{self, Reading, Returned};
use causeway::ir::Losses;
use causeway::providers;
use causeway::providers::service::{Errand, Serves};
use causeway::wire::audio::{self, Script, Task};

use crate::corpus::seeds;
use crate::dialects::{bounded, echo, json, told};
use crate::frames::{FORM, forms};
use crate::run::Target;

const ERRANDS: [(Errand, &str); 5] = [
    (Errand::Embeddings, "embeddings"),
    (Errand::Images, "images"),
    (Errand::Rerank, "rerank"),
    (Errand::Moderations, "moderations"),
    (Errand::Speech, "speech"),
];

pub fn targets() -> Vec<Target> {
    let asked = |(errand, name): (Errand, &'static str)| {
        let shapes = shapes(errand);
        Target::new(format!("requests for {name}"), lines("requests", name), move |input| request(errand, &shapes, input))
    };
    let answered = |(errand, name): (Errand, &'static str)| {
        let (shapes, asked) = (shapes(errand), lines("requests", name));
        Target::new(format!("answers of {name}"), lines("answers", name), move |input| answer(errand, &shapes, &asked, input))
    };
    let sounds = [
        Target::new("forms to be transcribed", forms(), transcription),
        Target::new("transcripts", lines("answers", "transcripts"), transcript),
    ];
    ERRANDS.into_iter().map(asked).chain(ERRANDS.into_iter().map(answered)).chain(sounds).collect()
}

/// A seed for each line of the file.
fn lines(kind: &str, name: &str) -> Vec<Vec<u8>> {
    let files = seeds("errands", &format!("{kind}-{name}"));
    files.iter().flat_map(|file| file.split(|byte| *byte == b'\n')).filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The shapes in which any provider serves it.
fn shapes(errand: Errand) -> Vec<Serves> {
    let mut shapes: Vec<Serves> = Vec::new();
    for service in providers::all().iter().flat_map(|provider| provider.services) {
        if service.serves.errand() == Some(errand) && !shapes.contains(&service.serves) {
            shapes.push(service.serves);
        }
    }
    assert!(!shapes.is_empty());
    shapes
}

fn request(errand: Errand, shapes: &[Serves], input: &[u8]) {
    for serves in shapes {
        let mut losses = Losses::default();
        match errand::prepare(*serves, "@cf/myshell-ai/melotts", input, "n0nce", &mut losses) {
            Ok((letters, None)) => assert!(letters.iter().all(|letter| letter.body == input)),
            Ok((letters, Some(_))) => {
                assert!(!letters.is_empty(), "nothing is asked");
                assert!(letters.len() <= 10 + input.len(), "{} letters", letters.len());
                for letter in letters {
                    bounded(input, &letter.body);
                    if letter.content_type.starts_with("application/json") && letter.body != input {
                        json(&letter.body);
                    }
                }
            }
            Err(error) => told(input, &error),
        }
    }
    let _ = errand::used(errand, input, b"{}");
}

fn answer(errand: Errand, shapes: &[Serves], requests: &[Vec<u8>], input: &[u8]) {
    for asked in requests {
        for serves in shapes {
            let Ok((_, Some(reading))) = errand::prepare(*serves, "m", asked, "n0nce", &mut Losses::default()) else { continue };
            for content_type in ["application/json", "image/png"] {
                returned(errand, &reading, asked, content_type, input);
            }
        }
        let _ = errand::used(errand, asked, input);
    }
}

fn returned(errand: Errand, reading: &Reading, asked: &[u8], content_type: &str, input: &[u8]) {
    for times in [1, 2] {
        let whole = || Returned { content_type: content_type.to_owned(), body: input.to_vec() };
        let returned: Vec<Returned> = (0..times).map(|_| whole()).collect();
        match errand::answer(reading, &returned, asked, &echo(), &mut Losses::default()) {
            Ok((_, body)) => {
                let came = [asked, input, input].concat();
                bounded(&came, &body);
                if errand != Errand::Speech {
                    json(&body);
                }
                let _ = errand::used(errand, asked, &body);
            }
            Err(error) => told(input, &error),
        }
    }
}

fn transcription(input: &[u8]) {
    for task in [Task::Transcribe, Task::Translate] {
        match audio::encode_transcription(FORM, input, task, &mut Losses::default()) {
            Ok((body, _)) => {
                json(&body);
                bounded(input, &body);
            }
            Err(error) => told(input, &error),
        }
    }
}

fn transcript(input: &[u8]) {
    for script in [Script::Json, Script::Text, Script::VerboseJson, Script::Vtt] {
        match audio::translate_transcript(input, Task::Translate, script) {
            Ok((kind, body)) => {
                bounded(input, &body);
                if kind == "application/json" {
                    json(&body);
                }
            }
            Err(error) => told(input, &error),
        }
    }
    for errand in [Errand::Transcription, Errand::Translation, Errand::ImageEdits, Errand::ImageVariations] {
        let _ = errand::used(errand, input, input);
    }
}
