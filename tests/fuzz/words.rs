//! What is read from paths, headers, variables and small files: any bytes at all may come there.

use causeway::caller;
use causeway::catalog::{self, Override, Overrides};
use causeway::door::{self, Door};
use causeway::http::{Call, Headers, Method};
use causeway::ir::Losses;
use causeway::providers::auth::google_jwt::{self, ServiceAccount, Token};
use causeway::providers::auth::sigv4::{self, Message, Signer};
use causeway::providers::service::Errand;
use causeway::providers::{self, custom_host, models, sandbox, words};
use causeway::routing::config::Config;
use causeway::settings::Settings;
use causeway::spelling;
use causeway::target::{self, Target as Destination, Wish};
use causeway::wire::envelope::Envelope;
use causeway::wire::predictions::Prediction;
use causeway::wire::{Dialect, base64, images};

use serde::Deserializer as _;
use serde::de::MapAccess;
use serde_json::value::RawValue;

use crate::corpus::seeds;
use crate::dialects::{bounded, json, told};
use crate::run::Target;

pub fn targets() -> Vec<Target> {
    let lines = |text: &str| text.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>();
    let folders = ["chat", "messages", "gemini", "responses", "completions"];
    let bodies = folders.iter().flat_map(|folder| seeds(folder, "request")).collect::<Vec<_>>();
    vec![
        Target::new("base64", lines(BASE64), encoded),
        Target::new("addresses", lines(ADDRESSES), address),
        Target::new("paths", lines(PATHS), path),
        Target::new("names of models", named(), model),
        Target::new("headers", seeds("words", "headers"), headers),
        Target::new("settings", seeds("words", "settings"), settings),
        Target::new("prices", seeds("words", "price"), price),
        Target::new("configs", seeds("words", "config"), config),
        Target::new("service accounts", seeds("words", "account"), account),
        Target::new("predictions", seeds("predictions", "answer"), prediction),
        Target::new("envelopes", bodies.clone(), envelope),
        Target::new("the sandbox", bodies, |input| drop(sandbox::answer(input, "n0nce", 1))),
    ]
}

const BASE64: &str = "Zm9vYmFy\nZm9vYg==\n-_8\n+/8=\nZm 9v\nZ\n====\nZg=\n";

const ADDRESSES: &str = "https://api.example.com/v1/\nhttp://localhost:8080\nhttps://192.168.0.1\nhttps://0x7f.1\nhttps://0177.0.0.1:443/a\n\
    https://2130706433/\nhttps://[::1]:80/x\nhttps://[2606:4700::1111]/v1\nhttps://[::ffff:10.0.0.1]\nhttps://a.b.c.internal\nhttps://user@host.com\n\
    https://host.com:65536\nhttps://a..b\nhttps://host.com/../x\nHTTPS://Trusted.Example:9/\nhttps://sub.googleapis.com/token\nhttps://1.2.3\n";

const PATHS: &str = "/v1/chat/completions\n/messages/\n/v1beta/models/gemini-3-pro:streamGenerateContent\n/v1/models/openai%2Fgpt-4o\n\
    /models/a/b:embedContent\n/v1/proxy/openai/v1/files/\n/proxy/%6fpenai/x\n/v1/responses/resp_1/input_items\n/healthz\n/v1\n/\n\
    /v1/models/%\n/v1/models/%f\n/v1/models/%zz%80\n/v1/batches/b/cancel\n";

const MODELS: &str = "gpt-4o-2024-08-06\nopenai/gpt-4o-latest\nus.anthropic.claude-3-5-sonnet-20241022-v2:0\nmodels/gemini-2.5-pro-001\n\
    ft:gpt-4o-mini-2024-07-18:org::id\nclaude-3-7-sonnet@20250219\nslow-20\nsandbox/echo\naccounts/fireworks/models/llama\nowner/name:version\n@\n-\nft:\nus..\n";

/// Names, and long ones of what is taken off of them.
fn named() -> Vec<Vec<u8>> {
    let long = ["-001", "-v1:0", "@", "-latest", "models/", "us.", "/", "-2024-08-06"];
    let long = long.iter().flat_map(|piece| [piece.repeat(100), format!("gpt-4o{}", piece.repeat(2_000))]);
    MODELS.lines().map(str::to_owned).chain(long).map(String::into_bytes).collect()
}

fn encoded(input: &[u8]) {
    for text in [base64::encode(input), base64::encode_url(input)] {
        assert_eq!(base64::decode(&text).as_deref(), Some(input));
    }
    let text = String::from_utf8_lossy(input);
    if let Some(bytes) = base64::decode(&text) {
        assert!(bytes.len() <= text.len());
        assert_eq!(base64::decode(&base64::encode(&bytes)), Some(bytes));
    }
}

