//! What models there are, what they cost, and that money is exact.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use causeway::catalog::{self, Capability, Kind, Model, Money, Override, Overrides, Prices, Rate, Rates, Units, cost, cost_with, find};
use causeway::ir::Usage;

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap_or_else(|| panic!("{text} is no amount"))
}

fn model(provider: &str, name: &str) -> Model {
    find(provider, name).unwrap_or_else(|| panic!("{provider} {name} is not there"))
}

fn prices(provider: &str, name: &str) -> Prices {
    model(provider, name).prices.unwrap_or_else(|| panic!("{provider} {name} is unpriced"))
}

fn million(dollars: &str) -> Option<Rate> {
    Some(Rate::per_million(dollars).unwrap())
}

// The catalog

const TEXT: &str = include_str!("../src/catalog/models.txt");

#[test]
fn there_are_2500_priced_models_and_every_line_is_one() {
    let models: Vec<Model> = catalog::all().collect();
    assert_eq!(models.len(), TEXT.lines().count(), "a line cannot be read");
    let priced = models.iter().filter(|model| model.prices.is_some()).count();
    assert!(priced >= 2_500, "{priced} priced models");
    let unpriced = models.iter().find(|model| model.prices.as_ref().is_some_and(Prices::is_empty));
    assert_eq!(unpriced, None);
}

#[test]
fn models_are_sorted_and_none_is_there_twice() {
    let keys: Vec<(&str, &str)> = catalog::all().map(|model| (model.id, model.provider)).collect();
    for pair in keys.windows(2) {
        assert!(pair.first() < pair.last(), "{pair:?}");
    }
}

#[test]
fn every_model_is_found_by_its_name() {
    for model in catalog::all() {
        assert_eq!(find(model.provider, model.id).as_ref(), Some(&model));
    }
}

#[test]
fn names_near_those_of_models_are_found_just_where_they_are() {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    catalog::all().for_each(|model| all.entry(model.id).or_default().push(model.provider));
    for id in all.keys() {
        let shorter = id.get(..id.len() - 1).unwrap_or_default();
        for name in [(*id).to_owned(), shorter.to_owned(), format!("{id}!"), format!("{id}~")] {
            let found: Vec<&str> = catalog::find_any(&name).map(|model| model.provider).filter(|slug| *slug != "sandbox").collect();
            assert_eq!(found, all.get(name.as_str()).cloned().unwrap_or_default(), "{name}");
        }
    }
}

#[test]
fn every_kind_and_most_providers_are_there() {
    let (mut kinds, mut providers) = (BTreeMap::new(), BTreeMap::new());
    for model in catalog::all() {
        *kinds.entry(format!("{:?}", model.kind)).or_insert(0) += 1;
        *providers.entry(model.provider).or_insert(0) += 1;
    }
    assert_eq!(kinds.len(), 11, "{kinds:?}");
    let known = |slug: &&str| causeway::providers::all().iter().any(|provider| provider.slug == *slug);
    let missing: Vec<_> =
        causeway::providers::all().iter().map(|provider| provider.slug).filter(|slug| !providers.contains_key(slug)).collect();
    assert!(missing.iter().all(|slug| ["siliconflow", "minimax", "venice", "github", "custom", "sandbox"].contains(slug)), "{missing:?}");
    assert!(providers.keys().filter(|slug| known(slug)).count() > 20, "{providers:?}");
}

#[test]
fn tiers_rise_and_cached_input_is_never_dearer_than_fresh() {
    for model in catalog::all() {
        let Some(prices) = model.prices else { continue };
        assert!(prices.tiers.is_sorted_by(|one, other| one.above < other.above), "{}", model.id);
        let (Some(input), Some(read)) = (prices.tokens.input, prices.tokens.cache_read) else { continue };
        assert!(read <= input, "{} {}: cached input costs more than fresh", model.provider, model.id);
    }
}

#[test]
fn no_price_is_absurd() {
    for model in catalog::all() {
        let Some(prices) = model.prices else { continue };
        for rate in [prices.tokens.input, prices.tokens.output, prices.tokens.cache_write].into_iter().flatten() {
            assert!(rate.of_million() <= usd("1000"), "{} {}", model.provider, model.id);
        }
    }
}

