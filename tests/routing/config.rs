//! What a config may say, what its targets inherit, and that Portkey's own configs are taken.

use causeway::routing::config::{CacheMode, Config, Mode, Node};

use crate::Chance;

pub fn parsed(json: &str) -> Config {
    Config::parse(json).unwrap_or_else(|error| panic!("{json}: {}", error.message))
}

fn targets(node: &Node) -> &[Node] {
    &node.branch.as_ref().unwrap().targets
}

#[test]
fn snake_and_camel_case_mean_the_same() {
    let snake = r#"{
        "strategy": {
            "mode": "loadbalance", "on_status_codes": [429],
            "sticky": {"enabled": true, "hash_fields": ["metadata._user"], "ttl": 60},
            "cb_config": {"failure_threshold": 3, "failure_threshold_percentage": 50, "minimum_requests": 4,
                          "cooldown_interval": 30000, "failure_status_codes": [500]}
        },
        "targets": [{"virtual_key": "a", "override_params": {"maxTokens": 5, "max_tokens": 6}, "default_params": {"topP": 1},
                     "drop_params": ["parallelToolCalls"], "custom_host": "https://a.example/v1", "request_timeout": 5,
                     "first_token_timeout": 6, "idle_timeout": 7, "forward_headers": ["x-A"], "metadata": {"planName": "x"},
                     "strict_open_ai_compliance": false, "azure_resource_name": "r", "aws_region": "eu",
                     "retry": {"attempts": 2, "on_status_codes": [500], "use_retry_after_header": false},
                     "cache": {"mode": "semantic", "max_age": 60, "similarity_threshold": 0.9, "coalesce": true}}],
        "total_timeout": 60000
    }"#;
    let names = [
        "on_status_codes",
        "hash_fields",
        "cb_config",
        "failure_threshold_percentage",
        "failure_threshold",
        "minimum_requests",
        "cooldown_interval",
        "failure_status_codes",
        "virtual_key",
        "override_params",
        "default_params",
        "drop_params",
        "custom_host",
        "request_timeout",
        "first_token_timeout",
        "idle_timeout",
        "forward_headers",
        "strict_open_ai_compliance",
        "azure_resource_name",
        "aws_region",
        "use_retry_after_header",
        "max_age",
        "similarity_threshold",
        "total_timeout",
    ];
    let mut camel = snake.to_owned();
    for name in names {
        let mut words = name.split('_');
        let first = words.next().unwrap().to_owned();
        let rest: String = words.map(|word| word.split_at(1)).map(|(first, rest)| first.to_uppercase() + rest).collect();
        camel = camel.replace(&format!("\"{name}\""), &format!("\"{first}{rest}\""));
    }
    assert_ne!(snake, camel);
    assert_eq!(parsed(snake), parsed(&camel));

    let config = parsed(&camel);
    let terms = &targets(&config.root)[0].terms;
    assert_eq!(terms.override_params.keys().collect::<Vec<_>>(), ["maxTokens", "max_tokens"]);
    assert_eq!(terms.default_params.keys().collect::<Vec<_>>(), ["topP"]);
    assert_eq!(terms.metadata.keys().collect::<Vec<_>>(), ["planName"]);
    assert_eq!(terms.drop_params, ["parallelToolCalls"]);
    assert_eq!(terms.settings.keys().collect::<Vec<_>>(), ["aws-region", "azure-resource-name"]);
}

#[test]
fn names_in_conditions_stay_as_they_are() {
    let config = parsed(
        r#"{"strategy": {"mode": "conditional", "conditions": [{"query": {"metadata.userPlan": "x"}, "then": "a"}]},
            "targets": [{"name": "a"}]}"#,
    );
    assert!(format!("{:?}", config.root).contains("metadata.userPlan"));
}