fn address(input: &[u8]) {
    const TRUSTED: [&str; 3] = ["trusted.example", "localhost:8080", "127.0.0.1"];
    let text = String::from_utf8_lossy(input);
    let _ = custom_host::is_within(&text, "googleapis.com");
    let trusted = custom_host::is_trusted_url(&text, &TRUSTED);
    match custom_host::base_url(&text, &TRUSTED) {
        Ok(base) => {
            bounded(input, base.as_bytes());
            assert_eq!(custom_host::base_url(&base, &TRUSTED).as_ref(), Ok(&base), "what is accepted is accepted again");
            assert!(base.bytes().all(|byte| byte.is_ascii_graphic()) && !base.ends_with('/'));
            if custom_host::base_url(&text, &[]).is_err() {
                assert!(custom_host::is_trusted(&base, &TRUSTED), "neither public nor trusted");
            }
        }
        Err(error) => {
            told(input, &error);
            assert!(!trusted, "trusted and refused");
        }
    }
}

fn call(method: Method, path: &str, headers: Headers) -> Call {
    let query = path.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
    Call { method, path: path.to_owned(), query, headers }
}

fn path(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for method in [Method::Get, Method::Post, Method::Options, Method::Delete] {
        let call = call(method, &text, Headers::default());
        let _ = door::tongue(&call);
        match door::door(&call) {
            Ok(Door::Pass(passage)) => bounded(input, passage.path.as_bytes()),
            Ok(_) => {}
            Err(error) => told(input, &error),
        }
        bounded(input, target::passed_query(&call.query).as_bytes());
    }
}

fn model(input: &[u8]) {
    let name = String::from_utf8_lossy(input);
    let (provider, bare) = providers::split_model(&name);
    assert!(name.ends_with(bare));
    let slug = provider.map_or("openai", |provider| provider.slug);
    for slug in [slug, "bedrock", "vertex-ai", "sandbox"] {
        let _ = catalog::find(slug, bare);
    }
    let _ = (providers::owner_of(&name), providers::find(&name), catalog::find_any(&name).count());
    let _ = spelling::hint(&name, providers::all().iter().map(|provider| provider.slug));
    let _ = images::stability_engine(&name);
    for dialect in [Dialect::Chat, Dialect::Messages, Dialect::Predictions] {
        let _ = models::abilities(dialect, &name);
    }
    for template in ["https://{aws-region}.example/{model}:run", "/{model-path}", "/{stability-engine}/{vertex-host}"] {
        if let Ok(filled) = words::fill(template, bare, |_| Some(name.clone().into_owned())) {
            bounded(input, filled.as_bytes());
            assert!(
                filled.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\')),
                "out of its place: {filled}"
            );
        }
    }
}

/// A destination that can be written to, whatever the headers and settings say.
fn reached(settings: &Settings, call: &Call, input: &[u8]) {
    let caller = caller::of(call, settings);
    let _ = (caller.strict(), caller.timeout_ms(), caller.trace_id());
    let wishes = [Wish::Talk(Dialect::Chat), Wish::Talk(Dialect::Messages), Wish::Errand(Errand::Embeddings), Wish::Errand(Errand::Images)];
    for wish in wishes {
        for asked in ["gpt-4o", "bedrock/anthropic.claude-3-haiku", "vertex-ai/gemini-2.5-pro", "replicate/a/b:v", "azure-openai/d"] {
            match target::choose(settings, call, caller, wish, asked) {
                Ok(destination) => written(&destination, call, input),
                Err(error) => told(input, &error),
            }
        }
    }
}

fn written(destination: &Destination<'_>, call: &Call, input: &[u8]) {
    for stream in [false, true] {
        let Ok(url) = destination.url(stream) else { continue };
        bounded(input, url.as_bytes());
        let mut headers = destination.headers(call);
        destination.sign(&mut headers, &url, input, 1_700_000_000_000);
        bounded(input, headers.block().as_bytes());
        assert_eq!(headers.block().lines().count(), headers.iter().count(), "a line of its own");
        let _ = destination.own_address(&url);
    }
    let mut losses = Losses::default();
    let mut envelope = Envelope::empty();
    envelope.set("model", "1".to_owned());
    let _ = destination.fit(&mut envelope, true, &mut losses);
    json(&envelope.bytes());
}

