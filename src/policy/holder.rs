//! Who limits and rights are attached to: a caller's key, a team, a provider's credential. Their definitions are JSON,
//! written by the admin API, kept by the holder's meter and in the storage.

use std::collections::BTreeMap;

use super::rules::Rules;
use super::secret::{self, Shown};
use crate::error::Result;
use crate::providers::{self, Provider};
use crate::section::{Section, wrong};
use crate::wire::lean;

/// The longest list of names in a definition.
const MOST_NAMES: usize = 256;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    Inference,
    AdminRead,
    AdminWrite,
    Logs,
}

pub const SCOPES: &[(&str, Scope)] =
    &[("inference", Scope::Inference), ("admin:read", Scope::AdminRead), ("admin:write", Scope::AdminWrite), ("logs", Scope::Logs)];

impl Scope {
    pub fn word(self) -> &'static str {
        SCOPES.iter().find(|(_, scope)| *scope == self).map_or("", |(word, _)| word)
    }
}

/// A caller's key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub id: String,
    pub name: String,
    /// Grows with each change.
    pub version: u64,
    pub team: Option<String>,
    pub scopes: Vec<Scope>,
    pub allow: Allow,
    pub default_config: Option<String>,
    pub metadata: Metadata,
    pub rules: Rules,
    /// Milliseconds since 1970.
    pub expires_at: Option<u64>,
    /// The hashes of the keys that are this one: after a rotation, for a while, two.
    secrets: Vec<Secret>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Secret {
    hash: String,
    until: Option<u64>,
}

/// What may be used: all of it where nothing is said, none where a list is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    pub providers: Option<Vec<String>>,
    /// With `*` for any letters: `gpt-4o*`, `anthropic/*`.
    pub models: Option<Vec<String>>,
    pub credentials: Option<Vec<String>>,
    pub configs: Option<Vec<String>>,
}

/// What a caller's metadata has to hold, and what it holds where the caller says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub default: BTreeMap<String, String>,
    pub required: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    pub slug: String,
    pub name: String,
    pub version: u64,
    pub default_config: Option<String>,
    pub rules: Rules,
    /// E-mail addresses of people who may look at what the team uses.
    pub members: Vec<String>,
}

/// How a provider lets one in.
#[derive(Clone, Debug)]
pub struct Credential {
    pub slug: String,
    pub version: u64,
    pub provider: &'static Provider,
    /// Sealed.
    pub secret: String,
    /// What the provider needs to know besides, by the names of the headers: `aws-region`.
    pub settings: BTreeMap<String, String>,
    pub models: Option<Vec<String>>,
    pub rules: Rules,
    /// Of several of one provider the least is taken first.
    pub priority: u64,
}

impl Key {
    pub fn parse(json: &str) -> Result<Self> {
        let mut section = Section::parse(json, "key")?;
        let key = Self {
            id: section.text("id")?.unwrap_or_default(),
            version: section.count("version", 0, u64::MAX)?.unwrap_or_default(),
            name: section.text("name")?.unwrap_or_default(),
            team: section.text("team")?,
            scopes: scopes(&mut section)?,
            allow: section.section("allow")?.map(Allow::read).transpose()?.unwrap_or_default(),
            default_config: section.text("default_config")?,
            metadata: section.section("metadata")?.map(Metadata::read).transpose()?.unwrap_or_default(),
            rules: Rules::read(&mut section)?,
            expires_at: section.time("expires_at")?,
            secrets: section.items("secrets")?.unwrap_or_default().into_iter().map(Secret::read).collect::<Result<_>>()?,
        };
        section.end()?;
        Ok(key)
    }

    /// Whether this is the key that was shown, and still is.
    pub fn is(&self, shown: &Shown, now: u64) -> bool {
        let good = |secret: &&Secret| secret.until.is_none_or(|until| now < until);
        let mut good = self.secrets.iter().filter(good);
        self.id == shown.id && good.any(|secret| secret::equal(secret.hash.as_bytes(), shown.hash.as_bytes()))
    }

    pub fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

impl Secret {
    fn read(mut section: Section<'_>) -> Result<Self> {
        let secret = Self { hash: section.text("hash")?.unwrap_or_default(), until: section.time("until")? };
        section.end()?;
        Ok(secret)
    }
}

/// For inference alone where nothing is said.
fn scopes(section: &mut Section<'_>) -> Result<Vec<Scope>> {
    let path = section.path_of("scopes");
    let Some(words) = section.texts("scopes")? else { return Ok(vec![Scope::Inference]) };
    let known = || SCOPES.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let scope = |word: &String| SCOPES.iter().find(|(known, _)| known == word).map(|(_, scope)| *scope);
    words.iter().map(|word| scope(word).ok_or_else(|| wrong(&path, &format!("a list of {}", known())))).collect()
}

fn names(section: &mut Section<'_>, name: &'static str) -> Result<Option<Vec<String>>> {
    let names = section.texts(name)?;
    match names {
        Some(names) if names.len() > MOST_NAMES || names.iter().any(|name| name.is_empty() || name.len() > 256) => {
            Err(wrong(&section.path_of(name), &format!("at most {MOST_NAMES} names")))
        }
        names => Ok(names),
    }
}

impl Allow {
    fn read(mut section: Section<'_>) -> Result<Self> {
        let path = section.path_of("providers");
        let providers = names(&mut section, "providers")?;
        let slug =
            |name: &String| providers::find(name).map(|known| known.slug.to_owned()).ok_or_else(|| wrong(&path, "slugs of providers"));
        let bare = |names: Vec<String>| names.into_iter().map(|name| name.trim_start_matches('@').to_owned()).collect();
        let allow = Self {
            providers: providers.map(|names| names.iter().map(slug).collect::<Result<Vec<_>>>()).transpose()?,
            models: names(&mut section, "models")?,
            credentials: names(&mut section, "credentials")?.map(bare),
            configs: names(&mut section, "configs")?,
        };
        section.end()?;
        Ok(allow)
    }

