//! A deployment drawn at random: its config, and what its targets are like.

use causeway::wire::Dialect;
use serde_json::{Map, Value, json};

use crate::chance::Chance;

/// A target that is asked itself.
#[derive(Debug)]
pub struct Target {
    pub path: String,
    pub provider: &'static str,
    pub model: String,
    pub manner: Manner,
    pub terms: Terms,
}

/// What a target is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Healthy,
    Flaky,
    Dead,
}

/// On which terms it is asked, its own or inherited.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    pub retries: u32,
    pub retry_codes: Option<Vec<u16>>,
    pub keeps_to_retry_after: bool,
    pub request_ms: Option<u64>,
    pub first_token_ms: Option<u64>,
    pub idle_ms: Option<u64>,
}

#[derive(Debug)]
pub enum Node {
    Leaf(usize),
    Branch {
        mode: &'static str,
        codes: bool,
        targets: Vec<(u64, Node)>,
        /// Where the conditions lead.
        chosen: Option<usize>,
    },
}

#[derive(Debug)]
pub struct Deployment {
    pub json: String,
    pub root: Node,
    pub targets: Vec<Target>,
    pub total_ms: Option<u64>,
    /// Saved under a slug rather than sent along.
    pub saved: bool,
    /// Targets may say that the request itself is wrong.
    pub blames: bool,
}

const PROVIDERS: &[&str] = &["openai", "anthropic", "gemini", "groq", "mistral", "cohere", "deepseek"];
/// A model that is known to take no tools.
const TOOLLESS: (&str, &str) = ("mistral", "mistral-tiny");
const MODES: &[&str] = &["single", "fallback", "fallback", "loadbalance", "conditional", "latency", "cost", "quality"];
pub const CODES: &[u16] = &[400, 401, 408, 422, 429, 500, 502, 503, 504];
/// Time in which a healthy target has answered whatever it is asked.
pub const AMPLE_MS: u64 = 400;

impl Deployment {
    pub fn drawn(chance: &Chance) -> Self {
        let mut drawing = Drawing { chance, targets: Vec::new() };
        let total_ms = chance.one_in(4).then(|| chance.within(1, 8_000));
        let (root, mut config) = drawing.node("config".to_owned(), &Terms::default(), 0);
        if let Some(ms) = total_ms {
            config.insert("total_timeout".to_owned(), json!(ms));
        }
        let (targets, saved, blames) = (drawing.targets, chance.one_in(4), chance.one_in(2));
        Self { json: Value::Object(config).to_string(), root, targets, total_ms, saved, blames }
    }

    /// One that keeps answers for so many seconds, and whose targets are a few.
    pub fn cached(chance: &Chance) -> (Self, u64) {
        let mut drawing = Drawing { chance, targets: Vec::new() };
        let (max_age_s, coalesce) = (chance.one_of(&[1, 30, 60, 600, 86_400]), chance.one_in(2));
        let mut targets = Vec::new();
        let mut nodes = Vec::new();
        for at in 0..chance.within(1, 2) {
            let mut fields = Map::new();
            nodes.push((1, drawing.leaf(format!("config.targets[{at}]"), Terms::default(), &mut fields)));
            targets.push(Value::Object(fields));
        }
        let cache = json!({"mode": chance.one_of(&["simple", "semantic"]), "max_age": max_age_s, "coalesce": coalesce});
        let config = json!({"strategy": {"mode": "fallback"}, "cache": cache, "targets": targets});
        let root = Node::Branch { mode: "fallback", codes: false, targets: nodes, chosen: None };
        (Self { json: config.to_string(), root, targets: drawing.targets, total_ms: None, saved: false, blames: false }, max_age_s)
    }

    /// The target of a URL, by its host.
    pub fn target_at(&self, url: &str) -> Option<usize> {
        let host = url.strip_prefix("https://t")?.split('.').next()?;
        host.parse().ok().filter(|at| *at < self.targets.len())
    }

    /// Whether a target may be passed over for a request with tools.
    pub fn lacks_tools(&self) -> bool {
        self.targets.iter().any(|target| target.model == TOOLLESS.1)
    }

    /// Whether there must be an answer, whatever else fails.
    pub fn must_answer(&self, node: &Node) -> bool {
        match node {
            Node::Leaf(at) => self.targets[*at].manner == Manner::Healthy,
            Node::Branch { mode: "single", targets, .. } => self.must_answer(&targets[0].1),
            Node::Branch { mode: "conditional", targets, chosen, .. } => chosen.is_some_and(|at| self.must_answer(&targets[at].1)),
            Node::Branch { mode, codes, targets, .. } => {
                let mut able = targets.iter().filter(|(weight, _)| *mode != "loadbalance" || *weight > 0);
                let goes_on = !codes && (*mode == "fallback" || !self.blames);
                if goes_on { able.any(|(_, node)| self.must_answer(node)) } else { able.all(|(_, node)| self.must_answer(node)) }
            }
        }
    }
}

struct Drawing<'a> {
    chance: &'a Chance,
    targets: Vec<Target>,
}

