//! What is asked of the admin API, by whom, and what it answers.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::policy::holder::{Key, SCOPES, Scope};
use crate::wire::Dialect;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// After `/admin/v1`.
    pub path: String,
    /// Without its question mark.
    #[serde(default)]
    pub query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_match: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    #[serde(default)]
    pub body: String,
    pub actor: Actor,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// JSON, or nothing.
    #[serde(default)]
    pub body: String,
    /// It was given before, to the same request.
    #[serde(default)]
    pub repeated: bool,
    /// What it changed and has to be told elsewhere: names of rows of the outbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// It takes something away, which holds only when the meters know.
    #[serde(default)]
    pub takes_away: bool,
    /// What has not heard of it yet, and will: `kv`, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pending: String,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// As the log of changes has it.
    pub name: String,
    pub role: Role,
    /// What it may grant to a key.
    #[serde(default)]
    pub scopes: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees what its own teams use, and nothing else.
    #[default]
    Member,
    /// Sees everything.
    Viewer,
    /// And changes it, but gives nobody a right to the admin API.
    Editor,
    /// And gives that too.
    Owner,
}

impl Actor {
    /// Somebody known by name, who has a role.
    pub fn of(name: &str, role: Role) -> Self {
        let may = |scope: &Scope| match role {
            Role::Owner => true,
            Role::Editor => !is_admin(*scope),
            Role::Member | Role::Viewer => false,
        };
        let scopes = SCOPES.iter().filter(|(_, scope)| may(scope)).map(|(word, _)| (*word).to_owned()).collect();
        Self { name: name.to_owned(), role, scopes }
    }

    /// The e-mail address of somebody who came through Cloudflare Access.
    pub fn email(&self) -> Option<&str> {
        self.name.strip_prefix("access:")
    }

    /// Whoever shows a caller's key that has a right to the admin API.
    pub fn of_key(key: &Key) -> Option<Self> {
        let role = match () {
            () if key.may(Scope::AdminWrite) => Role::Editor,
            () if key.may(Scope::AdminRead) => Role::Viewer,
            () => return None,
        };
        let Self { name, role, mut scopes } = Self::of(&format!("key:{}", key.id), role);
        scopes.retain(|word| SCOPES.iter().any(|(known, scope)| known == word && key.may(*scope)));
        Some(Self { name, role, scopes })
    }
}

fn is_admin(scope: Scope) -> bool {
    matches!(scope, Scope::AdminRead | Scope::AdminWrite)
}

impl Answer {
    pub fn of(status: u16, body: String) -> Self {
        Self { status, body, ..Self::default() }
    }

    /// An error, in OpenAI's shape.
    pub fn refuse(error: &Error) -> Self {
        let body = (Dialect::Chat.inbound().encode_error)(error, "");
        Self::of(error.status, String::from_utf8(body).unwrap_or_default())
    }

    #[must_use]
    pub fn with_version(mut self, version: u64) -> Self {
        self.etag = Some(etag(version));
        self
    }
}

pub fn etag(version: u64) -> String {
    format!("\"{version}\"")
}
