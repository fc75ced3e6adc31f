//! Configs as Portkey's documentation has them, each in its own words: they are taken, and mean what it says.

use causeway::routing::config::{CacheMode, Config, Mode, Node};

use super::config::parsed;

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(1);
        format!("{name}{}{rest}", initial.to_ascii_uppercase())
    })
}

/// The same config as its text says and with its own names in camel case.
fn both(json: &str) -> [Config; 2] {
    let names = ["use_retry_after_headers", "sticky_session", "hash_fields", "cb_config", "failure_threshold_percentage"]
        .into_iter()
        .chain(["minimum_requests", "cooldown_interval", "failure_status_codes", "on_status_codes", "virtual_key", "override_params"])
        .chain(["request_timeout", "max_age", "custom_host", "api_key", "failure_threshold"]);
    let written = names.fold(json.to_owned(), |json, name| json.replace(&format!("\"{name}\""), &format!("\"{}\"", camel(name))));
    [parsed(json), parsed(&written)]
}

fn leaf(config: &Config, at: usize) -> &Node {
    config.root.leaves()[at]
}

fn model(node: &Node) -> Option<String> {
    node.terms.model()
}

#[test]
fn a_provider_of_the_vault_may_name_the_model_too() {
    let json = r#"{"strategy": {"mode": "conditional", "default": "standard-model",
            "conditions": [{"query": {"url.pathname": {"$regex": "^/responses"}}, "then": "responses-model"}]},
        "override_params": {"model": "from-above", "temperature": 0},
        "targets": [{"name": "responses-model", "provider": "@openai-vk/gpt-4.1"},
                    {"name": "standard-model", "provider": "@openai-vk/meta/llama-3"},
                    {"name": "other", "provider": "@openai-vk/gpt-4.1", "override_params": {"model": "its-own"}},
                    {"name": "plain", "provider": "@openai-vk"}]}"#;
    for config in both(json) {
        let told = |at: usize| (leaf(&config, at).terms.credential.clone().unwrap(), model(leaf(&config, at)).unwrap());
        let of = |model: &str| ("openai-vk".to_owned(), model.to_owned());
        assert_eq!([told(0), told(1), told(2), told(3)], [of("gpt-4.1"), of("meta/llama-3"), of("its-own"), of("from-above")]);
        assert_eq!(leaf(&config, 0).terms.override_params["temperature"], "0");
    }
}

#[test]
fn retries_are_as_they_are_documented() {
    let json = r#"{"retry": {"attempts": 3, "on_status_codes": ["408", 429, 401], "use_retry_after_headers": false}, "virtual_key": "x"}"#;
    for config in both(json) {
        let retry = config.root.terms.retry.clone().unwrap();
        assert_eq!((retry.attempts, retry.on_status_codes, retry.use_retry_after_header), (3, vec![408, 429, 401], false));
    }
    let twice = r#"{"retry": {"attempts": 1, "use_retry_after_header": true, "useRetryAfterHeaders": false}}"#;
    let error = Config::parse(twice).unwrap_err();
    assert!(error.message.starts_with("config.retry.useRetryAfterHeaders: this field is there twice"), "{}", error.message);
    let error = Config::parse(r#"{"retry": {"attempts": 1, "use_retry_after_headers": 1}}"#).unwrap_err();
    assert_eq!(error.message, "config.retry.use_retry_after_headers: expected true or false.");
}

#[test]
fn callers_stay_by_either_name() {
    let json = r#"{"strategy": {"mode": "loadbalance", "sticky_session": {"hash_fields": ["metadata.user_id"], "ttl": 3600}},
        "targets": [{"provider": "@openai-virtual-key", "weight": 0.5}, {"provider": "@anthropic-virtual-key", "weight": 0.5}]}"#;
    for config in both(json) {
        let sticky = config.root.branch.unwrap().sticky.unwrap();
        assert_eq!((sticky.hash_fields, sticky.ttl_s), (vec!["metadata.user_id".to_owned()], Some(3600)));
    }
}

