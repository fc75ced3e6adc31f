//! Writes models in the shape of each dialect. What a dialect has no field for is told in Causeway's own: `provider`,
//! `kind`, `price` (as an override of it would be written, or `unpriced`), `deprecation_date`.

use super::gather::Listed;
use super::page::Page;
use crate::catalog::{Capability, Kind, Model, Overrides, Prices};
use crate::time::{civil, rfc3339};
use crate::wire::Dialect;
use crate::wire::json::{Array, Object, value};

pub struct Writer<'p> {
    pub prices: &'p Overrides,
    /// Seconds since 1970.
    pub now: u64,
}

impl Writer<'_> {
    pub fn openai(&self, models: &[Listed]) -> Vec<u8> {
        let mut out = Vec::with_capacity(models.len().saturating_mul(420));
        let mut list = Object::open(&mut out).with("object", "list");
        self.all(list.slot("data"), Dialect::Chat, models);
        list.close();
        out
    }

    pub fn messages(&self, page: &Page<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut list = Object::open(&mut out);
        self.all(list.slot("data"), Dialect::Messages, page.models);
        let list = list.with("has_more", &page.more);
        let list = list.with("first_id", &page.models.first().map(Listed::id));
        list.with("last_id", &page.models.last().map(Listed::id)).close();
        out
    }

    pub fn gemini(&self, page: &Page<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut list = Object::open(&mut out);
        self.all(list.slot("models"), Dialect::Gemini, page.models);
        list.maybe("nextPageToken", page.models.last().filter(|_| page.more).map(Listed::id)).close();
        out
    }

    pub fn one(&self, dialect: Dialect, model: &Listed) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, dialect, model);
        out
    }

    fn all(&self, out: &mut Vec<u8>, dialect: Dialect, models: &[Listed]) {
        let mut list = Array::open(out);
        for model in models {
            self.write(list.slot(), dialect, model);
        }
        list.close();
    }

    fn write(&self, out: &mut Vec<u8>, dialect: Dialect, model: &Listed) {
        let known = model.known.as_ref();
        let (context, max_output) = (known.and_then(|known| known.context), known.and_then(|known| known.max_output));
        let mut fields = Object::open(out);
        fields = match dialect {
            Dialect::Messages => self.anthropics(fields, model).with("max_input_tokens", &context).with("max_tokens", &max_output),
            Dialect::Gemini => googles(fields, model).maybe("inputTokenLimit", context).maybe("outputTokenLimit", max_output),
            _ => {
                let fields = fields.with("id", &model.id()).with("object", "model").with("created", &model.created);
                fields.with("owned_by", model.provider.slug).with("name", &model.name)
            }
        };
        fields = fields.with("provider", model.provider.slug).with("kind", &known.map(|known| known.kind));
        if !matches!(dialect, Dialect::Messages | Dialect::Gemini) {
            fields = fields.with("context_window", &context).with("max_output_tokens", &max_output);
            capabilities(fields.slot("capabilities"), known);
        }
        let own = self.prices.find(model.provider.slug, &model.name);
        price(fields.slot("price"), own, known);
        fields.with("deprecation_date", &known.and_then(|known| known.deprecation)).close();
    }

    /// Its `capabilities` are another, fixed set of which nobody tells; so that field is null. A model is deprecated
    /// from the day on at which its maker wants it gone.
    fn anthropics<'o>(&self, fields: Object<'o>, model: &Listed) -> Object<'o> {
        let gone = model.known.as_ref().and_then(|known| known.deprecation).filter(|date| *date <= day(self.now).as_str());
        let nothing = None::<&str>;
        let fields = fields.with("type", "model").with("id", &model.id()).with("display_name", &model.name);
        let fields = fields.with("created_at", &rfc3339(model.created)).with("capabilities", &nothing).with("line", &nothing);
        let fields = fields.with("lifecycle", if gone.is_some() { "deprecated" } else { "active" });
        fields.with("deprecated_at", &nothing).with("retires_at", &gone.map(|date| format!("{date}T00:00:00Z")))
    }
}

fn googles<'o>(fields: Object<'o>, model: &Listed) -> Object<'o> {
    let methods: &[&str] = match model.known.as_ref().map(|known| known.kind) {
        Some(Kind::Chat | Kind::Completion) | None => &["generateContent", "streamGenerateContent", "countTokens"],
        Some(Kind::Embedding) => &["embedContent"],
        Some(_) => &[],
    };
    let thinks = model.known.as_ref().map(|known| known.capabilities.has(Capability::Reasoning));
    let fields = fields.with("name", &format!("models/{}", model.id())).with("displayName", &model.name);
    fields.with("supportedGenerationMethods", methods).maybe("thinking", thinks)
}

/// What it is, and what is known that it can do besides.
fn capabilities(out: &mut Vec<u8>, known: Option<&Model>) {
    let mut list = Array::open(out);
    if let Some(known) = known {
        for word in served(known.kind) {
            value(list.slot(), word);
        }
        for capability in known.capabilities.iter() {
            value(list.slot(), &capability);
        }
    }
    list.close();
}

fn served(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Chat => &["chat", "streaming"],
        Kind::Completion => &["completions", "streaming"],
        Kind::Embedding => &["embeddings"],
        Kind::Image => &["images"],
        Kind::Speech => &["speech"],
        Kind::Transcription => &["transcription"],
        Kind::Rerank => &["rerank"],
        Kind::Moderation => &["moderation"],
        Kind::Video => &["video"],
        Kind::Realtime => &["realtime"],
        Kind::Ocr => &["ocr"],
    }
}

/// By the names of an override, so that what is read here can be changed and sent back; `sizes` are the catalog's
/// alone.
fn price(out: &mut Vec<u8>, own: Option<&Prices>, known: Option<&Model>) {
    let prices = own.or_else(|| known?.prices.as_ref());
    let mut sizes = known.filter(|_| own.is_none()).into_iter().flat_map(Model::sizes).peekable();
    if prices.is_none() && sizes.peek().is_none() {
        return value(out, "unpriced");
    }
    let mut fields = Object::open(out);
    if let Some(prices) = prices {
        for (name, money) in prices.tokens.named().chain(prices.named()) {
            fields = fields.with(name, &money);
        }
        if !prices.tiers.is_empty() {
            tiers(fields.slot("tiers"), prices);
        }
    }
    if sizes.peek().is_some() {
        let mut list = Object::open(fields.slot("sizes"));
        for (size, rate) in sizes {
            list = list.with(size, &rate.of_one());
        }
        list.close();
    }
    fields.close();
}

fn tiers(out: &mut Vec<u8>, prices: &Prices) {
    let mut list = Array::open(out);
    for tier in &prices.tiers {
        let mut fields = Object::open(list.slot()).with("above", &tier.above);
        for (name, money) in tier.rates.named() {
            fields = fields.with(name, &money);
        }
        fields.close();
    }
    list.close();
}

/// Seconds since 1970 as `2026-11-21`.
fn day(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}
