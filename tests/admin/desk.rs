//! A registry of a test's own, and what to ask of it.

use std::collections::BTreeMap;

use causeway::admin::outbox::{self, Due, Effect};
use causeway::admin::{self, Actor, Answer, Chance, Request, Role};
use causeway::policy::vault::Vault;
use serde_json::Value;

use crate::described;

pub const START: u64 = 1_795_219_200_000;
pub const MASTER: &str = "the master key of these tests";

pub struct Registry {
    pub rows: BTreeMap<String, String>,
    pub now: u64,
    pub actor: Actor,
    pub masters: Vec<String>,
    pub drawn: u8,
    /// What is asked is not held against the description.
    pub unchecked: bool,
}

impl Default for Registry {
    fn default() -> Self {
        let actor = Actor::of("admin", Role::Owner);
        Self { rows: BTreeMap::new(), now: START, actor, masters: vec![MASTER.to_owned()], drawn: 0, unchecked: false }
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    pub etag: String,
    pub json: Value,
    pub raw: Answer,
}

impl Registry {
    pub fn request(&self, method: &str, path: &str, body: &str) -> Request {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: body.to_owned(),
            actor: self.actor.clone(),
            ..Request::default()
        }
    }

    pub fn ask(&mut self, request: &Request) -> Said {
        self.drawn = self.drawn.wrapping_add(1);
        let vault = Vault::of(self.masters.iter().map(String::as_str));
        let before = self.rows.clone();
        let raw = admin::answer(&mut self.rows, request, &vault, &mut Chance::of([self.drawn; 32]), self.now);
        if raw.status >= 400 {
            assert_eq!(self.rows, before, "what is refused changes nothing: {} {}", request.method, request.path);
        }
        let json =
            if raw.body.is_empty() { Value::Null } else { serde_json::from_str(&raw.body).unwrap_or_else(|_| panic!("{}", raw.body)) };
        if !self.unchecked {
            described::check(&request.method, &request.path, &request.body, raw.status, &json);
        }
        Said { status: raw.status, etag: raw.etag.clone().unwrap_or_default(), json, raw }
    }

    pub fn get(&mut self, path: &str) -> Said {
        self.ask(&self.request("GET", path, ""))
    }

    pub fn post(&mut self, path: &str, body: &str) -> Said {
        self.ask(&self.request("POST", path, body))
    }

    pub fn patch(&mut self, path: &str, body: &str) -> Said {
        self.ask(&self.request("PATCH", path, body))
    }

    pub fn delete(&mut self, path: &str) -> Said {
        self.ask(&self.request("DELETE", path, ""))
    }

    pub fn as_actor(&mut self, actor: Actor) -> &mut Self {
        self.actor = actor;
        self
    }

    /// Tells all there is to tell.
    pub fn tell(&mut self) -> Vec<Effect> {
        let due = outbox::due(&self.rows, 1_000);
        for Due { mark, stamp, .. } in &due {
            outbox::done(&mut self.rows, mark, stamp);
        }
        due.into_iter().map(|due| due.effect).collect()
    }

    /// What the storage that requests read is told of a key.
    pub fn stored(&mut self, wanted: &str) -> Option<String> {
        self.tell().into_iter().find_map(|effect| match effect {
            Effect::Put { key, value } if key == wanted => Some(value),
            _ => None,
        })
    }
}

impl Said {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.raw.body);
        self
    }

    pub fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.json))
    }

    pub fn param(&self) -> &str {
        self.json["error"]["param"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }

    pub fn data(&self) -> &[Value] {
        self.json["data"].as_array().unwrap()
    }
}