#[test]
fn what_a_strategy_says_may_stand_beside_it() {
    let json = r#"{"strategy": {"mode": "fallback"}, "on_status_codes": [429, 241],
        "cb_config": {"failure_threshold_percentage": 20, "minimum_requests": 10, "cooldown_interval": 60000,
                      "failure_status_codes": [401, 429, 500]},
        "targets": [{"virtual_key": "virtual-key-1"}, {"virtual_key": "virtual-key-2"}]}"#;
    for config in both(json) {
        let branch = config.root.branch.unwrap();
        let breaker = branch.breaker.unwrap();
        assert_eq!(branch.on_status_codes, Some(vec![429, 241]));
        assert_eq!((breaker.failure_percent, breaker.least_requests, breaker.cooldown_ms), (Some(20.0), 10, 60_000));
        assert_eq!(breaker.statuses, Some(vec![401, 429, 500]));
    }
    for (config, place) in [
        (r#"{"provider": "openai", "on_status_codes": [429]}"#, "config.on_status_codes: "),
        (r#"{"strategy": {"mode": "fallback"}, "targets": [{"cbConfig": {}}, {}]}"#, "config.targets[0].cbConfig: "),
    ] {
        let error = Config::parse(config).unwrap_err();
        assert_eq!(error.message, format!("{place}expected in the `strategy` of several targets, or beside it."));
    }
}

#[test]
fn timeouts_and_caches_are_those_of_the_nearest() {
    let json = r#"{"strategy": {"mode": "loadbalance"}, "request_timeout": 2000, "cache": {"mode": "semantic", "max_age": 60},
        "targets": [
            {"strategy": {"mode": "fallback"}, "request_timeout": 5000, "weight": 1, "targets": [
                {"virtual_key": "open-ai-1-1"},
                {"virtual_key": "open-ai-1-2", "request_timeout": 10000, "cache": {"mode": "simple", "max_age": 200}}]},
            {"virtual_key": "azure-open-ai-1", "weight": 1}]}"#;
    for config in both(json) {
        let timeouts: Vec<_> = config.root.leaves().iter().map(|leaf| leaf.terms.request_timeout_ms.unwrap()).collect();
        let cache = |at: usize| leaf(&config, at).terms.cache.clone().map(|cache| (cache.mode, cache.max_age_s)).unwrap();
        assert_eq!(timeouts, [5000, 10_000, 2000]);
        assert_eq!([cache(0), cache(1), cache(2)], [(CacheMode::Semantic, 60), (CacheMode::Simple, 200), (CacheMode::Semantic, 60)]);
    }
}

#[test]
fn strategies_combine_as_the_guide_has_them() {
    let json = r#"{
      "strategy": {"mode": "conditional", "default": "gpt-4o-target", "conditions": [
        {"query": {"params.model": {"$eq": "claude-sonnet"}}, "then": "claude-sonnet-lb"},
        {"query": {"$and": [{"metadata.user_tier": {"$eq": "enterprise"}}, {"params.temperature": {"$gte": 0.7}}]}, "then": "gemini-lb-with-fallback"},
        {"query": {"$or": [{"metadata.client": {"$eq": "UI"}}, {"metadata.app_name": {"$regex": "my_app"}}]}, "then": "gpt-4o-target"},
        {"query": {"metadata.new_model_enabled": {"$eq": true}}, "then": "gpt-4o-target"}]},
      "targets": [
        {"name": "claude-sonnet-lb", "strategy": {"mode": "loadbalance"}, "targets": [
          {"override_params": {"model": "@anthropic/claude-sonnet-4-5-20250514"}, "weight": 1},
          {"override_params": {"model": "@vertex/claude-sonnet-4-5@20250514"}, "weight": 1}]},
        {"name": "gpt-4o-target", "override_params": {"model": "@openai/gpt-4o"}},
        {"name": "gemini-lb-with-fallback", "strategy": {"mode": "fallback", "on_status_codes": [429, 500, 502, 503, 504]}, "targets": [
          {"strategy": {"mode": "loadbalance"}, "targets": [
            {"override_params": {"model": "@vertex/gemini-2.5-pro"}, "weight": 1},
            {"override_params": {"model": "@google-2/gemini-2.5-pro"}, "weight": 0}]},
          {"override_params": {"model": "@openai/gpt-4.1"}}]}]}"#;
    for config in both(json) {
        let Mode::Conditional { rules, default } = &config.root.branch.as_ref().unwrap().mode else { panic!() };
        assert_eq!((rules.iter().map(|(_, place)| *place).collect::<Vec<_>>(), *default), (vec![0, 2, 1, 1], Some(1)));
        assert_eq!(config.root.leaves().iter().filter_map(|leaf| model(leaf)).count(), 6);
    }
}
