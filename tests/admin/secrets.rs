//! No secret is in anything that is stored, shown or told, whatever is asked in whichever order.

use std::collections::BTreeSet;

use causeway::admin::outbox;

use super::desk::Registry;

/// A small generator, so that a run that fails can be had again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn no_row_answer_or_effect_ever_holds_a_secret() {
    for seed in 0..40 {
        let (mut dice, mut registry) = (Dice(seed), Registry::default());
        let (mut keys, mut ids): (BTreeSet<String>, Vec<String>) = (BTreeSet::new(), Vec::new());
        for step in 0..60_u64 {
            registry.now += 1_000;
            let slug = ["a", "b", "c"][usize::try_from(dice.roll(3)).unwrap()];
            let id = ids.get(usize::try_from(dice.roll(8)).unwrap()).cloned().unwrap_or_else(|| "none".to_owned());
            let mark = format!("sk-aaaaMARKED-SECRET-{seed}-{step}-zzzz");
            let (method, path, body) = match dice.roll(12) {
                0 => ("POST", "credentials".to_owned(), format!(r#"{{"slug":"{slug}","provider":"openai","secret":"{mark}"}}"#)),
                1 => (
                    "POST",
                    "credentials".to_owned(),
                    format!(r#"{{"slug":"{slug}","provider":"bedrock","secret":{{"access_key_id":"{mark}"}}}}"#),
                ),
                2 => ("PATCH", format!("credentials/{slug}"), format!(r#"{{"secret":"{mark}","priority":{step}}}"#)),
                3 => ("POST", "credentials".to_owned(), format!(r#"{{"slug":"{slug}","provider":"openai","secrt":"{mark}"}}"#)),
                4 => ("POST", "credentials".to_owned(), format!(r#"{{"slug":"{slug}","provider":"openai","secret":["{mark}"]}}"#)),
                5 => ("DELETE", format!("credentials/{slug}"), String::new()),
                6 => ("POST", "credentials/reseal".to_owned(), String::new()),
                7 => ("POST", "keys".to_owned(), format!(r#"{{"name":"{step}"}}"#)),
                8 => ("POST", format!("keys/{id}/rotate"), r#"{"overlap_seconds":5}"#.to_owned()),
                9 => ("DELETE", format!("keys/{id}"), String::new()),
                10 => ("GET", "audit".to_owned(), String::new()),
                _ => ("GET", "credentials".to_owned(), String::new()),
            };
            let mut request = registry.request(method, &path, &body);
            if dice.roll(2) == 0 {
                request.idempotency_key = Some(format!("once-{}", dice.roll(20)));
            }
            if dice.roll(10) == 0 {
                registry.masters.insert(0, format!("master key number {step} of this run"));
            }
            let said = registry.ask(&request);
            let shown = said.json["key"].as_str().map(str::to_owned);
            if let Some(key) = &shown {
                keys.insert(key.clone());
                ids.push(said.text("id").to_owned());
            }
            let mut texts: Vec<String> = registry.rows.iter().flat_map(|(name, row)| [name.clone(), row.clone()]).collect();
            texts.push(format!("{:?}", outbox::due(&registry.rows, 1_000)));
            assert!(!said.raw.body.contains("MARKED"), "{}", said.raw.body);
            for text in texts {
                assert!(!text.contains("MARKED") && !keys.iter().any(|key| text.contains(key)), "seed {seed}, step {step}: {text}");
            }
            if dice.roll(3) == 0 {
                registry.tell();
            }
        }
        assert!(!keys.is_empty());
    }
}
