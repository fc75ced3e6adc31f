//! What is no conversation: vectors, rankings, pictures, verdicts, plain completions.

use std::path::Path;

use causeway::wire::base64;
use serde_json::{Value, json};

use crate::scripted::Scene;
use crate::tally::Tally;
use crate::whole::short;

pub fn judge(provider: &'static str, case: &str, all: &Value, tally: &mut Tally) {
    let (request, response) = (&all["request"], &all["response"]);
    let url = request["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
    let model = model(url, &request["body"]);
    let body = &response["body"];
    let path = match () {
        // Completions of one who is not compatible with anything.
        () if case.contains("api.writer.com") => return,
        () if body.is_null() || case.contains("transcription") || case.contains("edit") || case.contains("v1-") => return,
        () if case.contains("embeddings") || model.contains("embedding") && !case.contains("count") => "/v1/embeddings",
        () if case.starts_with("rerank") => "/v1/rerank",
        () if case.starts_with("images") || url.contains("imagen") => "/v1/images/generations",
        () if case.starts_with("moderation") => "/v1/moderations",
        () if case.starts_with("completions") => "/v1/completions",
        () => return,
    };
    let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    let vectors = vectors(body);
    let asked = match path {
        "/v1/embeddings" => json!({"model": model, "input": vec!["hi"; vectors.len().max(1)]}),
        "/v1/rerank" => json!({"model": model, "query": "hi", "documents": ["a", "b", "c", "d", "e", "f", "g", "h"]}),
        "/v1/images/generations" => json!({"model": model, "prompt": "hi"}),
        "/v1/moderations" => json!({"model": model, "input": "hi"}),
        _ => json!({"model": model, "prompt": "hi", "n": request["body"]["n"].as_u64().unwrap_or(1)}),
    };
    let mut scene = Scene::post(path, asked.to_string())
        .header("content-type", "application/json")
        .header("authorization", "Bearer key")
        .header("x-causeway-provider", provider)
        .header("x-causeway-vertex-project-id", "project")
        .header("x-causeway-azure-resource-name", "resource")
        .header("x-causeway-azure-foundry-url", "https://resource.services.ai.azure.com");
    if matches!(provider, "custom" | "ollama") {
        scene = scene.header("x-causeway-custom-host", "https://models.example.com/v1");
    }
    let scenery = scene.answers(status, vec![("content-type", "application/json")], body.to_string()).play();
    let mut check = |holds: bool, what: &str| {
        tally.check(provider, holds, || format!("{provider}/{case}: {what}: {} {}", scenery.status, short(&scenery.body)))
    };
    check(scenery.status == status, "status");
    let told: Value = serde_json::from_str(&scenery.body).unwrap_or_default();
    if status >= 400 {
        let error = &told["error"];
        check(error["message"].as_str().is_some_and(|message| !message.is_empty()), "message");
        return check(["type", "code", "param"].iter().all(|name| error[name].is_string() || error[name].is_null()), "type, code, param");
    }
    // Base64 was asked for in some of the recordings; the types are of numbers.
    if request["body"]["encoding_format"] != "base64" {
        keep(path, provider, case, &scenery.body);
    }
    match path {
        "/v1/embeddings" => {
            check(told["object"] == "list" && told["model"].is_string(), "object or model");
            let data = told["data"].as_array().cloned().unwrap_or_default();
            check(data.iter().enumerate().all(|(at, item)| item["index"] == at && item["object"] == "embedding"), "index or object");
            let ours: Vec<Vec<f64>> = data.iter().filter_map(|item| numbers(&item["embedding"])).collect();
            check(same(&ours, &vectors), "vectors");
            check(told["usage"]["prompt_tokens"].is_u64() && told["usage"]["total_tokens"].is_u64(), "usage");
        }
        "/v1/rerank" => {
            let pick = |list: &Value| -> Vec<(Value, Value)> {
                let items = list.as_array().into_iter().flatten();
                items.map(|item| (item["index"].clone(), item["relevance_score"].clone())).collect()
            };
            let theirs = if body["results"].is_array() { &body["results"] } else { &body["data"] };
            check(!pick(&told["results"]).is_empty() && pick(&told["results"]) == pick(theirs), "results");
        }
        "/v1/images/generations" => {
            check(told["created"].is_u64() && told["data"][0].is_object(), "created or data");
            check(told["data"][0]["b64_json"].is_string() || told["data"][0]["url"].is_string(), "picture");
        }
        "/v1/moderations" => check(told["results"][0]["flagged"].is_boolean() && told["id"].is_string(), "results"),
        _ => {
            check(told["object"] == "text_completion" && told["choices"][0]["text"] == body["choices"][0]["text"], "text");
        }
    }
}

fn model(url: &str, body: &Value) -> String {
    let in_path = ["/models/", "/model/"].iter().find_map(|mark| url.split_once(mark)).map(|(_, rest)| rest);
    let rest = in_path.filter(|_| url.contains("googleapis") || url.contains("amazonaws") || url.contains("huggingface"));
    match (body["model"].as_str(), rest) {
        (_, Some(rest)) if url.contains("huggingface") => rest.to_owned(),
        (_, Some(rest)) if url.contains("googleapis") => rest.split(':').next().unwrap().to_owned(),
        (_, Some(rest)) => rest.split('/').next().unwrap().replace("%3A", ":"),
        (Some(model), None) => model.to_owned(),
        _ => "m".to_owned(),
    }
}

/// A vector, in numbers or in base64: of floats, or of bytes where those make no floats.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Array(list) => list.iter().map(Value::as_f64).collect(),
        Value::String(text) => {
            let bytes = base64::decode(text)?;
            let floats: Vec<f64> = bytes.chunks_exact(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))).collect();
            let odd = floats.iter().any(|number| !number.is_finite() || number.abs() > 1e6 || (*number != 0.0 && number.abs() < 1e-12));
            Some(if odd { bytes.iter().map(|byte| f64::from(byte.cast_signed())).collect() } else { floats })
        }
        _ => None,
    }
}

fn vectors(body: &Value) -> Vec<Vec<f64>> {
    let list = |list: &Value, name: &str| -> Vec<Vec<f64>> {
        list.as_array().into_iter().flatten().filter_map(|item| numbers(item.pointer(name)?)).collect()
    };
    match body {
        Value::Array(_) => numbers(body).map(|one| vec![one]).unwrap_or_default(),
        _ if body["data"].is_array() => list(&body["data"], "/embedding"),
        _ if body["embeddings"]["float"].is_array() => list(&body["embeddings"]["float"], ""),
        _ if body["embeddings"].is_array() => list(&body["embeddings"], "/values"),
        _ if body["predictions"].is_array() => list(&body["predictions"], "/embeddings/values"),
        _ if body["embedding"]["values"].is_array() => numbers(&body["embedding"]["values"]).into_iter().collect(),
        _ => numbers(&body["embedding"]).into_iter().collect(),
    }
}

fn same(ours: &[Vec<f64>], theirs: &[Vec<f64>]) -> bool {
    let near = |(one, other): (&f64, &f64)| (one - other).abs() <= 1e-6 * other.abs().max(1e-3);
    !ours.is_empty()
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(one, other)| one.len() == other.len() && one.iter().zip(other).all(near))
}

/// Leaves the answer for the clients' types.
fn keep(path: &str, provider: &str, case: &str, body: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judged").join(path.rsplit('/').next().unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{provider}-{case}.json")), body).unwrap();
}
