//! What conditions hold of a request.

use causeway::routing::condition::{Condition, Fact};
use serde_json::value::RawValue;

use crate::Chance;

fn condition(json: &str) -> Condition {
    let raw: &RawValue = serde_json::from_str(json).unwrap();
    Condition::parse(raw, "query").unwrap_or_else(|error| panic!("{json}: {}", error.message))
}

fn request(field: &str) -> Option<Fact> {
    Fact::of(&match field {
        "metadata.plan" => "paid".into(),
        "metadata.seats" => "12".into(),
        "metadata.beta" => "true".into(),
        "metadata.limit" => "inf".into(),
        "metadata.odd" => "nan".into(),
        "metadata.empty" => "".into(),
        "params.model" | "model" => "gpt-4o-mini".into(),
        "params.max_tokens" => 1000.into(),
        "params.temperature" => 0.5.into(),
        "params.stream" => true.into(),
        "params.messages" => serde_json::json!([]),
        "url.pathname" => "/v1/chat/completions".into(),
        "headers.x-tier" => "Gold".into(),
        "key.name" => "batch".into(),
        "geo.country" => "NZ".into(),
        "provider" => "openai".into(),
        _ => return None,
    })
}

#[test]
fn each_operator_says_what_it_says() {
    for (query, wanted) in [
        // Equal.
        (r#"{"metadata.plan": "paid"}"#, true),
        (r#"{"metadata.plan": "Paid"}"#, false),
        (r#"{"metadata.plan": {"$eq": "paid"}}"#, true),
        (r#"{"metadata.plan": {"$eq": "free"}}"#, false),
        (r#"{"metadata.plan": {"$ne": "free"}}"#, true),
        (r#"{"metadata.plan": {"$ne": "paid"}}"#, false),
        (r#"{"metadata.seats": 12}"#, true),
        (r#"{"metadata.seats": "12"}"#, true),
        (r#"{"metadata.seats": "12.0"}"#, false),
        (r#"{"metadata.seats": 12.0}"#, true),
        (r#"{"params.max_tokens": "1000"}"#, true),
        (r#"{"params.max_tokens": 1e3}"#, true),
        (r#"{"metadata.beta": true}"#, true),
        (r#"{"metadata.beta": false}"#, false),
        (r#"{"params.stream": true}"#, true),
        (r#"{"params.stream": "true"}"#, true),
        (r#"{"params.stream": 1}"#, false),
        (r#"{"metadata.empty": ""}"#, true),
        (r#"{"params.messages": "[]"}"#, false),
        // Greater and less, also of numbers in strings.
        (r#"{"params.max_tokens": {"$gt": 999}}"#, true),
        (r#"{"params.max_tokens": {"$gt": 1000}}"#, false),
        (r#"{"params.max_tokens": {"$gte": 1000}}"#, true),
        (r#"{"params.max_tokens": {"$gte": 1001}}"#, false),
        (r#"{"params.max_tokens": {"$lt": 1001}}"#, true),
        (r#"{"params.max_tokens": {"$lt": 1000}}"#, false),
        (r#"{"params.max_tokens": {"$lte": "1000"}}"#, true),
        (r#"{"params.max_tokens": {"$lte": 999.9}}"#, false),
        (r#"{"metadata.seats": {"$gt": 9}}"#, true),
        (r#"{"metadata.seats": {"$gt": "9"}}"#, true),
        (r#"{"params.temperature": {"$gt": 0.4, "$lt": 0.6}}"#, true),
        (r#"{"params.temperature": {"$gt": 0.4, "$lt": 0.5}}"#, false),
        (r#"{"metadata.plan": {"$gt": 0}}"#, false),
        (r#"{"metadata.plan": {"$lt": 0}}"#, false),
        (r#"{"metadata.limit": {"$gt": 5}}"#, false),
        (r#"{"metadata.odd": {"$lt": 5}}"#, false),
        (r#"{"metadata.limit": "inf"}"#, true),
        (r#"{"params.stream": {"$gte": 0}}"#, false),
        (r#"{"params.messages": {"$gte": 0}}"#, false),
        // Among.
        (r#"{"model": {"$in": ["gpt-4o", "gpt-4o-mini"]}}"#, true),
        (r#"{"model": {"$in": []}}"#, false),
        (r#"{"model": {"$nin": ["gpt-4o"]}}"#, true),
        (r#"{"model": {"$nin": ["gpt-4o-mini"]}}"#, false),
        (r#"{"metadata.seats": {"$in": [11, 12]}}"#, true),
        (r#"{"geo.country": {"$in": ["AU", "NZ"]}}"#, true),
        // Patterns.
        (r#"{"model": {"$regex": "^gpt-4"}}"#, true),
        (r#"{"model": {"$regex": "mini"}}"#, true),
        (r#"{"model": {"$regex": "^mini"}}"#, false),
        (r#"{"headers.x-tier": {"$regex": "(?i)^gold$"}}"#, true),
        (r#"{"params.max_tokens": {"$regex": "^10+$"}}"#, true),
        (r#"{"params.stream": {"$regex": "^true$"}}"#, true),
        (r#"{"params.messages": {"$regex": ""}}"#, false),
        (r#"{"url.pathname": {"$regex": "/chat/completions$"}}"#, true),
        // There or not.
        (r#"{"metadata.plan": {"$exists": true}}"#, true),
        (r#"{"metadata.plan": {"$exists": false}}"#, false),
        (r#"{"params.tools": {"$exists": true}}"#, false),
        (r#"{"params.tools": {"$exists": false}}"#, true),
        (r#"{"params.messages": {"$exists": true}}"#, true),
        // What is not there equals nothing, and differs from everything.
        (r#"{"metadata.none": "paid"}"#, false),
        (r#"{"metadata.none": {"$ne": "paid"}}"#, true),
        (r#"{"metadata.none": {"$in": ["paid"]}}"#, false),
        (r#"{"metadata.none": {"$nin": ["paid"]}}"#, true),
        (r#"{"metadata.none": {"$lt": 5}}"#, false),
        (r#"{"metadata.none": {"$not": {"$gte": 5}}}"#, true),
        (r#"{"metadata.none": {"$regex": ""}}"#, false),
        // Not.
        (r#"{"metadata.plan": {"$not": "paid"}}"#, false),
        (r#"{"metadata.plan": {"$not": {"$in": ["paid", "trial"]}}}"#, false),
        (r#"{"metadata.plan": {"$not": {"$not": {"$eq": "paid"}}}}"#, true),
        (r#"{"$not": {"metadata.plan": "paid"}}"#, false),
        (r#"{"$not": {"metadata.plan": "paid", "key.name": "live"}}"#, true),
        // Several keys mean and, with joints too.
        (r#"{}"#, true),
        (r#"{"metadata.plan": "paid", "key.name": "batch"}"#, true),
        (r#"{"metadata.plan": "paid", "key.name": "live"}"#, false),
        (r#"{"$and": [{"metadata.plan": "paid"}, {"key.name": "batch"}]}"#, true),
        (r#"{"$and": [{"metadata.plan": "paid"}, {"key.name": "live"}]}"#, false),
        (r#"{"$or": [{"metadata.plan": "free"}, {"key.name": "batch"}]}"#, true),
        (r#"{"$or": [{"metadata.plan": "free"}, {"key.name": "live"}]}"#, false),
        (r#"{"$or": [{"metadata.plan": "paid"}], "key.name": "live"}"#, false),
        (r#"{"key.name": "live", "$or": [{"metadata.plan": "paid"}]}"#, false),
        (r#"{"$and": [{"metadata.plan": "paid"}], "$or": [{"model": "x"}, {"provider": "openai"}], "$not": {"geo.country": "US"}}"#, true),
        (r#"{"$and": [{"metadata.plan": "paid"}], "$not": {"geo.country": "NZ"}}"#, false),
        (r#"{"model": {"$regex": "^gpt", "$ne": "gpt-4o-mini"}}"#, false),
    ] {
        assert_eq!(condition(query).holds(&request), wanted, "{query}");
    }
}

/// Conditions drawn at random, beside what they say of themselves.
#[test]
fn joints_are_those_of_logic() {
    fn drawn(chance: &Chance, depth: usize) -> (String, bool) {
        if depth == 0 || chance.one_in(4) {
            let (text, holds) = chance.one_of(&[
                (r#"{"metadata.plan": "paid"}"#, true),
                (r#"{"metadata.plan": "free"}"#, false),
                (r#"{"params.max_tokens": {"$gt": 1}}"#, true),
                (r#"{"metadata.none": {"$exists": true}}"#, false),
            ]);
            return (text.to_owned(), holds);
        }
        let parts: Vec<(String, bool)> = (0..=chance.below(3)).map(|_| drawn(chance, depth - 1)).collect();
        let list = parts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(",");
        let (first, holds) = &parts[0];
        match chance.below(4) {
            0 => (format!(r#"{{"$and": [{list}]}}"#), parts.iter().all(|(_, holds)| *holds)),
            1 => (format!(r#"{{"$or": [{list}]}}"#), parts.iter().any(|(_, holds)| *holds)),
            2 => (format!(r#"{{"$not": {first}}}"#), !holds),
            _ => {
                let all = parts.iter().all(|(_, holds)| *holds);
                (format!(r#"{{"$not": {first}, "$and": [{list}], "$or": [{list}]}}"#), !holds && all)
            }
        }
    }
    let chance = Chance::seeded(3);
    for _ in 0..5_000 {
        let (text, wanted) = drawn(&chance, 5);
        assert_eq!(condition(&text).holds(&request), wanted, "{text}");
    }
}