#[test]
fn well_known_models_have_the_prices_of_their_makers_pages() {
    // provider, model, input, output, cache read, cache write; `-` is none, `?` whatever
    let table = [
        ("openai", "gpt-4o", "2.5", "10", "1.25", "-"),
        ("openai", "gpt-4o-mini", ".15", ".6", ".075", "-"),
        ("openai", "gpt-4.1", "2", "8", ".5", "-"),
        ("openai", "gpt-4.1-nano", ".1", ".4", ".025", "-"),
        ("openai", "gpt-5", "1.25", "10", ".125", "-"),
        ("openai", "gpt-5-mini", ".25", "2", ".025", "-"),
        ("openai", "o3", "2", "8", ".5", "-"),
        ("openai", "o4-mini", "1.1", "4.4", ".275", "-"),
        ("openai", "gpt-4-turbo", "10", "30", "-", "-"),
        ("openai", "gpt-3.5-turbo", ".5", "1.5", "?", "-"),
        ("openai", "text-embedding-3-small", ".02", "-", "-", "-"),
        ("openai", "text-embedding-3-large", ".13", "-", "-", "-"),
        ("anthropic", "claude-sonnet-4-5", "3", "15", ".3", "3.75"),
        ("anthropic", "claude-opus-4-5", "5", "25", ".5", "6.25"),
        ("anthropic", "claude-haiku-4-5", "1", "5", ".1", "1.25"),
        ("anthropic", "claude-3-haiku-20240307", ".25", "1.25", "?", "?"),
        ("gemini", "gemini-2.5-pro", "1.25", "10", "?", "-"),
        ("gemini", "gemini-2.5-flash", ".3", "2.5", ".03", "-"),
        ("gemini", "gemini-2.5-flash-lite", ".1", ".4", ".01", "-"),
        ("azure-openai", "gpt-4o", "2.5", "10", "1.25", "-"),
        ("bedrock", "amazon.nova-pro-v1:0", ".8", "3.2", ".2", "-"),
        ("bedrock", "anthropic.claude-3-haiku-20240307-v1:0", ".25", "1.25", "?", "?"),
        ("vertex-ai", "gemini-2.5-flash", ".3", "2.5", ".03", "-"),
        ("perplexity", "sonar", "1", "1", "-", "-"),
        ("perplexity", "sonar-pro", "3", "15", "-", "-"),
        ("cohere", "command-r-plus-08-2024", "2.5", "10", "-", "-"),
        ("mistral", "codestral-2508", ".3", ".9", "?", "-"),
        ("xai", "grok-3", "3", "15", "?", "-"),
        ("groq", "llama-3.3-70b-versatile", ".59", ".79", "-", "-"),
    ];
    for (provider, name, input, output, read, write) in table {
        let tokens = prices(provider, name).tokens;
        for (wanted, rate) in [(input, tokens.input), (output, tokens.output), (read, tokens.cache_read), (write, tokens.cache_write)] {
            let wanted_rate = if wanted == "-" { None } else { Rate::per_million(wanted) };
            assert!(
                wanted == "?" || rate == wanted_rate,
                "{provider} {name}: {wanted} is {:?}",
                rate.map(|rate| rate.of_million().to_string())
            );
        }
    }
}

#[test]
fn prices_that_are_not_of_plain_tokens_are_there_too() {
    let sonnet = prices("anthropic", "claude-sonnet-4-5");
    assert_eq!(sonnet.tokens.cache_write_1h, million("6"));
    let long = sonnet.at(200_001);
    assert_eq!(
        (long.input, long.output, long.cache_read, long.cache_write),
        (million("6"), million("22.5"), million(".6"), million("7.5"))
    );
    assert_eq!(sonnet.at(200_000), sonnet.tokens);
    assert_eq!(prices("gemini", "gemini-2.5-pro").at(200_001).output, million("15"));
    assert_eq!(prices("gemini", "gemini-2.5-flash").tokens.input_audio, million("1"));
    assert_eq!(prices("openai", "whisper-1").input_hour, Rate::each(".36"));
    assert_eq!(prices("openai", "tts-1").character, Rate::per_million("15"));
    assert_eq!(prices("cohere", "rerank-v3.5").query, Rate::each(".002"));
    assert_eq!(prices("bedrock", "amazon.nova-canvas-v1:0").image, Rate::each(".06"));
    assert_eq!(model("azure-openai", "dall-e-3").prices, None);
    assert_eq!(model("azure-openai", "dall-e-3").sized("hd/1024x1792").unwrap().image, Rate::each(".132"));
    assert_eq!(model("azure-openai", "dall-e-3").sized("hd/1x1"), None);
}

