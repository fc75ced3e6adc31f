//! How each kind of provider is asked.

use super::request::{Encoding, Input, Request};
use crate::error::{Error, Result};
use crate::ir::Losses;
use crate::wire::json::{Array, Object};
use crate::wire::lean;
use serde::Serialize;

/// The form of a provider's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's own, whatever it holds.
    OpenAi,
    /// OpenAI's, of texts only.
    Ollama,
    Mistral,
    Voyage,
    Jina,
    Nvidia,
    /// `/v2/embed`.
    Cohere,
    /// Cohere's models on Bedrock, by `invoke`.
    CohereBedrock,
    /// `:batchEmbedContents`.
    Gemini,
    /// `:embedContent`.
    GeminiSingle,
    /// `:predict`.
    Vertex,
    /// `amazon.titan-embed-text` on Bedrock, by `invoke`.
    Titan,
    /// `amazon.titan-embed-image`, for texts.
    TitanImage,
    /// `amazon.nova-*-embeddings`, for texts.
    Nova,
    /// `feature-extraction`.
    HuggingFace,
    /// `/ai/run`.
    WorkersAi,
}

/// What is particular about a shape.
struct Manner {
    /// The most inputs that a request holds.
    most: usize,
    /// The name of the list of inputs, where the body is flat.
    input: &'static str,
    model: bool,
    dimensions: Option<&'static str>,
    purpose: Option<Purpose>,
    /// Fields that it alone knows and that mean the same whoever sends them.
    own: &'static [&'static str],
}

/// Where a provider is told what the vectors are for.
#[derive(Clone, Copy)]
struct Purpose {
    field: &'static str,
    /// Which column of `PURPOSES` has its words.
    column: usize,
    /// What is said when the caller says nothing.
    default: Option<&'static str>,
}

const COHERE: usize = 0;
const VOYAGE: usize = 1;
const NVIDIA: usize = 2;
const GOOGLE: usize = 3;
const JINA: usize = 4;
const NOVA: usize = 5;

/// One purpose a row, in everyone's words; empty where there is none.
const PURPOSES: [[&str; 6]; 5] = [
    ["search_query", "query", "query", "RETRIEVAL_QUERY", "retrieval.query", "TEXT_RETRIEVAL"],
    ["search_document", "document", "passage", "RETRIEVAL_DOCUMENT", "retrieval.passage", "GENERIC_INDEX"],
    ["classification", "", "", "CLASSIFICATION", "classification", "CLASSIFICATION"],
    ["clustering", "", "", "CLUSTERING", "separation", "CLUSTERING"],
    ["", "", "", "SEMANTIC_SIMILARITY", "text-matching", ""],
];

/// What callers call it.
const PURPOSE_FIELDS: [&str; 4] = ["input_type", "task_type", "taskType", "task"];

impl Shape {
    /// The most inputs that one request holds; a model may take fewer.
    pub fn most(self) -> usize {
        self.manner().most
    }

    fn manner(self) -> Manner {
        let flat = Manner { most: 2_048, input: "input", model: true, dimensions: Some("dimensions"), purpose: None, own: &[] };
        let said = |field, column, default| Some(Purpose { field, column, default });
        let google = said("taskType", GOOGLE, None);
        match self {
            Shape::OpenAi => Manner { most: usize::MAX, ..flat },
            Shape::Ollama => Manner { own: &["truncate", "keep_alive", "options"], ..flat },
            Shape::Mistral => Manner { dimensions: Some("output_dimension"), own: &["metadata"], ..flat },
            Shape::Voyage => Manner {
                most: 1_000,
                dimensions: Some("output_dimension"),
                purpose: said("input_type", VOYAGE, None),
                own: &["truncation"],
                ..flat
            },
            Shape::Jina => Manner { purpose: said("task", JINA, None), own: &["late_chunking", "normalized", "truncate"], ..flat },
            Shape::Nvidia => Manner { purpose: said("input_type", NVIDIA, Some("passage")), own: &["truncate", "modality"], ..flat },
            Shape::Cohere | Shape::CohereBedrock => Manner {
                most: 96,
                input: "texts",
                model: self == Shape::Cohere,
                dimensions: Some("output_dimension"),
                purpose: said("input_type", COHERE, Some("search_document")),
                own: if self == Shape::Cohere { &["truncate", "max_tokens", "priority"] } else { &["truncate", "max_tokens"] },
            },
            Shape::HuggingFace => Manner {
                input: "inputs",
                model: false,
                dimensions: None,
                own: &["normalize", "truncate", "truncation_direction", "prompt_name", "options", "parameters"],
                ..flat
            },
            Shape::WorkersAi => Manner { most: 100, input: "text", model: false, dimensions: None, own: &["pooling"], ..flat },
            Shape::Gemini => Manner { most: 100, dimensions: Some("outputDimensionality"), purpose: google, own: &["title"], ..flat },
            Shape::GeminiSingle => Manner { most: 1, dimensions: Some("outputDimensionality"), purpose: google, own: &["title"], ..flat },
            Shape::Vertex => Manner {
                most: 250,
                dimensions: Some("outputDimensionality"),
                purpose: said("task_type", GOOGLE, None),
                own: &["title", "autoTruncate"],
                ..flat
            },
            Shape::Titan => Manner { most: 1, own: &["normalize"], ..flat },
            Shape::TitanImage => Manner { most: 1, dimensions: Some("outputEmbeddingLength"), ..flat },
            Shape::Nova => Manner {
                most: 1,
                dimensions: Some("embeddingDimension"),
                purpose: said("embeddingPurpose", NOVA, Some("GENERIC_INDEX")),
                ..flat
            },
        }
    }
}

