//! What real clients sent to providers, sent by a caller instead: it must arrive meaning the same, at the provider that
//! it was for and at others. The recordings are read where their folder is.

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::meaning::Meaning;
use crate::targets::{TARGETS, Target};
use crate::{DOORS, Door, play, tongue};

struct Recording {
    name: String,
    provider: String,
    door: &'static Door,
    model: String,
    body: Value,
}

/// Of conversations in a dialect of callers.
fn recordings() -> Option<Vec<Recording>> {
    let folder = std::env::var("RECORDINGS").map_or_else(|_| PathBuf::from("/work/shared/recordings"), PathBuf::from);
    let providers = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    let mut paths: Vec<PathBuf> =
        providers.flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect();
    paths.sort();
    Some(paths.iter().filter_map(|path| recording(path)).collect())
}

fn recording(path: &Path) -> Option<Recording> {
    let file: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let (url, body) = (file["request"]["url"].as_str()?, &file["request"]["body"]);
    let url = url.split('?').next()?;
    // Refused requests need not make sense.
    if file["response"]["status"].as_u64()? != 200 || !body.is_object() {
        return None;
    }
    let dialect = match url {
        _ if url.ends_with("/chat/completions") => "chat",
        _ if url.ends_with("/responses") => "responses",
        _ if url.ends_with("/messages") => "messages",
        _ if url.ends_with("enerateContent") => "gemini",
        _ => return None,
    };
    let door = DOORS.iter().find(|door| door.dialect == dialect)?;
    let in_path = || Some(url.rsplit_once("/models/")?.1.split(':').next()?.to_owned());
    let model = body["model"].as_str().map(str::to_owned).or_else(in_path)?;
    let provider = file["provider"].as_str()?.replace("huggingface", "hugging-face");
    let name = path.file_name()?.to_str()?.to_owned();
    Some(Recording { name: format!("{provider}/{name}"), provider, door, model, body: body.clone() })
}

/// Less what says nothing.
fn stripped(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(_, inner)| !inner.is_null()).map(|(name, inner)| (name.clone(), stripped(inner))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(stripped).collect()),
        other => other.clone(),
    }
}

/// What is sent in another form, which means the same there: the role of instructions, thinking that is told twice, the
/// model that stands in the address.
const ALTERED: [(&str, &str); 3] = [("ollama/", "messages"), ("gemini/", "model"), ("vertex-ai/", "model")];

#[test]
fn what_clients_sent_to_a_provider_arrives_there_as_it_was() {
    let Some(recordings) = recordings() else {
        println!("skipped: there are no recordings here");
        return;
    };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for recording in recordings {
        let Some(target) = TARGETS.iter().find(|target| target.provider == recording.provider) else { continue };
        let model: &'static str = Box::leak(recording.model.clone().into_boxed_str());
        let target = Target { model, ..*target };
        let scenery = play(recording.door, &target, &recording.body);
        let Some(seen) = scenery.seen.first() else {
            wrong.push(format!("{}: refused: {}", recording.name, scenery.body));
            continue;
        };
        if tongue(&seen.url) != recording.door.dialect {
            continue;
        }
        count += 1;
        let sent: Value = serde_json::from_str(&seen.body).unwrap();
        let dropped = scenery.headers.find("x-portkey-dropped").unwrap_or_default().to_owned();
        for (name, value) in stripped(&recording.body).as_object().unwrap() {
            if ALTERED.iter().any(|(beginning, field)| recording.name.starts_with(beginning) && field == name) {
                continue;
            }
            if sent.get(name).map(stripped).as_ref() != Some(value) {
                wrong.push(format!(
                    "{}: {name} {value} became {:?} (dropped {dropped})",
                    recording.name,
                    sent.get(name).map(Value::to_string)
                ));
            }
        }
    }
    println!("{count} recordings");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.iter().map(|words| words.chars().take(600).collect::<String>()).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn what_clients_sent_to_one_provider_means_the_same_to_another() {
    let Some(recordings) = recordings() else {
        println!("skipped: there are no recordings here");
        return;
    };
    let others = ["openai", "anthropic-budget", "gemini-budget", "bedrock-claude", "cohere", "mistral", "deepseek"];
    let (mut wrong, mut refused, mut count) = (Vec::new(), Vec::new(), 0);
    for recording in recordings {
        let body = recording.body.clone();
        let Ok(asked) = catch_unwind(|| Meaning::of(recording.door.dialect, &body)) else {
            refused.push(format!("{}: has a meaning of its own", recording.name));
            continue;
        };
        for target in TARGETS.iter().filter(|target| others.contains(&target.name)) {
            let mut body = recording.body.clone();
            body.as_object_mut().unwrap().remove("model");
            let scenery = play(recording.door, target, &body);
            let Some(seen) = scenery.seen.first() else {
                refused.push(format!("{} {}: {}", recording.name, target.name, scenery.json()["error"]["message"]));
                continue;
            };
            count += 1;
            let sent: Value = serde_json::from_str(&seen.body).unwrap();
            let dropped = scenery.headers.find("x-portkey-dropped").unwrap_or_default();
            let told = Meaning::of(tongue(&seen.url), &sent);
            wrong.extend(asked.differences(&told, dropped).into_iter().map(|words| format!("{} {}: {words}", recording.name, target.name)));
        }
    }
    println!("{count} requests, {} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.iter().map(|words| words.chars().take(900).collect::<String>()).collect::<Vec<_>>().join("\n")
    );
}