#[test]
fn values_below_the_overrides_keep_their_text() {
    let config = parsed(r#"{"override_params": {"response_format": {"b": 1.0, "a": [ 1e3 ]}, "nothing": null}}"#);
    let params = &config.root.terms.override_params;
    assert_eq!((params["response_format"].as_str(), params["nothing"].as_str()), (r#"{"b": 1.0, "a": [ 1e3 ]}"#, "null"));
}

#[test]
fn what_a_target_does_not_say_it_inherits() {
    let config = parsed(
        r#"{"retry": {"attempts": 3}, "cache": {"mode": "simple", "max_age": 60}, "request_timeout": 1000, "strict": true,
            "override_params": {"model": "a", "seed": 1}, "default_params": {"n": 1}, "drop_params": ["user"],
            "metadata": {"team": "x", "env": "dev"}, "forward_headers": ["x-a"], "total_timeout": 9000,
            "strategy": {"mode": "fallback"}, "weight": 5, "name": "root",
            "targets": [
                {},
                {"retry": {"attempts": 1, "on_status_codes": [500]}, "cache": {"mode": "semantic"}, "request_timeout": 7, "strict": false,
                 "override_params": {"model": "b"}, "default_params": {"n": 2}, "drop_params": ["seed"], "metadata": {"env": "live"},
                 "forward_headers": [],
                 "strategy": {"mode": "single"}, "targets": [{"name": "leaf", "override_params": {"seed": 2}}]}
            ]}"#,
    );
    let [plain, branch] = targets(&config.root) else { panic!() };
    assert_eq!((plain.name.as_deref(), plain.weight), (None, 1.0));
    assert_eq!(plain.terms, config.root.terms.clone());
    let leaf = &targets(branch)[0];
    assert_eq!((leaf.path.as_str(), leaf.name.as_deref()), ("config.targets[1].targets[0]", Some("leaf")));
    let terms = &leaf.terms;
    let retry = terms.retry.as_ref().unwrap();
    assert_eq!((retry.attempts, retry.on_status_codes.as_slice()), (1, [500].as_slice()));
    let cache = terms.cache.as_ref().unwrap();
    assert_eq!((cache.mode, cache.max_age_s), (CacheMode::Semantic, 7 * 86_400));
    assert_eq!((terms.request_timeout_ms, terms.strict, terms.total_timeout_ms), (Some(7), Some(false), Some(9000)));
    assert_eq!(terms.override_params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>(), ["model=\"b\"", "seed=2"]);
    assert_eq!(terms.default_params["n"], "2");
    assert_eq!(terms.drop_params, ["user", "seed"]);
    assert_eq!((terms.metadata["team"].as_str(), terms.metadata["env"].as_str()), ("x", "live"));
    assert_eq!(terms.forward_headers.as_deref(), Some([].as_slice()));
}

/// Who is asked, with which key, where, and with what besides.
fn asked(node: &Node) -> String {
    let terms = &node.terms;
    let text = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
    let settings: Vec<&str> = terms.settings.values().map(String::as_str).collect();
    format!(
        "{} {} {} {} [{}]",
        terms.provider.unwrap_or("-"),
        text(&terms.credential),
        text(&terms.api_key),
        text(&terms.custom_host),
        settings.join(",")
    )
}

#[test]
fn a_key_reaches_no_other_provider() {
    let openai = r#""provider": "openai", "api_key": "K", "custom_host": "H", "openai_organization": "O""#;
    let vault = r#""virtual_key": "V", "custom_host": "H""#;
    let both = r#""provider": "openai", "virtual_key": "V""#;
    let aws = r#""provider": "bedrock", "aws_access_key_id": "A", "aws_secret_access_key": "S", "aws_session_token": "T""#;
    let host = r#""custom_host": "H", "openai_organization": "O""#;
    for (above, below, wanted) in [
        (openai, r#""weight": 1"#, "openai - K H [O]"),
        (openai, r#""provider": "openai""#, "openai - K H [O]"),
        (openai, r#""api_key": "k""#, "openai - k H [O]"),
        (openai, r#""provider": "openai", "api_key": "k""#, "openai - k H [O]"),
        (openai, r#""custom_host": "h""#, "openai - K h [O]"),
        (openai, r#""provider": "anthropic""#, "anthropic - - - []"),
        (openai, r#""provider": "anthropic", "api_key": "k""#, "anthropic - k - []"),
        (openai, r#""provider": "anthropic", "custom_host": "h""#, "anthropic - - h []"),
        (openai, r#""virtual_key": "v""#, "- v - - []"),
        (openai, r#""provider": "@v""#, "- v - - []"),
        (openai, r#""provider": "openai", "virtual_key": "v""#, "openai v - - []"),
        (vault, r#""weight": 1"#, "- V - H []"),
        (vault, r#""virtual_key": "V""#, "- V - H []"),
        (vault, r#""virtual_key": "@V""#, "- V - H []"),
        (vault, r#""virtual_key": "v""#, "- v - - []"),
        (vault, r#""provider": "openai""#, "openai - - - []"),
        (both, r#""provider": "openai""#, "openai V - - []"),
        (both, r#""api_key": "k""#, "openai - k - []"),
        (both, r#""provider": "anthropic""#, "anthropic - - - []"),
        (aws, r#""weight": 1"#, "bedrock - - - [A,S,T]"),
        (aws, r#""aws_access_key_id": "a", "aws_secret_access_key": "s""#, "bedrock - - - [a,s]"),
        (aws, r#""provider": "openai""#, "openai - - - []"),
        // What stands above before anyone is named is for all; a key is not.
        (host, r#""provider": "openai", "api_key": "k""#, "openai - k H [O]"),
        (host, r#""virtual_key": "v""#, "- v - H [O]"),
        (r#""api_key": "K""#, r#""provider": "openai""#, "openai - - - []"),
        (r#""api_key": "K""#, r#""weight": 1"#, "- - K - []"),
    ] {
        let config = parsed(&format!(r#"{{{above}, "strategy": {{"mode": "single"}}, "targets": [{{{below}}}]}}"#));
        assert_eq!(asked(&targets(&config.root)[0]), wanted, "{above} above {below}");
        // The same one deeper.
        let config = parsed(&format!(r#"{{{above}, "targets": [{{"targets": [{{{below}}}]}}]}}"#));
        assert_eq!(asked(&targets(&targets(&config.root)[0])[0]), wanted, "{above} above {below}");
    }
}

#[test]
fn portkeys_configs_are_taken() {
    for config in [
        r#"{"provider": "openai", "api_key": "sk-1"}"#,
        r#"{"virtual_key": "open-ai-1"}"#,
        r#"{"cache": {"mode": "simple"}}"#,
        r#"{"cache": {"mode": "semantic", "max_age": 60}, "virtual_key": "openai-virtual-key", "override_params": {"model": "gpt-4o"}}"#,
        r#"{"retry": {"attempts": 5}, "virtual_key": "virtual-key-xxx"}"#,
        r#"{"retry": {"attempts": 3, "on_status_codes": [429, 500], "use_retry_after_header": true}, "provider": "openai", "api_key": "k"}"#,
        r#"{"request_timeout": 10000}"#,
        r#"{"strategy": {"mode": "fallback"}, "targets": [{"virtual_key": "openai-virtual-key"}, {"virtual_key": "anthropic-virtual-key"}]}"#,
        r#"{"strategy": {"mode": "fallback", "on_status_codes": [429]},
            "targets": [{"provider": "openai", "api_key": "a"}, {"provider": "azure-openai", "api_key": "b", "resource_name": "r",
                         "deployment_id": "d", "api_version": "2024-02-01"}]}"#,
        r#"{"strategy": {"mode": "loadbalance"},
            "targets": [{"provider": "openai", "api_key": "a", "weight": 0.7}, {"provider": "openai", "api_key": "b", "weight": 0.3}]}"#,
        r#"{"strategy": {"mode": "loadbalance"},
            "targets": [{"provider": "anthropic", "api_key": "a", "weight": 0.5, "override_params": {"max_tokens": 200, "model": "claude-3-opus-20240229"}},
                        {"provider": "google", "api_key": "b", "weight": 0.5}]}"#,
        r#"{"strategy": {"mode": "conditional",
             "conditions": [{"query": {"metadata.user_plan": {"$eq": "paid"}}, "then": "finetuned-gpt4"},
                            {"query": {"$or": [{"metadata.user_plan": {"$eq": "free"}}, {"params.model": {"$in": ["gpt-4o", "o1"]}}]}, "then": "base-gpt4"}],
             "default": "base-gpt4"},
            "targets": [{"name": "finetuned-gpt4", "virtual_key": "xx"}, {"name": "base-gpt4", "virtual_key": "yy"}]}"#,
        r#"{"strategy": {"mode": "loadbalance"}, "targets": [
             {"strategy": {"mode": "fallback", "on_status_codes": [429]}, "weight": 0.5, "targets": [
                {"strategy": {"mode": "loadbalance"}, "targets": [{"virtual_key": "a", "weight": 1}, {"virtual_key": "b"}]},
                {"virtual_key": "c", "override_params": {"model": "gpt-4o-mini"}}]},
             {"virtual_key": "d", "weight": 0.5}]}"#,
        r#"{"strategy": {"mode": "fallback", "cb_config": {"failure_threshold": 5, "cooldown_interval": 60000,
             "failure_status_codes": [500, 502, 503]}}, "targets": [{"provider": "@openai-prod"}, {"provider": "@azure-prod"}]}"#,
        r#"{"strategy": {"mode": "loadbalance", "sticky": {"enabled": true, "hash_fields": ["metadata.user_id"], "ttl": 300}},
            "targets": [{"virtual_key": "a"}, {"virtual_key": "b"}]}"#,
        r#"{"strategy": {"mode": "single"}, "provider": "openai", "api_key": "k"}"#,
        r#"{"strategy": {"mode": "single"}, "targets": [{"virtual_key": "a"}]}"#,
        r#"{"provider": "openai", "api_key": "k", "input_guardrails": [], "output_guardrails": [ ], "before_request_hooks": []}"#,
        r#"{"provider": "bedrock", "aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region": "us-east-1", "aws_session_token": "c",
            "aws_auth_type": "accessKey"}"#,
        r#"{"provider": "vertex-ai", "vertex_project_id": "p", "vertex_region": "us-central1",
            "vertex_service_account_json": {"type": "service_account", "private_key": "x"}}"#,
        r#"{"provider": "azure-openai", "api_key": "k", "azure_resource_name": "r", "azure_deployment_id": "d", "azure_api_version": "v",
            "azure_model_name": "gpt-4o", "azure_auth_mode": "apiKey"}"#,
        r#"{"provider": "azure-openai", "apiKey": "k", "resourceName": "r", "deploymentId": "d", "apiVersion": "v"}"#,
        r#"{"provider": "azure-ai", "api_key": "k", "azure_foundry_url": "https://x.services.ai.azure.com/models"}"#,
        r#"{"provider": "openai", "api_key": "k", "openai_organization": "o", "openai_project": "p", "strict_open_ai_compliance": false}"#,
        r#"{"provider": "anthropic", "api_key": "k", "anthropic_version": "2023-06-01", "anthropic_beta": "b"}"#,
        r#"{"provider": "workers-ai", "api_key": "k", "workers_ai_account_id": "i"}"#,
        r#"{"provider": "ollama", "custom_host": "http://localhost:11434", "forward_headers": ["x-a"]}"#,
        r#"{"retry": {"attempts": 2.0}, "request_timeout": 500.0, "name": null, "cache": null, "targets": null, "strategy": null}"#,
        "{}",
    ] {
        parsed(config);
    }
}

#[test]
fn a_service_account_may_be_written_as_it_is_or_as_text() {
    for written in [r#"{"type": "service_account"}"#, r#""{\"type\": \"service_account\"}""#] {
        let config = parsed(&format!(r#"{{"provider": "vertex-ai", "vertex_service_account_json": {written}}}"#));
        assert_eq!(config.root.terms.settings["vertex-service-account-json"], r#"{"type": "service_account"}"#);
    }
}

#[test]
fn a_breaker_by_share_alone_has_no_threshold_of_its_own() {
    let failures = |settings: &str| {
        let config = parsed(&format!(r#"{{"strategy": {{"mode": "fallback", "cb_config": {settings}}}, "targets": [{{}}]}}"#));
        config.root.branch.unwrap().breaker.unwrap().failures
    };
    assert_eq!(failures("{}"), 5);
    assert_eq!(failures(r#"{"failure_threshold": 2, "failure_threshold_percentage": 50}"#), 2);
    assert_eq!(failures(r#"{"failure_threshold_percentage": 50}"#), u64::MAX);
}

#[test]
fn providers_are_counted_where_they_are_asked() {
    let config = parsed(
        r#"{"provider": "groq", "strategy": {"mode": "fallback"}, "targets": [
            {"provider": "openai"}, {"provider": "openai", "api_key": "k"}, {"provider": "google"}, {"provider": "gemini"}]}"#,
    );
    assert_eq!(config.providers, 2);
    assert_eq!(config.root.leaves().len(), 4);
    assert!(matches!(config.root.branch.unwrap().mode, Mode::Fallback));
}

/// Configs cut, doubled, and with bytes changed: whatever comes, it is a config or a refusal with a place.
#[test]
fn broken_configs_are_refused_in_good_order() {
    let seeds = [
        r#"{"strategy":{"mode":"conditional","conditions":[{"query":{"$or":[{"metadata.a":{"$regex":"^a+$"}},{"$not":{"params.n":{"$gt":5,"$in":[1,"2",true]}}}]},"then":"a"}],"default":"b"},"targets":[{"name":"a","virtual_key":"x"},{"name":"b","weight":0.5,"override_params":{"a":[1,{"b":null}]}}]}"#,
        r#"{"retry":{"attempts":3,"onStatusCodes":[429,500]},"cache":{"mode":"simple","max_age":60},"strategy":{"mode":"loadbalance","sticky":{"hash_fields":["metadata._user"]},"cb_config":{"failure_threshold":5}},"targets":[{"provider":"openai","api_key":"k"},{"strategy":{"mode":"fallback","on_status_codes":[500]},"targets":[{"provider":"groq"}]}]}"#,
    ];
    let scraps = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        ",",
        ":",
        "null",
        "-1",
        "1e999",
        "0.1",
        "true",
        "\\u0000",
        "é",
        "\\",
        "$not",
        "{}",
        "[]",
        "18446744073709551616",
        "\"strategy\":{\"mode\":\"cost\"},",
        "\"targets\":[{}],",
        "(?i)",
        "a{1000}",
        "\u{7f}",
    ];
    let chance = Chance::seeded(7);
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..10_000 {
        let mut text: Vec<char> = chance.one_of(&seeds).chars().collect();
        for _ in 0..=chance.below(3) {
            let at = chance.below(text.len());
            let end = (at + chance.below(12)).min(text.len());
            match chance.below(4) {
                0 => drop(text.drain(at..end)),
                1 => text.splice(at..at, chance.one_of(&scraps).chars()).for_each(drop),
                2 => text.splice(at..end, chance.one_of(&scraps).chars()).for_each(drop),
                _ => {
                    let piece = text[at..end].to_vec();
                    let to = chance.below(text.len());
                    text.splice(to..to, piece).for_each(drop);
                }
            }
            if text.is_empty() {
                text.push('{');
            }
        }
        match Config::parse(&text.iter().collect::<String>()) {
            Ok(_) => taken += 1,
            Err(error) => {
                refused += 1;
                assert!(error.param.is_some_and(|param| param.starts_with("config")) && error.status == 400, "{}", error.message);
                assert!(error.message.len() < 2000, "{}", error.message);
            }
        }
    }
    assert!(taken > 100 && refused > 3_000, "{taken} taken, {refused} refused");
}