/// The bodies that ask for all the inputs in their order, no more than `most` of them in each. What the provider
/// lacks is named in `losses`.
pub fn encode_requests(request: &Request, shape: Shape, most: usize, losses: &mut Losses) -> Result<Vec<Vec<u8>>> {
    let manner = shape.manner();
    if shape == Shape::OpenAi {
        return Ok(match &request.input {
            Input::Texts(texts) => texts.chunks(most.max(1)).map(|chunk| plain_body(request, chunk)).collect(),
            Input::Tokens(lists) => lists.chunks(most.max(1)).map(|chunk| plain_body(request, chunk)).collect(),
            Input::Native(items) => items.chunks(most.max(1)).map(|chunk| plain_body(request, chunk)).collect(),
        });
    }
    let texts = match &request.input {
        Input::Texts(texts) => texts,
        Input::Tokens(_) => return Err(unfit("token ids; send the text itself")),
        Input::Native(_) => return Err(unfit("anything but texts in OpenAI's form; send strings")),
    };
    name_losses(request, &manner, losses);
    let ask = Ask { request, shape, purpose: purpose(request, manner.purpose, losses), manner };
    Ok(texts.chunks(most.min(ask.manner.most).max(1)).map(|texts| ask.body(texts)).collect())
}

fn unfit(what: &str) -> Error {
    Error::invalid(format!("input: this provider does not take {what}")).with_param("input")
}

fn plain_body<T: Serialize>(request: &Request, chunk: &[T]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut object = Object::open(&mut body).with("model", &request.model).with("input", chunk);
    let encoding = (request.encoding == Encoding::Base64).then_some("base64");
    object = object.maybe("dimensions", request.dimensions).maybe("encoding_format", encoding).maybe("user", request.user.as_ref());
    request.extras.iter().fold(object, |object, (name, raw)| object.with(name, raw)).close();
    body
}

fn name_losses(request: &Request, manner: &Manner, losses: &mut Losses) {
    if request.dimensions.is_some() && manner.dimensions.is_none() {
        losses.drop("dimensions");
    }
    if request.user.is_some() {
        losses.drop("user");
    }
    for (name, _) in &request.extras {
        let purpose = manner.purpose.is_some() && PURPOSE_FIELDS.contains(&name.as_str());
        if !purpose && !manner.own.contains(&name.as_str()) {
            losses.drop(name);
        }
    }
}

/// The provider's word for what the vectors are for. A word that nobody knows is taken for its own.
fn purpose(request: &Request, told: Option<Purpose>, losses: &mut Losses) -> Option<(&'static str, String)> {
    let Purpose { field, column, default } = told?;
    let default = default.map(|word| (field, word.to_owned()));
    let find = |name: &&str| request.extras.iter().find(|(known, _)| known == name);
    let Some((name, raw)) = PURPOSE_FIELDS.iter().find_map(find) else { return default };
    let said: String = lean::from_str(raw.get()).unwrap_or_default();
    let own = |row: &&[&str; 6]| row.get(column) == Some(&said.as_str());
    let row = PURPOSES.iter().find(own).or_else(|| PURPOSES.iter().find(|row| row.contains(&said.as_str())));
    let word = match row {
        Some(row) => row.get(column).map_or("", |word| *word).to_owned(),
        None => said.clone(),
    };
    if word.is_empty() {
        losses.drop(name);
        return default;
    }
    Some((field, word))
}