fn headers(input: &[u8]) {
    let block = String::from_utf8_lossy(input).into_owned();
    let headers = Headers::from_block(block.clone());
    let mut added = Headers::default();
    for (name, value) in headers.iter() {
        assert!(!name.contains(['\n', ':']) && !value.contains('\n'), "more than a line");
        added.add(name, value);
        let found = headers.find(name);
        assert!(value.is_empty() || found.is_some());
    }
    assert_eq!(added.iter().count(), headers.iter().count());
    let vars = [("OPENAI_API_KEY", "sk"), ("ADMIN_TOKEN", "cw-admin"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let settings = Settings::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    reached(&settings, &call(Method::Post, &format!("/v1/chat/completions?{block}"), headers), input);
}

fn settings(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let vars = text.lines().filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::new(vars);
    let _ = (settings.active(), settings.preferred().count(), settings.trusted_hosts(), settings.sandbox(), settings.require_key());
    reached(&settings, &call(Method::Post, "/v1/chat/completions", Headers::default()), input);
}

fn price(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Some(money) = catalog::Money::parse(&text) {
        assert_eq!(catalog::Money::parse(&money.to_string()), Some(money), "money that is written is that which was read");
    }
    match Override::parse(input) {
        Ok(one) => {
            let (provider, model) = (one.provider.clone(), one.model.clone());
            let overrides: Overrides = std::iter::once(one).collect();
            let prices = overrides.price(&provider, &model).expect("it is there");
            let usage = causeway::ir::Usage { input: u64::MAX, output: u64::MAX, cache_read: Some(u64::MAX), ..Default::default() };
            let _ = catalog::cost(&prices, &usage);
        }
        Err(error) => told(input, &error),
    }
}

fn config(input: &[u8]) {
    match Config::parse(&String::from_utf8_lossy(input)) {
        Ok(config) => assert!(config.root.leaves().len() <= input.len(), "more than came"),
        Err(error) => told(input, &error),
    }
}

fn account(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    bounded(input, google_jwt::project_of(&text).unwrap_or_default().as_bytes());
    match ServiceAccount::parse(&text, &["localhost"]) {
        Ok(account) => {
            let claim = account.claim(u64::MAX);
            bounded(input, google_jwt::token_body(&claim.assertion(input)).as_bytes());
        }
        Err(error) => told(input, &error),
    }
    for status in [200, 400, 503] {
        match Token::decode(status, input, u64::MAX - 1) {
            Ok(token) => drop((token.valid(0), token.authorization())),
            Err(error) => told(input, &error),
        }
    }
    let signer = Signer { access_key: &text, secret_key: &text, session_token: Some(&text), region: &text, service: &text };
    let message = Message { method: "POST", path: &text, query: &text, headers: &[("host", &text)], body: input };
    for now in [0, 1_700_000_000, u64::MAX] {
        for (_, value) in sigv4::sign(&signer, &message, now) {
            bounded(input, value.as_bytes());
        }
    }
}

fn prediction(input: &[u8]) {
    match Prediction::decode(input) {
        Ok(prediction) => {
            let length: usize = prediction.strings().iter().map(|text| text.len()).sum();
            assert!(length <= 3 * input.len());
            if let Err(error) = prediction.progress() {
                told(input, &error);
            }
        }
        Err(error) => told(input, &error),
    }
}

fn envelope(input: &[u8]) {
    let mut envelope = match Envelope::look(input) {
        Ok(envelope) => envelope,
        Err(error) => return told(input, &error),
    };
    let before = listed(&envelope.bytes());
    let asked = (envelope.text("model").is_ok(), envelope.flag("stream").is_ok(), envelope.raw("model").map(str::to_owned));
    assert_eq!(
        asked.2.as_deref(),
        before.iter().find(|(name, _)| name == "model").map(|(_, raw)| raw.as_str()).filter(|raw| *raw != "null")
    );
    envelope.set("model", "\"other\"".to_owned());
    envelope.rename("temperature", "heat");
    envelope.remove("stream");
    let after = listed(&envelope.bytes());
    bounded(input, &envelope.bytes());
    assert_eq!(after.iter().filter(|(name, _)| name == "model").count(), 1);
    let others = |(name, _): &&(String, String)| !["model", "temperature", "heat", "stream"].contains(&name.as_str());
    assert!(before.iter().filter(others).eq(after.iter().filter(others)), "another field than was edited");
}

/// The fields of an object in their order, each as often as it is there.
fn listed(bytes: &[u8]) -> Vec<(String, String)> {
    struct Fields;
    impl<'de> serde::de::Visitor<'de> for Fields {
        type Value = Vec<(String, String)>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                fields.push((name, raw.get().to_owned()));
            }
            Ok(fields)
        }
    }
    serde_json::Deserializer::from_slice(bytes).deserialize_map(Fields).expect("what is sent is an object")
}