impl Drawing<'_> {
    fn node(&mut self, path: String, inherited: &Terms, depth: usize) -> (Node, Map<String, Value>) {
        let chance = self.chance;
        let mut fields = Map::new();
        let terms = self.terms(inherited, &mut fields);
        if depth < 3 && (depth == 0 && !chance.one_in(10) || chance.one_in(4)) {
            (self.branch(&path, &terms, depth, &mut fields), fields)
        } else {
            (self.leaf(path, terms, &mut fields), fields)
        }
    }

    fn leaf(&mut self, path: String, terms: Terms, fields: &mut Map<String, Value>) -> Node {
        let (chance, at) = (self.chance, self.targets.len());
        let plain = chance.one_in(8);
        let (provider, model) = if plain { TOOLLESS } else { (chance.one_of(PROVIDERS), "model") };
        let model = if plain { model.to_owned() } else { format!("{model}-{at}") };
        fields.insert("provider".to_owned(), json!(provider));
        fields.insert("api_key".to_owned(), json!(key(at)));
        fields.insert("custom_host".to_owned(), json!(format!("https://t{at}.example.com/v1")));
        fields.insert("override_params".to_owned(), json!({"model": model}));
        let manner = chance.one_of(&[Manner::Healthy, Manner::Flaky, Manner::Flaky, Manner::Dead]);
        self.targets.push(Target { path, provider, model, manner, terms });
        Node::Leaf(at)
    }

    fn branch(&mut self, path: &str, terms: &Terms, depth: usize, fields: &mut Map<String, Value>) -> Node {
        let chance = self.chance;
        let mode = chance.one_of(MODES);
        let mut strategy = Map::from_iter([("mode".to_owned(), json!(mode))]);
        let (mut targets, mut all) = (Vec::new(), Vec::new());
        for at in 0..chance.within(1, 4) {
            let weight = if at > 0 && chance.one_in(8) { 0 } else { chance.within(1, 5) };
            let (node, mut target) = self.node(format!("{path}.targets[{at}]"), terms, depth + 1);
            target.insert("name".to_owned(), json!(format!("n{at}")));
            target.insert("weight".to_owned(), json!(weight));
            targets.push((weight, node));
            all.push(Value::Object(target));
        }
        let codes = chance.one_in(4);
        if codes {
            strategy.insert("on_status_codes".to_owned(), json!(self.statuses()));
        }
        if chance.one_in(3) {
            let breaker = json!({"failure_threshold": chance.within(1, 4), "cooldown_interval": chance.within(1, 40_000)});
            strategy.insert("cb_config".to_owned(), breaker);
        }
        if mode == "loadbalance" && chance.one_in(3) {
            strategy.insert("sticky".to_owned(), json!({"hash_fields": ["metadata.user"]}));
        }
        let mut chosen = None;
        if mode == "conditional" {
            let (at, holds) = (chance.at(targets.len()), chance.one_in(2));
            let query = if holds { json!({"metadata.plan": "paid"}) } else { json!({"params.stream": {"$eq": "never"}}) };
            strategy.insert("conditions".to_owned(), json!([{"query": query, "then": format!("n{at}")}]));
            chosen = holds.then_some(at);
            if chance.one_in(2) {
                strategy.insert("default".to_owned(), json!("n0"));
                chosen = chosen.or(Some(0));
            }
        }
        fields.insert("strategy".to_owned(), Value::Object(strategy));
        fields.insert("targets".to_owned(), Value::Array(all));
        Node::Branch { mode, codes, targets, chosen }
    }

    fn terms(&self, inherited: &Terms, fields: &mut Map<String, Value>) -> Terms {
        let (chance, mut terms) = (self.chance, inherited.clone());
        if chance.one_in(4) {
            let (attempts, codes, keeps) = (chance.within(0, 3), chance.one_in(2).then(|| self.statuses()), !chance.one_in(3));
            let mut retry = json!({"attempts": attempts, "use_retry_after_header": keeps});
            if let Some(codes) = &codes {
                retry["on_status_codes"] = json!(codes);
            }
            fields.insert("retry".to_owned(), retry);
            (terms.retries, terms.retry_codes, terms.keeps_to_retry_after) = (u32::try_from(attempts).unwrap(), codes, keeps);
        }
        let bounds = [
            ("request_timeout", &mut terms.request_ms),
            ("first_token_timeout", &mut terms.first_token_ms),
            ("idle_timeout", &mut terms.idle_ms),
        ];
        for (name, bound) in bounds {
            if chance.one_in(5) {
                let ms = chance.within(AMPLE_MS, 20_000);
                fields.insert(name.to_owned(), json!(ms));
                *bound = Some(ms);
            }
        }
        terms
    }

    fn statuses(&self) -> Vec<u16> {
        CODES.iter().copied().filter(|_| self.chance.one_in(2)).collect()
    }
}

/// The key of a target, and of no other.
pub fn key(at: usize) -> String {
    format!("key-of-t{at}-only")
}

/// What a target speaks at such an address.
pub fn spoken_at(url: &str) -> Dialect {
    let at = |end: &str| url.split('?').next().unwrap().ends_with(end);
    match url {
        _ if at("/chat/completions") => Dialect::Chat,
        _ if at("/responses") => Dialect::Responses,
        _ if at("/messages") => Dialect::Messages,
        _ if url.contains("enerateContent") => Dialect::Gemini,
        _ if at("/v2/chat") => Dialect::Cohere,
        _ => panic!("nobody knows what is spoken at {url}"),
    }
}