#[test]
fn of_well_known_models_it_is_known_what_requests_need_of_them() {
    use Capability::{JsonSchema, Tools, Vision};
    // Whether it has the three, `?` where nobody knows.
    for (provider, name, told) in [
        ("openai", "gpt-4o", "yyy"),
        ("openai", "gpt-4o-mini-2024-07-18", "yyy"),
        ("openai", "gpt-4.1", "yyy"),
        ("openai", "gpt-5", "yyy"),
        ("openai", "gpt-5.1-chat", "?yy"),
        ("openai", "gpt-5.1-chat-latest", "yyy"),
        ("openai", "gpt-6-sol", "yyy"),
        ("openai", "o3", "yyy"),
        ("openai", "o3-mini", "nyy"),
        ("openai", "gpt-4", "nyn"),
        ("openai", "gpt-3.5-turbo", "nyn"),
        ("openai", "chatgpt-4o-latest", "???"),
        ("anthropic", "claude-3-haiku", "yy?"),
        ("anthropic", "claude-3-5-haiku-latest", "?yy"),
        ("anthropic", "claude-3-7-sonnet-latest", "yyy"),
        ("anthropic", "claude-sonnet-4-0", "yyy"),
        ("anthropic", "claude-opus-4-1", "yyy"),
        ("anthropic", "claude-opus-4-1-20250805", "yyy"),
        ("anthropic", "claude-sonnet-4-5", "yyy"),
        ("anthropic", "claude-opus-5-latest", "yyy"),
        ("anthropic", "claude-opus-5-5", "yyy"),
        ("bedrock", "anthropic.claude-opus-4-1-20250805-v1:0", "yyy"),
        ("bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "yyy"),
        ("bedrock", "amazon.nova-pro-v1:0", "yyy"),
        ("vertex-ai", "claude-4-sonnet", "yyy"),
        ("gemini", "gemini-2.5-flash", "yyy"),
        ("gemini", "gemini-2.5-pro", "yyy"),
        ("gemini", "gemini-3-pro-preview", "yyy"),
        ("gemini", "gemini-3.1-pro-preview", "yyy"),
        ("gemini", "gemini-flash-latest", "yyy"),
        ("gemini", "gemini-2.0-flash", "???"),
        ("mistral", "mistral-large-latest", "yyy"),
        ("mistral", "mistral-medium-2505", "yyy"),
        ("mistral", "codestral-latest", "nyy"),
        ("xai", "grok-4", "?yy"),
        ("xai", "grok-3", "nyn"),
        ("deepseek", "deepseek-chat", "nyy"),
        ("groq", "llama-3.3-70b-versatile", "nyn"),
        ("openrouter", "anthropic/claude-sonnet-4", "yyy"),
        ("openrouter", "google/gemini-2.5-pro", "yyy"),
    ] {
        let capabilities = model(provider, name).capabilities;
        let word = |capability| match (capabilities.has(capability), capabilities.lacks(capability)) {
            (true, _) => 'y',
            (false, true) => 'n',
            (false, false) => '?',
        };
        assert_eq!([Vision, Tools, JsonSchema].map(word).iter().collect::<String>(), told, "{provider}/{name}");
    }
}

#[test]
fn a_model_says_what_it_can_do() {
    let gpt = model("openai", "gpt-4o");
    assert_eq!((gpt.kind, gpt.context, gpt.max_output), (Kind::Chat, Some(128_000), Some(16_384)));
    for capability in [Capability::Vision, Capability::Tools, Capability::JsonSchema, Capability::PromptCache, Capability::Pdf] {
        assert!(gpt.capabilities.has(capability), "{capability:?}");
    }
    assert!(!gpt.capabilities.has(Capability::Reasoning));
    assert!(model("openai", "o3").capabilities.iter().any(|capability| capability == Capability::Reasoning));
    let kinds = [
        ("openai", "text-embedding-3-small", Kind::Embedding),
        ("openai", "gpt-image-1", Kind::Image),
        ("openai", "whisper-1", Kind::Transcription),
        ("openai", "tts-1", Kind::Speech),
        ("openai", "gpt-realtime", Kind::Realtime),
        ("openai", "omni-moderation-latest", Kind::Moderation),
        ("openai", "gpt-3.5-turbo-instruct", Kind::Completion),
        ("cohere", "rerank-v3.5", Kind::Rerank),
        ("voyage", "voyage-3-large", Kind::Embedding),
        ("workers-ai", "@cf/baai/bge-m3", Kind::Embedding),
    ];
    for (provider, name, kind) in kinds {
        assert_eq!(model(provider, name).kind, kind, "{name}");
    }
    assert!(model("anthropic", "claude-sonnet-4-5").deprecation.is_some_and(|date| date.len() == 10));
}

#[test]
fn names_are_found_without_what_says_which_version_or_region() {
    let table = [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"),
        ("openai", "gpt-4o-2031-01-01", "gpt-4o"),
        ("openai", "gpt-4o-latest", "gpt-4o"),
        ("openai", "gpt-4-0999", "gpt-4"),
        ("anthropic", "claude-sonnet-4-5-20991231", "claude-sonnet-4-5"),
        ("anthropic", "claude-haiku-4-5-latest", "claude-haiku-4-5"),
        ("anthropic", "claude-3-7-sonnet-20250219", "claude-3-7-sonnet-latest"),
        ("mistral", "ministral-3-8b", "ministral-3-8b-2512"),
        ("mistral", "ministral-3-8b-latest", "ministral-3-8b-2512"),
        ("vertex-ai", "claude-sonnet-4-5@20990101", "claude-sonnet-4-5"),
        ("gemini", "models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("gemini", "gemini-2.5-flash-001", "gemini-2.5-flash"),
        ("bedrock", "us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"),
        ("bedrock", "sa.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("bedrock", "apac.mistral.mistral-large-2407-v1:0", "mistral.mistral-large-2407-v1:0"),
        ("bedrock", "anthropic.claude-3-haiku", "anthropic.claude-3-haiku-20240307-v1:0"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::7p4l", "ft:gpt-4o-2024-08-06"),
        ("openai", "ft:gpt-4o-mini-2024-07-18:acme:support:7p4l", "ft:gpt-4o-mini-2024-07-18"),
    ];
    for (provider, asked, found) in table {
        assert_eq!(model(provider, asked).id, found, "{asked}");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let names = [
        "",
        " ",
        "\n",
        "gpt",
        "gpt-4o openai",
        "gpt-4o\n",
        "ft:",
        "ft:::",
        "-",
        "--",
        "@",
        "us.",
        ".",
        "-latest",
        "é",
        "\u{10ffff}",
        "zzz",
    ];
    for name in names {
        assert_eq!(find("openai", name), None, "{name:?}");
        assert_eq!(catalog::find_any(name).next(), None, "{name:?}");
    }
    assert_eq!(find("", "gpt-4o"), None);
    assert_eq!(find("anthropic", "gpt-4o"), None);
}

#[test]
fn a_fine_tuned_model_without_a_price_of_its_own_is_unpriced_not_priced_as_its_base() {
    let tuned = model("openai", "ft:gpt-5:acme::7p4l");
    assert_eq!((tuned.id, &tuned.prices), ("gpt-5", &None));
    assert_eq!(tuned.context, model("openai", "gpt-5").context);
    assert_eq!(prices("openai", "ft:gpt-4o:acme::7p4l").tokens.input, million("3.75"));
}

#[test]
fn a_model_named_without_a_provider_is_found_at_all_who_have_it() {
    let providers: Vec<_> = catalog::find_any("gpt-4o").map(|model| model.provider).collect();
    assert!(providers.contains(&"openai") && providers.contains(&"azure-openai"), "{providers:?}");
    assert!(providers.is_sorted());
    assert_eq!(catalog::find_any("echo").map(|model| model.provider).collect::<Vec<_>>(), ["sandbox"]);
    assert!(catalog::of_provider("groq").count() > 20);
}

#[test]
fn the_sandbox_costs_one_dollar_and_two_for_a_million_tokens() {
    for name in ["echo", "lorem", "cut", "slow-2000", "status-503"] {
        let tokens = prices("sandbox", name).tokens;
        assert_eq!((tokens.input, tokens.output), (million("1"), million("2")), "{name}");
    }
}

// What a call costs

/// claude's prices, but with one of everything.
fn sample() -> Prices {
    let tokens = Rates {
        input: million("3"),
        output: million("15"),
        cache_read: million("0.3"),
        cache_write: million("3.75"),
        cache_write_1h: million("6"),
        input_audio: million("40"),
        output_audio: million("80"),
        ..Rates::default()
    };
    Prices { tokens, ..Prices::default() }
}

#[test]
fn every_dialects_way_of_counting_costs_what_its_provider_says() {
    let usage = |input, output| Usage { input, output, ..Usage::default() };
    // As the readers of each dialect leave them: input with what is cached, output with what is thought.
    let table = [
        ("nothing at all", usage(0, 0), "0"),
        ("one token each", usage(1, 1), "0.000018"),
        ("chat: 1000 prompt tokens, 400 of them cached", Usage { cache_read: Some(400), ..usage(1_000, 100) }, "0.00342"),
        ("chat: reasoning is inside of completion_tokens", Usage { reasoning: Some(80), ..usage(1_000, 100) }, "0.0045"),
        ("responses: the same, told as zero", Usage { cache_read: Some(0), reasoning: Some(0), ..usage(1_000, 100) }, "0.0045"),
        (
            "messages: 10 fresh, 2000 read, 3000 written",
            Usage { cache_read: Some(2_000), cache_write: Some(3_000), ..usage(5_010, 100) },
            "0.01338",
        ),
        (
            "messages: 1000 of the 3000 written for an hour",
            Usage { cache_read: Some(2_000), cache_write: Some(3_000), cache_write_1h: Some(1_000), ..usage(5_010, 100) },
            "0.01563",
        ),
        ("messages: all written for an hour", Usage { cache_write: Some(1_000), cache_write_1h: Some(1_000), ..usage(1_000, 0) }, "0.006"),
        (
            "converse: reads and writes were added to inputTokens",
            Usage { cache_read: Some(100), cache_write: Some(200), ..usage(400, 10) },
            "0.00123",
        ),
        ("gemini: thoughts were added to candidates", Usage { reasoning: Some(900), ..usage(1_000, 1_000) }, "0.018"),
        ("gemini: cachedContentTokenCount inside of prompt", Usage { cache_read: Some(1_000), ..usage(1_000, 0) }, "0.0003"),
        ("chat: audio inside of both", Usage { input_audio: Some(500), output_audio: Some(50), ..usage(1_000, 100) }, "0.02625"),
        ("chat: audio and cache", Usage { cache_read: Some(600), input_audio: Some(400), ..usage(1_000, 0) }, "0.01618"),
        ("cohere: billed units", usage(7, 3), "0.000066"),
        (
            "details beyond the whole count as the whole",
            Usage { cache_read: Some(9_999), reasoning: Some(9_999), ..usage(10, 10) },
            "0.000153",
        ),
        ("an hour's write that says no total", Usage { cache_write_1h: Some(100), ..usage(100, 0) }, "0.0006"),
    ];
    for (what, usage, wanted) in table {
        assert_eq!(cost(&sample(), &usage).map(|money| money.to_string()).as_deref(), Some(wanted), "{what}");
    }
}

#[test]
fn what_has_no_price_of_its_own_costs_what_the_general_costs() {
    let bare = Prices { tokens: Rates { input: million("2"), output: million("8"), ..Rates::default() }, ..Prices::default() };
    let usage = Usage {
        input: 1_000,
        output: 500,
        cache_read: Some(300),
        cache_write: Some(200),
        cache_write_1h: Some(100),
        reasoning: Some(400),
        input_audio: Some(50),
        output_audio: Some(50),
        estimated: false,
    };
    assert_eq!(cost(&bare, &usage), Some(usd("0.006")));
    let thinker = Prices { tokens: Rates { reasoning: million("3"), ..bare.tokens }, ..Prices::default() };
    assert_eq!(cost(&thinker, &usage), Some(usd("0.004")));
}

#[test]
fn a_tier_is_for_every_token_of_the_call_and_cached_ones_count() {
    let sonnet = prices("anthropic", "claude-sonnet-4-5");
    let at = |input, read| cost(&sonnet, &Usage { input, output: 1_000, cache_read: Some(read), ..Usage::default() });
    assert_eq!(at(200_000, 0), Some(usd("0.615")));
    assert_eq!(at(200_001, 0), Some(usd("1.222506")));
    assert_eq!(at(200_001, 200_000), Some(usd("0.142506")));
}

#[test]
fn unpriced_is_not_free() {
    let usage = Usage { input: 10, output: 10, ..Usage::default() };
    assert_eq!(cost(&Prices::default(), &usage), None);
    let half = Prices { tokens: Rates { input: million("1"), ..Rates::default() }, ..Prices::default() };
    assert_eq!(cost(&half, &usage), None);
    assert_eq!(cost(&half, &Usage { output: 0, ..usage }), Some(usd("0.00001")));
    // An image that nobody counted.
    assert_eq!(cost(&prices("bedrock", "amazon.nova-canvas-v1:0"), &Usage::default()), None);
    // Run at home.
    assert_eq!(cost(&prices("ollama", "llama3"), &usage), Some(Money::ZERO));
}

#[test]
fn other_things_than_tokens_are_billed_by_the_piece() {
    let none = Usage::default();
    let tokens = Usage { input: 1_000, output: 100, ..none };
    let table = [
        ("openai", "whisper-1", none, Units { input_ms: 60_000, ..Units::default() }, "0.006"),
        ("openai", "whisper-1", none, Units { input_ms: 1, ..Units::default() }, "0.0000001"),
        ("openai", "tts-1", none, Units { characters: 1_234, ..Units::default() }, "0.01851"),
        ("cohere", "rerank-v3.5", none, Units::default(), "0.002"),
        ("cohere", "rerank-v3.5", tokens, Units { queries: 3, ..Units::default() }, "0.006"),
        ("bedrock", "amazon.nova-canvas-v1:0", none, Units { images: 2, ..Units::default() }, "0.12"),
        // Told in tokens, so billed by tokens.
        ("openai", "gpt-4o-mini-transcribe", tokens, Units { input_ms: 60_000, ..Units::default() }, "0.00175"),
        ("openai", "gpt-4o-mini-transcribe", none, Units { input_ms: 60_000, ..Units::default() }, "0.003"),
        ("openai", "gpt-image-1", tokens, Units { images: 1, output_image_tokens: 100, ..Units::default() }, "0.009"),
        ("openai", "gpt-image-1", tokens, Units { input_image_tokens: 400, ..Units::default() }, "0.011"),
        ("perplexity", "sonar", tokens, Units::default(), "0.0061"),
        ("anthropic", "claude-sonnet-4-5", tokens, Units { searches: 2, ..Units::default() }, "0.0245"),
    ];
    for (provider, name, usage, units, wanted) in table {
        let money = cost_with(&prices(provider, name), &usage, &units);
        assert_eq!(money.map(|money| money.to_string()).as_deref(), Some(wanted), "{name} {units:?}");
    }
}

// Overrides

fn read(json: &str) -> Override {
    Override::parse(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {}", error.message))
}

#[test]
fn an_override_wins_over_the_catalog() {
    let overrides: Overrides = [
        read(r#"{"provider":"openai","model":"gpt-4o","input":"1.80","output":7.2,"tiers":[{"above":1000,"input":"3.6"}]}"#),
        read(r#"{"provider":"custom","model":"llama-at-home","input":0,"output":1e-1,"query":"0.001"}"#),
    ]
    .into_iter()
    .collect();
    let usage = Usage { input: 1_000, output: 1_000, ..Usage::default() };
    let price = |provider, model| overrides.price(provider, model).and_then(|prices| cost(&prices, &usage)).map(|money| money.to_string());
    assert_eq!(price("openai", "gpt-4o").as_deref(), Some("0.009"));
    assert_eq!(price("openai", "gpt-4o-2024-08-06").as_deref(), Some("0.009"));
    assert_eq!(price("openai", "gpt-4o-mini").as_deref(), Some("0.00075"));
    assert_eq!(price("custom", "llama-at-home").as_deref(), Some("0.0011"));
    assert_eq!(price("custom", "other"), None);
    assert_eq!(overrides.price("openai", "gpt-4o").unwrap().at(1_001).input, million("3.6"));
    // The whole price: cached tokens are not the catalog's.
    assert_eq!(overrides.price("openai", "gpt-4o").unwrap().tokens.cache_read, None);
}

#[test]
fn an_override_that_is_wrong_says_what_to_change() {
    let table = [
        ("[]", "object"),
        ("{", "object"),
        (r#"{"model":"m","input":1}"#, "`provider` is missing"),
        (r#"{"provider":"p","input":1}"#, "`model` is missing"),
        (r#"{"provider":"p","model":"m"}"#, "at least one price"),
        (r#"{"provider":"p","model":7,"input":1}"#, "`model` must be a string"),
        (r#"{"provider":"p","model":"m","inputs":1}"#, "`inputs` is not a price. The prices are input, output"),
        (r#"{"provider":"p","model":"m","input":-1}"#, "`input` must be US dollars for a million"),
        (r#"{"provider":"p","model":"m","input":"free"}"#, "`input` must be"),
        (r#"{"provider":"p","model":"m","input":null}"#, "`input` must be"),
        (r#"{"provider":"p","model":"m","input":"0.0000000001"}"#, "at most nine places"),
        (r#"{"provider":"p","model":"m","image":"99999999"}"#, "US dollars for one"),
        (r#"{"provider":"p","model":"m","input":1,"tiers":{}}"#, "`tiers` must be a list"),
        (r#"{"provider":"p","model":"m","input":1,"tiers":[{"input":1}]}"#, "`tiers[0].above`"),
        (r#"{"provider":"p","model":"m","input":1,"tiers":[{"above":1,"image":1}]}"#, "`tiers[0].image` is not a price of tokens"),
    ];
    for (json, wanted) in table {
        let message = Override::parse(json.as_bytes()).unwrap_err().message;
        assert!(message.contains(wanted), "{json}: {message}");
    }
}

// Money

#[test]
fn money_is_read_and_written_as_decimals() {
    let table = [
        ("0", 0, "0"),
        ("0.000012345", 12_345_000, "0.000012345"),
        ("1", 1_000_000_000_000, "1"),
        ("12.50", 12_500_000_000_000, "12.5"),
        (".5", 500_000_000_000, "0.5"),
        ("5.", 5_000_000_000_000, "5"),
        ("1e-12", 1, "0.000000000001"),
        ("2.5E2", 250_000_000_000_000, "250"),
        ("0.0000000000010000", 1, "0.000000000001"),
        ("340282366920938463463374607", 340_282_366_920_938_463_463_374_607_000_000_000_000, "340282366920938463463374607"),
    ];
    for (text, pico, shown) in table {
        assert_eq!(usd(text), Money::from_pico(pico), "{text}");
        assert_eq!(usd(text).to_string(), shown);
    }
    for text in
        ["", ".", "-1", "+1", "1,5", "1.2.3", "0x1", "e5", "1e", "1e99", "0.0000000000001", "NaN", "999999999999999999999999999", "１"]
    {
        assert_eq!(Money::parse(text), None, "{text}");
    }
}

#[test]
fn money_is_a_string_in_json() {
    assert_eq!(serde_json::to_string(&usd("0.10")).unwrap(), r#""0.1""#);
    assert_eq!(serde_json::from_str::<Money>(r#""0.10""#).unwrap(), usd("0.1"));
    assert!(serde_json::from_str::<Money>("0.1").is_err());
    assert!(serde_json::from_str::<Money>(r#""-1""#).is_err());
}

/// Numbers that look like chance and are the same every time.
fn numbers() -> impl FnMut() -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // All sizes alike, and the extremes.
        match state % 16 {
            0 => 0,
            1 => u64::MAX,
            _ => state >> (state % 63),
        }
    }
}

#[test]
fn money_neither_overflows_nor_loses() {
    let mut next = numbers();
    for _ in 0..20_000 {
        let (one, other) = (Money::from_pico(u128::from(next()) * u128::from(next())), Money::from_pico(next().into()));
        assert_eq!(Money::parse(&one.to_string()), Some(one), "what is written is read back");
        assert_eq!(one.saturating_add(other).saturating_sub(other), one);
        assert_eq!(one.saturating_add(Money::MAX), Money::MAX);
        assert_eq!(one.saturating_sub(one), Money::ZERO);
        assert!(other.saturating_sub(one) <= other);
    }
}

#[test]
fn costs_neither_overflow_nor_lose() {
    let mut next = numbers();
    let all = [prices("anthropic", "claude-sonnet-4-5"), prices("gemini", "gemini-2.5-flash"), prices("openai", "gpt-audio"), sample()];
    for round in 0..20_000 {
        let detail = |number: u64| (!number.is_multiple_of(3)).then_some(number);
        let usage = Usage {
            input: next(),
            output: next(),
            cache_read: detail(next()),
            cache_write: detail(next()),
            cache_write_1h: detail(next()),
            reasoning: detail(next()),
            input_audio: detail(next()),
            output_audio: detail(next()),
            estimated: false,
        };
        let prices = all.get(round % all.len()).unwrap();
        let whole = cost(prices, &usage).unwrap();
        // Between what everything would cost at the least and at the dearest of the rates.
        let rates = prices.at(usage.input);
        let of = |rates: &[Option<Rate>], least: bool| {
            let known = rates.iter().flatten().map(|rate| rate.of_million().pico());
            if least { known.min().unwrap() } else { known.max().unwrap() }
        };
        let inputs = [rates.input, rates.cache_read, rates.cache_write, rates.cache_write_1h, rates.input_audio];
        let outputs = [rates.output, rates.reasoning, rates.output_audio];
        let bound = |least| (u128::from(usage.input) * of(&inputs, least) + u128::from(usage.output) * of(&outputs, least)) / 1_000_000;
        assert!(whole.pico() >= bound(true) && whole.pico() <= bound(false) + 1, "{usage:?}: {whole}");
    }
}

#[test]
fn no_float_touches_money() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalog");
    for file in std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
    {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains("f64") && !text.contains("f32"), "{}", file.display());
    }
}

// How long it takes

const ASKED: [(&str, &str); 5] = [
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5-20250929"),
    ("openrouter", "meta-llama/llama-3.3-70b-instruct"),
    ("openai", "gpt-4o-2031-01-01"),
    ("custom", "nobody-knows-me"),
];

/// What one look-up takes: the least of the averages of many bursts, so that it does not matter what else the machine
/// does.
fn look_up_ns(bursts: u32, provider: &str, name: &str) -> u128 {
    const ROUNDS: u32 = 500;
    let burst = |_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(find(black_box(provider), black_box(name)));
        }
        (start.elapsed() / ROUNDS).as_nanos()
    };
    let least = (0..bursts).map(burst).min().unwrap();
    println!("{provider} {name}: {least} ns");
    least
}

/// A build without optimization is some thirty times slower; this only sees to it that nothing reads the whole text.
#[test]
fn a_look_up_reads_little() {
    for (provider, name) in ASKED {
        assert!(look_up_ns(4, provider, name) < 200_000, "{provider} {name}");
    }
}

/// `cargo test --release --test catalog -- --ignored --nocapture --test-threads=1`
#[test]
#[ignore = "is true of a release build only"]
fn a_look_up_takes_less_than_a_microsecond() {
    for (provider, name) in ASKED {
        assert!(look_up_ns(500, provider, name) < 1_000, "{provider} {name}");
    }
}

/// Likewise.
#[test]
#[ignore = "is told of a release build only"]
fn the_whole_catalog_is_read_in_a_few_milliseconds() {
    let start = Instant::now();
    let count = black_box(catalog::all().count());
    println!("{count} models: {:?}", start.elapsed());
    let start = Instant::now();
    let count = black_box(catalog::of_providers(|slug| slug == "openai").count());
    println!("{count} of them: {:?}", start.elapsed());
}
