use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::size::{FLUX, GEMINI, IMAGEN, Ratios, STABILITY, Size};
use super::{Format, Request, Shape};
use crate::error::{Error, Result};
use crate::ir::Losses;
use crate::wire::json::{Array, Object};
use crate::wire::lean;
use crate::wire::multipart::Form;
use crate::wire::predictions;

/// A request as it is sent.
#[derive(Debug)]
pub struct Outgoing {
    pub body: Vec<u8>,
    pub content_type: Cow<'static, str>,
    /// What the provider is asked to answer with.
    pub accept: &'static str,
}

/// What OpenAI calls its knobs. Who has another form does not know them by these names.
const OPENAI_KNOBS: [&str; 9] =
    ["background", "input_fidelity", "moderation", "output_compression", "output_format", "partial_images", "quality", "style", "user"];

/// The request of this shape; the `turn`-th of as many as `requests` says, each with a seed of its own. The model
/// is in the body only where the shape has it there, else in the address. `nonce` is unique per request.
pub fn encode_request(shape: Shape, request: &Request, turn: u64, nonce: &str, losses: &mut Losses) -> Result<Outgoing> {
    if request.stream && shape != Shape::OpenAi {
        return Err(Error::invalid("stream: this provider sends images whole; leave it out").with_param("stream"));
    }
    let mut ask = Ask { request, turn, taken: Vec::new(), losses };
    let mut body = Vec::with_capacity(request.prompt.len().saturating_add(256));
    let object = Object::open(&mut body);
    match shape {
        Shape::OpenAi => ask.openai(object),
        Shape::Together => ask.together(object)?,
        Shape::Xai => ask.xai(object),
        Shape::Imagen => ask.imagen(object)?,
        Shape::Gemini => ask.gemini(object)?,
        Shape::Titan => ask.titan(object)?,
        Shape::BedrockStability => ask.bedrock_stability(object)?,
        Shape::Stability => return ask.stability(nonce),
        Shape::Fireworks => ask.fireworks(object)?,
        Shape::Replicate => ask.replicate(object)?,
        Shape::WorkersAi => ask.workers_ai(object)?,
    }
    Ok(Outgoing { body, content_type: Cow::Borrowed("application/json"), accept: "application/json" })
}

/// The request while it is written: what no one took by the end is lost.
struct Ask<'r, 'l> {
    request: &'r Request,
    turn: u64,
    taken: Vec<&'static str>,
    losses: &'l mut Losses,
}