struct Ask<'r> {
    request: &'r Request,
    shape: Shape,
    manner: Manner,
    purpose: Option<(&'static str, String)>,
}

impl Ask<'_> {
    fn body(&self, texts: &[String]) -> Vec<u8> {
        let mut body = Vec::new();
        let first = texts.first().map_or("", String::as_str);
        match self.shape {
            Shape::Gemini => self.batch(&mut body, texts),
            Shape::GeminiSingle => self.settings(content(Object::open(&mut body), first)).close(),
            Shape::Vertex => self.predict(&mut body, texts),
            Shape::Titan => self.settings(Object::open(&mut body).with("inputText", first)).close(),
            Shape::TitanImage => {
                let mut object = Object::open(&mut body).with("inputText", first);
                if self.request.dimensions.is_some() {
                    self.dimensions(Object::open(object.slot("embeddingConfig"))).close();
                }
                object.close();
            }
            Shape::Nova => self.nova(&mut body, first),
            _ => self.flat(&mut body, texts),
        }
        body
    }

    fn flat(&self, out: &mut Vec<u8>, texts: &[String]) {
        let object = Object::open(out).maybe("model", self.manner.model.then_some(&self.request.model)).with(self.manner.input, texts);
        let floats = matches!(self.shape, Shape::Cohere | Shape::CohereBedrock).then_some(["float"]);
        self.settings(object.maybe("embedding_types", floats)).close();
    }

    fn batch(&self, out: &mut Vec<u8>, texts: &[String]) {
        let model = format!("models/{}", self.request.model.trim_start_matches("models/"));
        let mut body = Object::open(out);
        let mut requests = Array::open(body.slot("requests"));
        for text in texts {
            self.settings(content(Object::open(requests.slot()).with("model", &model), text)).close();
        }
        requests.close();
        body.close();
    }

    fn predict(&self, out: &mut Vec<u8>, texts: &[String]) {
        let mut body = Object::open(out);
        let mut instances = Array::open(body.slot("instances"));
        for text in texts {
            let instance = self.purposed(Object::open(instances.slot()).with("content", text));
            self.own(instance, |name| name == "title").close();
        }
        instances.close();
        let more = self.request.dimensions.is_some() || self.request.extras.iter().any(|(name, _)| name == "autoTruncate");
        if more {
            let parameters = self.dimensions(Object::open(body.slot("parameters")));
            self.own(parameters, |name| name != "title").close();
        }
        body.close();
    }

    fn nova(&self, out: &mut Vec<u8>, text: &str) {
        let mut body = Object::open(out).with("taskType", "SINGLE_EMBEDDING");
        let mut single = self.dimensions(self.purposed(Object::open(body.slot("singleEmbeddingParams"))));
        Object::open(single.slot("text")).with("truncationMode", "END").with("value", text).close();
        single.close();
        body.close();
    }

    fn settings<'o>(&self, object: Object<'o>) -> Object<'o> {
        self.own(self.dimensions(self.purposed(object)), |_| true)
    }

    fn purposed<'o>(&self, object: Object<'o>) -> Object<'o> {
        match &self.purpose {
            Some((field, word)) => object.with(field, word),
            None => object,
        }
    }

    fn dimensions<'o>(&self, object: Object<'o>) -> Object<'o> {
        match self.manner.dimensions {
            Some(name) => object.maybe(name, self.request.dimensions),
            None => object,
        }
    }

    fn own<'o>(&self, object: Object<'o>, wanted: fn(&str) -> bool) -> Object<'o> {
        let own = self.request.extras.iter().filter(|(name, _)| self.manner.own.contains(&name.as_str()) && wanted(name));
        own.fold(object, |object, (name, raw)| object.with(name, raw))
    }
}

fn content<'o>(mut object: Object<'o>, text: &str) -> Object<'o> {
    let mut content = Object::open(object.slot("content"));
    let mut parts = Array::open(content.slot("parts"));
    Object::open(parts.slot()).with("text", text).close();
    parts.close();
    content.close();
    object
}