    pub fn provider(&self, slug: &str) -> bool {
        listed(self.providers.as_ref(), slug)
    }

    pub fn model(&self, provider: &str, model: &str) -> bool {
        lists_model(self.models.as_ref(), provider, model)
    }

    pub fn credential(&self, slug: &str) -> bool {
        listed(self.credentials.as_ref(), slug)
    }

    pub fn config(&self, slug: &str) -> bool {
        listed(self.configs.as_ref(), slug)
    }
}

fn listed(list: Option<&Vec<String>>, name: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|known| known == name))
}

/// By its own name or the provider's and its own.
pub fn lists_model(list: Option<&Vec<String>>, provider: &str, model: &str) -> bool {
    let whole = || format!("{provider}/{model}");
    list.is_none_or(|list| list.iter().any(|glob| matches(glob, model) || matches(glob, &whole())))
}

/// Whether a text is of this pattern, in which `*` stands for any letters.
pub fn matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Metadata {
    fn read(mut section: Section<'_>) -> Result<Self> {
        let path = section.path_of("default");
        let text = |(name, raw): (String, String)| match lean::from_str(&raw) {
            Ok(text) => Ok((name, text)),
            Err(_) => Err(wrong(&format!("{path}.{name}"), "a string")),
        };
        let default = section.object("default")?.into_iter().map(text).collect::<Result<_>>()?;
        let metadata = Self { default, required: names(&mut section, "required")?.unwrap_or_default() };
        section.end()?;
        Ok(metadata)
    }
}

impl Team {
    pub fn parse(json: &str) -> Result<Self> {
        let mut section = Section::parse(json, "team")?;
        let team = Self {
            slug: section.text("slug")?.unwrap_or_default(),
            version: section.count("version", 0, u64::MAX)?.unwrap_or_default(),
            name: section.text("name")?.unwrap_or_default(),
            default_config: section.text("default_config")?,
            rules: Rules::read(&mut section)?,
            members: names(&mut section, "members")?.unwrap_or_default(),
        };
        section.end()?;
        Ok(team)
    }
}

impl Credential {
    pub fn parse(json: &str) -> Result<Self> {
        let mut section = Section::parse(json, "credential")?;
        let path = section.path_of("provider");
        let provider = section.text("provider")?.unwrap_or_default();
        let provider = providers::find(&provider).ok_or_else(|| wrong(&path, "the slug of a provider"))?;
        let path = section.path_of("settings");
        let setting = |(name, raw): (String, String)| match lean::from_str::<String>(&raw) {
            Ok(text) if text.len() <= 4_096 => Ok((name.replace('_', "-"), text)),
            _ => Err(wrong(&format!("{path}.{name}"), "a string")),
        };
        let mut allow = section.section("allow")?;
        let models = allow.as_mut().map(|allow| names(allow, "models")).transpose()?.flatten();
        allow.map(Section::end).transpose()?;
        let credential = Self {
            slug: section.text("slug")?.unwrap_or_default(),
            version: section.count("version", 0, u64::MAX)?.unwrap_or_default(),
            provider,
            secret: section.text("secret")?.unwrap_or_default(),
            settings: section.object("settings")?.into_iter().map(setting).collect::<Result<_>>()?,
            models,
            rules: Rules::read(&mut section)?,
            priority: section.count("priority", 0, 1_000_000)?.unwrap_or(100),
        };
        section.end()?;
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_letters() {
        for (glob, text, expected) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("*", "", true),
            ("*-mini", "gpt-4o-mini", true),
            ("gpt*mini", "gpt-4o-mini", true),
            ("gpt*mini", "gpt-mini-4o", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*a", "a", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(glob, text), expected, "{glob} {text}");
        }
    }

    #[test]
    fn a_key_knows_itself_and_its_former_self_for_a_while() {
        let (now, before) = (secret::mint("0123456789ab", [1; 32]), secret::mint("0123456789ab", [2; 32]));
        let json = format!(
            r#"{{"id":"0123456789ab","name":"n","version":3,"secrets":[{{"hash":"{}"}},{{"hash":"{}","until":"2026-11-21T10:00:00Z"}}]}}"#,
            secret::hash(&now),
            secret::hash(&before)
        );
        let key = Key::parse(&json).unwrap();
        let end = 1_795_255_200_000;
        let is = |text: &str, at: u64| key.is(&secret::read(text).unwrap(), at);
        assert!(is(&now, end) && is(&before, end - 1) && !is(&before, end));
        assert!(!is(&secret::mint("0123456789ab", [3; 32]), 0));
        assert_eq!(key.scopes, [Scope::Inference]);
    }
}
