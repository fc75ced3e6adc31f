//! Every kind of mistake is told with its place, what was expected and, where there is one, the name that was meant.

use causeway::routing::config::Config;

/// A config, the place of the mistake, and what the message says of it.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Not a config at all.
    (r#"{"provider": "bedrock", "aws_regoin": "x"}"#, "config.aws_regoin", "Did you mean `aws_region`?"),
    ("pc-my-config", "config", "not valid JSON"),
    (r#"{"provider": "openai""#, "config", "not valid JSON"),
    ("[]", "config", "expected an object"),
    ("\"x\"", "config", "expected an object"),
    ("7", "config", "expected an object"),
    // Unknown names.
    (r#"{"provder": "openai"}"#, "config.provder", "Did you mean `provider`?"),
    (r#"{"overrideParam": {}}"#, "config.overrideParam", "Did you mean `override_params`?"),
    (r#"{"retry": {"attempt": 3}}"#, "config.retry.attempt", "Did you mean `attempts`?"),
    (r#"{"retry": {"onStatusCode": [429]}}"#, "config.retry.onStatusCode", "Did you mean `on_status_codes`?"),
    (r#"{"cache": {"maxage": 60}}"#, "config.cache.maxage", "Did you mean `max_age`?"),
    (r#"{"mode": "fallback", "options": []}"#, "config.mode", "there is no such field"),
    (r#"{"strategy": {"mode": "fallback", "sticki": {}}, "targets": [{}]}"#, "config.strategy.sticki", "Did you mean `sticky`?"),
    (r#"{"strategy": {"mode": "fallback"}, "targets": [{}, {"wieght": 1}]}"#, "config.targets[1].wieght", "Did you mean `weight`?"),
    (
        r#"{"strategy": {"mode": "fallback", "cbConfig": {"failureTreshold": 5}}, "targets": [{}]}"#,
        "config.strategy.cbConfig.failureTreshold",
        "Did you mean `failure_threshold`?",
    ),
    (r#"{"on_status_codes": [429], "onStatusCodes": [429]}"#, "config.onStatusCodes", "also as `on_status_codes`"),
    // Wrong types and bounds.
    (r#"{"provider": 5}"#, "config.provider", "a string"),
    (r#"{"provider": "opanai"}"#, "config.provider", "Did you mean `openai`?"),
    (r#"{"targets": {"provider": "openai"}}"#, "config.targets", "a list"),
    (r#"{"targets": ["openai"]}"#, "config.targets[0]", "an object"),
    (r#"{"strategy": "fallback", "targets": [{}]}"#, "config.strategy", "an object"),
    (r#"{"retry": 3}"#, "config.retry", "an object"),
    (r#"{"retry": {"attempts": 6}}"#, "config.retry.attempts", "a whole number from 0 to 5"),
    (r#"{"retry": {"attempts": -1}}"#, "config.retry.attempts", "a whole number from 0 to 5"),
    (r#"{"retry": {"attempts": 1.5}}"#, "config.retry.attempts", "a whole number from 0 to 5"),
    (r#"{"retry": {"attempts": "3"}}"#, "config.retry.attempts", "a whole number from 0 to 5"),
    (r#"{"retry": {"on_status_codes": 429}}"#, "config.retry.on_status_codes", "a list of statuses"),
    (r#"{"retry": {"on_status_codes": [42]}}"#, "config.retry.on_status_codes", "from 100 to 599"),
    (r#"{"retry": {"on_status_codes": ["4xx"]}}"#, "config.retry.on_status_codes", "a list of statuses"),
    (r#"{"retry": {"use_retry_after_header": "yes"}}"#, "config.retry.use_retry_after_header", "true or false"),
    (r#"{"cache": true}"#, "config.cache", "an object"),
    (r#"{"cache": {"mode": "simpel"}}"#, "config.cache.mode", "simple or semantic"),
    (r#"{"cache": {"max_age": 0}}"#, "config.cache.max_age", "a whole number from 1 to 7776000"),
    (r#"{"cache": {"maxAge": 7776001}}"#, "config.cache.maxAge", "a whole number from 1 to 7776000"),
    (r#"{"cache": {"similarity_threshold": 1.5}}"#, "config.cache.similarity_threshold", "a number from 0 to 1"),
    (r#"{"request_timeout": 0}"#, "config.request_timeout", "a whole number from 1"),
    (r#"{"request_timeout": "10s"}"#, "config.request_timeout", "a whole number"),
    (r#"{"weight": -0.5}"#, "config.weight", "a number from 0"),
    (r#"{"weight": "1"}"#, "config.weight", "a number"),
    (r#"{"override_params": []}"#, "config.override_params", "an object"),
    (r#"{"default_params": "x"}"#, "config.default_params", "an object"),
    (r#"{"drop_params": "seed"}"#, "config.drop_params", "a list of strings"),
    (r#"{"forward_headers": [1]}"#, "config.forward_headers", "a list of strings"),
    (r#"{"metadata": {"a": {"b": 1}}}"#, "config.metadata.a", "a string"),
    (r#"{"strict": "no"}"#, "config.strict", "true or false"),
    (r#"{"aws_region": {"name": "eu"}}"#, "config.aws_region", "a string"),
    (r#"{"azure_auth_mode": "entra"}"#, "config.azure_auth_mode", "is not known here"),
    (r#"{"input_guardrails": ["pg-1"]}"#, "config.input_guardrails", "guardrails do not exist here yet"),
    (r#"{"after_request_hooks": [{}]}"#, "config.after_request_hooks", "guardrails do not exist here yet"),
    (r#"{"output_guardrails": "x"}"#, "config.output_guardrails", "a list"),
    // Strategies.
    (r#"{"targets": []}"#, "config.targets", "at least one target"),
    (r#"{"strategy": {"mode": "fallback"}}"#, "config.targets", "at least one target"),
    (r#"{"strategy": {"mode": "loadbalance"}, "targets": []}"#, "config.targets", "at least one target"),
    (r#"{"targets": [{}, {}]}"#, "config.strategy", "an object with `mode`"),
    (r#"{"strategy": {}, "targets": [{}]}"#, "config.strategy", "an object with `mode`"),
    (r#"{"strategy": {"mode": "loadbalancer"}, "targets": [{}]}"#, "config.strategy.mode", "Did you mean `loadbalance`?"),
    (r#"{"strategy": {"mode": "random"}, "targets": [{}]}"#, "config.strategy.mode", "there is no mode `random`"),
    (r#"{"strategy": {"mode": "loadbalance"}, "targets": [{"weight": 0}, {"weight": 0}]}"#, "config.targets", "a weight above 0"),
    (r#"{"strategy": {"mode": "fallback", "on_status_codes": [1000]}, "targets": [{}]}"#, "config.strategy.on_status_codes", "100 to 599"),
    (r#"{"strategy": {"mode": "fallback", "default": "a"}, "targets": [{"name": "a"}]}"#, "config.strategy.default", "conditional"),
    (r#"{"strategy": {"mode": "fallback", "sticky": {"ttl": 0}}, "targets": [{}]}"#, "config.strategy.sticky.ttl", "a whole number from 1"),
    (
        r#"{"strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["metdata._user"]}}, "targets": [{}]}"#,
        "config.strategy.sticky.hash_fields[0]",
        "Did you mean `metadata._user`?",
    ),
    (
        r#"{"strategy": {"mode": "fallback", "cb_config": {"failure_threshold_percentage": 101}}, "targets": [{}]}"#,
        "config.strategy.cb_config.failure_threshold_percentage",
        "a number from 1 to 100",
    ),
    (r#"{"strategy": {"mode": "single"}, "targets": [{"total_timeout": 9}]}"#, "config.targets[0].total_timeout", "at the top"),
    (
        r#"{"strategy": {"mode": "single"}, "targets": [{"strategy": {"mode": "fallback"}, "targets": [{"retry": {"attempts": 9}}]}]}"#,
        "config.targets[0].targets[0].retry.attempts",
        "from 0 to 5",
    ),
];

/// Mistakes in the first condition of a config with the targets `big` and `small`.
const CONDITIONS: &[(&str, &str, &str)] = &[
    (r#"{"then": "big"}"#, ".query", "an object"),
    (r#"{"query": {"metadata.a": 1}}"#, ".then", "the name of a target"),
    (r#"{"query": {"metadata.a": 1}, "then": "bigg"}"#, ".then", "Did you mean `big`?"),
    (r#"{"query": {"metadata.a": 1}, "then": "twin"}"#, ".then", "several targets are named `twin`"),
    (r#"{"query": {"metadata.a": 1}, "then": "big", "else": "small"}"#, ".else", "no such field"),
    (r#"{"query": [], "then": "big"}"#, ".query", "an object"),
    (r#"{"query": {"metdata.plan": 1}, "then": "big"}"#, ".query.metdata.plan", "Did you mean `metadata.plan`?"),
    (r#"{"query": {"metadata.": 1}, "then": "big"}"#, ".query.metadata.", "there is no `metadata.`"),
    (r#"{"query": {"modl": "x"}, "then": "big"}"#, ".query.modl", "Did you mean `model`?"),
    (r#"{"query": {"$adn": []}, "then": "big"}"#, ".query.$adn", "Did you mean `$and`?"),
    (r#"{"query": {"model": {"$gte2": 1}}, "then": "big"}"#, ".query.model.$gte2", "Did you mean `$gte`?"),
    (r#"{"query": {"model": {"$or": []}}, "then": "big"}"#, ".query.model.$or", "no operator `$or` for a field"),
    (r#"{"query": {"model": {}}, "then": "big"}"#, ".query.model", "a value, or an object with operators"),
    (r#"{"query": {"model": null}, "then": "big"}"#, ".query.model", "a value, or an object with operators"),
    (r#"{"query": {"model": ["a"]}, "then": "big"}"#, ".query.model", "a value, or an object with operators"),
    (r#"{"query": {"model": {"$in": "a"}}, "then": "big"}"#, ".query.model.$in", "a list"),
    (r#"{"query": {"model": {"$nin": [{}]}}, "then": "big"}"#, ".query.model.$nin", "a list of strings"),
    (r#"{"query": {"params.n": {"$gt": "many"}}, "then": "big"}"#, ".query.params.n.$gt", "a number"),
    (r#"{"query": {"params.n": {"$lte": "inf"}}, "then": "big"}"#, ".query.params.n.$lte", "a number"),
    (r#"{"query": {"model": {"$eq": {}}}, "then": "big"}"#, ".query.model.$eq", "a string, a number"),
    (r#"{"query": {"model": {"$exists": 1}}, "then": "big"}"#, ".query.model.$exists", "true or false"),
    (r#"{"query": {"model": {"$regex": "("}}, "then": "big"}"#, ".query.model.$regex", "config"),
    (r#"{"query": {"model": {"$regex": 5}}, "then": "big"}"#, ".query.model.$regex", "a regular expression"),
    (r#"{"query": {"model": {"$regex": "(a{1000}){1000}"}}, "then": "big"}"#, ".query.model.$regex", "config"),
    (r#"{"query": {"$and": {}}, "then": "big"}"#, ".query.$and", "a list of conditions"),
    (r#"{"query": {"$or": []}, "then": "big"}"#, ".query.$or", "a list of conditions"),
    (r#"{"query": {"$not": []}, "then": "big"}"#, ".query.$not", "an object"),
    (r#"{"query": {"$or": [{"model": "a"}, {"model": {"$eqq": 1}}]}, "then": "big"}"#, ".query.$or[1].model.$eqq", "Did you mean `$eq`?"),
];

fn is_told(config: &str, place: &str, words: &str) {
    let Err(error) = Config::parse(config) else { panic!("{config} is taken") };
    assert_eq!(error.status, 400, "{config}");
    assert_eq!(error.param.as_deref(), Some(place), "{config}: {}", error.message);
    assert!(error.message.contains(place) && error.message.contains(words), "{config}: {}", error.message);
}

#[test]
fn a_mistake_is_told_with_its_place_and_what_was_meant() {
    MISTAKES.iter().for_each(|(config, place, words)| is_told(config, place, words));
}

#[test]
fn a_mistake_in_a_condition_is_told_with_its_place() {
    for (rule, place, words) in CONDITIONS {
        let targets = r#"[{"name": "big"}, {"name": "small"}, {"name": "twin"}, {"name": "twin"}]"#;
        let config = format!(r#"{{"strategy": {{"mode": "conditional", "conditions": [{rule}]}}, "targets": {targets}}}"#);
        is_told(&config, &format!("config.strategy.conditions[0]{place}"), words);
    }
}

#[test]
fn a_conditional_strategy_needs_conditions_and_a_default_that_is_there() {
    let targets = r#""targets": [{"name": "big"}]"#;
    is_told(&format!(r#"{{"strategy": {{"mode": "conditional"}}, {targets}}}"#), "config.strategy.conditions", "at least one condition");
    let config = format!(r#"{{"strategy": {{"mode": "conditional", "conditions": [], "default": "bag"}}, {targets}}}"#);
    is_told(&config, "config.strategy.default", "Did you mean `big`?");
}

#[test]
fn a_config_has_bounds() {
    let nested = |depth: usize| {
        let open = r#"{"strategy": {"mode": "single"}, "targets": ["#.repeat(depth);
        format!("{open}{{}}{}", "]}".repeat(depth))
    };
    assert!(Config::parse(&nested(48)).is_ok());
    is_told(&nested(49), &format!("config{}", ".targets[0]".repeat(49)), "at most 500 targets, nested at most 48 deep");
    assert!(Config::parse(&nested(3000)).is_err());
    assert!(Config::parse(&"[".repeat(100_000)).is_err());

    let many = |count: usize| format!(r#"{{"strategy": {{"mode": "fallback"}}, "targets": [{}]}}"#, vec!["{}"; count].join(","));
    assert!(Config::parse(&many(499)).is_ok());
    is_told(&many(500), "config.targets[499]", "at most 500 targets");

    let long = format!(r#"{{"override_params": {{"user": "{}"}}}}"#, "x".repeat(128 << 10));
    let error = Config::parse(&long).unwrap_err();
    assert_eq!((error.param.as_deref(), error.message.as_str()), (Some("config"), "The config is longer than 128 KiB."));
}

#[test]
fn what_many_targets_inherit_is_bounded() {
    let config = |bytes: usize| {
        let long = "x".repeat(bytes);
        let targets = vec!["{}"; 400].join(",");
        format!(r#"{{"override_params": {{"user": "{long}"}}, "strategy": {{"mode": "fallback"}}, "targets": [{targets}]}}"#)
    };
    assert!(Config::parse(&config(8 << 10)).is_ok());
    assert!(Config::parse(&config(64 << 10)).unwrap_err().message.contains("inherit too much"));
}

#[test]
fn conditions_have_bounds() {
    let config = |query: &str| {
        let rule = format!(r#"{{"query": {query}, "then": "a"}}"#);
        format!(r#"{{"strategy": {{"mode": "conditional", "conditions": [{rule}]}}, "targets": [{{"name": "a"}}]}}"#)
    };
    let nested = |depth: usize| format!(r#"{}{{"model": "x"}}{}"#, r#"{"$not": "#.repeat(depth), "}".repeat(depth));
    assert!(Config::parse(&config(&nested(16))).is_ok());
    assert!(Config::parse(&config(&nested(17))).unwrap_err().message.contains("nested at most 16 deep"));
    let field = |depth: usize| format!(r#"{{"model": {}{{"$eq": 1}}{}}}"#, r#"{"$not": "#.repeat(depth), "}".repeat(depth));
    assert!(Config::parse(&config(&field(16))).is_ok());
    assert!(Config::parse(&config(&field(17))).unwrap_err().message.contains("nested at most 16 deep"));
    let patterns = |count: usize| format!(r#"{{"$or": [{}]}}"#, vec![r#"{"model": {"$regex": "^gpt"}}"#; count].join(","));
    assert!(Config::parse(&config(&patterns(100))).is_ok());
    assert!(Config::parse(&config(&patterns(101))).unwrap_err().message.contains("at most 100 regular expressions"));
}