impl<'r> Ask<'r, '_> {
    fn knob(&mut self, name: &'static str) -> Option<&'r RawValue> {
        self.taken.push(name);
        self.request.knobs.iter().find(|(known, _)| known == name).map(|(_, raw)| &**raw)
    }

    fn word(&mut self, name: &'static str) -> Option<Cow<'r, str>> {
        self.knob(name).map(|raw| lean::from_str(raw.get()).map_or(Cow::Borrowed(raw.get()), Cow::Owned))
    }

    /// The same seed twice would be the same image twice.
    fn seed(&mut self) -> Result<Option<i64>> {
        let Some(raw) = self.knob("seed") else { return Ok(None) };
        let seed: i64 = crate::wire::fields::plain(raw, "seed", "an integer")?;
        Ok(Some(seed.saturating_add(i64::try_from(self.turn).unwrap_or(0))))
    }

    fn size(&mut self) -> Result<Option<Size>> {
        self.request.size.as_deref().map(Size::parse).transpose()
    }

    /// The shape of the image: the caller's own word for it, or what is nearest to the size.
    fn ratio(&mut self, ratios: Ratios) -> Result<Option<String>> {
        if let Some(ratio) = self.word("aspect_ratio") {
            if self.request.size.is_some() {
                self.losses.drop("size");
            }
            return Ok(Some(ratio.into_owned()));
        }
        let Some((size, ((width, height), exact))) = self.size()?.and_then(|size| Some((size, size.nearest(ratios)?))) else {
            return Ok(None);
        };
        if !exact {
            self.losses.drop(format!("size={}x{}", size.width, size.height));
        }
        Ok(Some(format!("{width}:{height}")))
    }

    /// The knobs that the provider has of its own.
    fn open_knobs(&mut self) -> Vec<(&'r str, &'r RawValue)> {
        let request = self.request;
        let own = |name: &str| !OPENAI_KNOBS.contains(&name);
        let free = request.knobs.iter().filter(|(name, _)| own(name) && !self.taken.iter().any(|taken| taken == name));
        let free: Vec<_> = free.map(|(name, raw)| (name.as_str(), &**raw)).collect();
        for (name, _) in request.knobs.iter().filter(|(name, _)| !own(name)) {
            self.lose(name);
        }
        free
    }

    /// For a form that takes nothing that it does not know.
    fn close_knobs(&mut self) {
        for (name, _) in &self.request.knobs {
            self.lose(name);
        }
    }

    fn lose(&mut self, name: &str) {
        if !self.taken.contains(&name) {
            self.losses.drop(name);
        }
    }

    fn openai(&mut self, object: Object<'_>) {
        let request = self.request;
        let format = request.format.map(|format| if format == Format::Url { "url" } else { "b64_json" });
        let object = named(object, request)
            .maybe("n", request.n)
            .maybe("size", request.size.as_ref())
            .maybe("response_format", format)
            .maybe("stream", request.stream.then_some(true));
        request.knobs.iter().fold(object, |object, (name, raw)| object.with(name, raw)).close();
    }

    fn together(&mut self, object: Object<'_>) -> Result<()> {
        let request = self.request;
        let size = self.size()?;
        let format = request.format.map(|format| if format == Format::Url { "url" } else { "base64" });
        let output = self.word("output_format").map(|word| if word == "jpg" { Cow::Borrowed("jpeg") } else { word });
        let object = named(object, request)
            .maybe("n", request.n)
            .maybe("width", size.map(|size| size.width))
            .maybe("height", size.map(|size| size.height))
            .maybe("response_format", format)
            .maybe("output_format", output);
        with_all(object, self.open_knobs()).close();
        Ok(())
    }

    fn xai(&mut self, object: Object<'_>) {
        let request = self.request;
        if request.size.is_some() {
            self.losses.drop("size");
        }
        let format = request.format.map(|format| if format == Format::Url { "url" } else { "b64_json" });
        let user = self.knob("user");
        let object = named(object, request).maybe("n", request.n).maybe("response_format", format).maybe("user", user);
        with_all(object, self.open_knobs()).close();
    }

    fn imagen(&mut self, mut object: Object<'_>) -> Result<()> {
        let ratio = self.ratio(IMAGEN)?;
        // A seed is refused unless the watermark is given up, and negative prompts are gone.
        for name in ["seed", "negative_prompt"] {
            if self.knob(name).is_some() {
                self.losses.drop(name);
            }
        }
        let (media_type, quality) = (self.word("output_format").map(|word| media_type(&word)), self.knob("output_compression"));
        let mut instances = Array::open(object.slot("instances"));
        Object::open(instances.slot()).with("prompt", &self.request.prompt).close();
        instances.close();
        let count = self.request.n.unwrap_or(1);
        let mut parameters = Object::open(object.slot("parameters")).with("sampleCount", &count).maybe("aspectRatio", ratio);
        if media_type.is_some() || quality.is_some() {
            Object::open(parameters.slot("outputOptions")).maybe("mimeType", media_type).maybe("compressionQuality", quality).close();
        }
        with_all(parameters, self.open_knobs()).close();
        object.close();
        Ok(())
    }

    fn gemini(&mut self, mut object: Object<'_>) -> Result<()> {
        let (ratio, seed) = (self.ratio(GEMINI)?, self.seed()?);
        let mut contents = Array::open(object.slot("contents"));
        let mut content = Object::open(contents.slot()).with("role", "user");
        let mut parts = Array::open(content.slot("parts"));
        Object::open(parts.slot()).with("text", &self.request.prompt).close();
        parts.close();
        content.close();
        contents.close();
        // Older models that draw refuse to without text.
        let mut config = Object::open(object.slot("generationConfig")).with("responseModalities", &["TEXT", "IMAGE"]);
        if ratio.is_some() {
            Object::open(config.slot("imageConfig")).maybe("aspectRatio", ratio).close();
        }
        config.maybe("seed", seed).close();
        object.close();
        self.close_knobs();
        Ok(())
    }

    fn titan(&mut self, object: Object<'_>) -> Result<()> {
        let (size, seed) = (self.size()?, self.seed()?);
        let quality = self.word("quality").filter(|word| word != "auto").map(|word| titan_quality(&word));
        let negative = self.knob("negative_prompt");
        let scale = self.knob("cfg_scale").or(self.knob("cfgScale"));
        let mut object = object.with("taskType", "TEXT_IMAGE");
        Object::open(object.slot("textToImageParams")).with("text", &self.request.prompt).maybe("negativeText", negative).close();
        Object::open(object.slot("imageGenerationConfig"))
            .with("numberOfImages", &self.request.n.unwrap_or(1))
            .maybe("width", size.map(|size| size.width))
            .maybe("height", size.map(|size| size.height))
            .maybe("quality", quality)
            .maybe("cfgScale", scale)
            .maybe("seed", seed)
            .close();
        object.close();
        self.close_knobs();
        Ok(())
    }

    fn bedrock_stability(&mut self, object: Object<'_>) -> Result<()> {
        let (ratio, seed) = (self.ratio(STABILITY)?, self.seed()?);
        let output = self.word("output_format").map(|word| stability_format(&word));
        let object =
            object.with("prompt", &self.request.prompt).maybe("aspect_ratio", ratio).maybe("output_format", output).maybe("seed", seed);
        with_all(object, self.open_knobs()).close();
        Ok(())
    }

    fn stability(&mut self, nonce: &str) -> Result<Outgoing> {
        let (ratio, seed) = (self.ratio(STABILITY)?, self.seed()?.map(|seed| seed.to_string()));
        let output = self.word("output_format").map(|word| stability_format(&word));
        let model = (stability_engine(&self.request.model) == "sd3").then_some(self.request.model.as_str());
        let fields = [
            ("model", model.filter(|model| *model != "sd3")),
            ("aspect_ratio", ratio.as_deref()),
            ("output_format", output.as_deref()),
            ("seed", seed.as_deref()),
        ];
        let form = Form::new(nonce).field("prompt", &self.request.prompt);
        let form = fields.into_iter().fold(form, |form, (name, value)| match value {
            Some(value) => form.field(name, value),
            None => form,
        });
        let form = self.open_knobs().into_iter().fold(form, |form, (name, raw)| form.field(name, &plain_text(raw)));
        let (content_type, body) = form.close();
        Ok(Outgoing { body, content_type: Cow::Owned(content_type), accept: "application/json" })
    }

    fn fireworks(&mut self, object: Object<'_>) -> Result<()> {
        let (ratio, seed) = (self.ratio(FLUX)?, self.seed()?);
        let object = object.with("prompt", &self.request.prompt).maybe("aspect_ratio", ratio).maybe("seed", seed);
        with_all(object, self.open_knobs()).close();
        Ok(())
    }

    fn replicate(&mut self, mut object: Object<'_>) -> Result<()> {
        let (ratio, seed) = (self.ratio(FLUX)?, self.seed()?);
        let output = self.word("output_format").map(|word| if word == "jpeg" { Cow::Borrowed("jpg") } else { word });
        object = object.maybe("version", predictions::version(&self.request.model));
        let input = Object::open(object.slot("input"))
            .with("prompt", &self.request.prompt)
            .maybe("aspect_ratio", ratio)
            .maybe("output_format", output)
            .maybe("seed", seed);
        with_all(input, self.open_knobs()).close();
        object.close();
        Ok(())
    }

    fn workers_ai(&mut self, object: Object<'_>) -> Result<()> {
        let (size, seed) = (self.size()?, self.seed()?);
        let object = object
            .with("prompt", &self.request.prompt)
            .maybe("width", size.map(|size| size.width))
            .maybe("height", size.map(|size| size.height))
            .maybe("seed", seed);
        with_all(object, self.open_knobs()).close();
        Ok(())
    }
}

/// Which of Stability's engines (the end of its address) runs a model.
pub fn stability_engine(model: &str) -> &'static str {
    match model.trim_start_matches("stable-image-") {
        "core" => "core",
        "ultra" => "ultra",
        _ => "sd3",
    }
}

fn named<'o>(object: Object<'o>, request: &Request) -> Object<'o> {
    let model = Some(&request.model).filter(|model| !model.is_empty());
    object.maybe("model", model).with("prompt", &request.prompt)
}

fn with_all<'o, T: Serialize + ?Sized>(object: Object<'o>, fields: Vec<(&str, &T)>) -> Object<'o> {
    fields.into_iter().fold(object, |object, (name, value)| object.with(name, value))
}

fn media_type(format: &str) -> String {
    format!("image/{}", if format == "jpg" { "jpeg" } else { format })
}

fn stability_format(format: &str) -> String {
    if format == "jpg" { "jpeg".to_owned() } else { format.to_owned() }
}

fn titan_quality(word: &str) -> &'static str {
    match word {
        "hd" | "high" | "premium" => "premium",
        _ => "standard",
    }
}

/// A form has text for everything.
fn plain_text(raw: &RawValue) -> Cow<'_, str> {
    lean::from_str::<String>(raw.get()).map_or(Cow::Borrowed(raw.get()), Cow::Owned)
}
