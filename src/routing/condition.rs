//! Conditions over a request: `{"metadata.plan": "paid", "params.max_tokens": {"$gt": 1000}}`. Several keys in one
//! object mean and. What is not there equals nothing, and differs from everything.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::section::wrong;
use crate::spelling;
use crate::wire::lean;

#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Field { name: String, test: Test },
}

/// What is asked of one field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Is(Fact),
    IsNot(Fact),
    Greater(f64),
    GreaterOrEqual(f64),
    Less(f64),
    LessOrEqual(f64),
    In(Vec<Fact>),
    NotIn(Vec<Fact>),
    Matches(Pattern),
    Exists(bool),
    Not(Box<Test>),
    All(Vec<Test>),
}

/// A value of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Text(String),
    Number(f64),
    Flag(bool),
    /// A list or an object: all that is known of it is that it is there.
    Other,
}

#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// Fields that conditions may ask for; those that end with a dot have names of their own below.
const FIELDS: &[&str] = &["metadata.", "params.", "headers.", "url.pathname", "model", "provider", "key.", "geo.country"];
/// Those between conditions, and those that ask of one field.
const JOINTS: &[&str] = &["$and", "$or", "$not"];
const OPERATORS: &[&str] = &["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exists", "$not"];
const DEEPEST: usize = 16;
const LARGEST_PATTERN: usize = 64 << 10;
/// Regular expressions in a config: a short text may grow to a large machine.
const MOST_PATTERNS: usize = 100;

impl Condition {
    pub fn parse(json: &RawValue, path: &str) -> Result<Self> {
        Reading::default().condition(json, path)
    }

    pub fn holds(&self, fact: &dyn Fn(&str) -> Option<Fact>) -> bool {
        match self {
            Condition::All(all) => all.iter().all(|condition| condition.holds(fact)),
            Condition::Any(any) => any.iter().any(|condition| condition.holds(fact)),
            Condition::Not(condition) => !condition.holds(fact),
            Condition::Field { name, test } => test.passes(fact(name).as_ref()),
        }
    }
}

impl Test {
    fn passes(&self, fact: Option<&Fact>) -> bool {
        let among = |list: &[Fact]| fact.is_some_and(|fact| list.iter().any(|one| one.is(fact)));
        let compared = |holds: fn(f64, f64) -> bool, bound: f64| fact.and_then(Fact::number).is_some_and(|number| holds(number, bound));
        match self {
            Test::Is(wanted) => fact.is_some_and(|fact| wanted.is(fact)),
            Test::IsNot(wanted) => !fact.is_some_and(|fact| wanted.is(fact)),
            Test::Greater(bound) => compared(|left, right| left > right, *bound),
            Test::GreaterOrEqual(bound) => compared(|left, right| left >= right, *bound),
            Test::Less(bound) => compared(|left, right| left < right, *bound),
            Test::LessOrEqual(bound) => compared(|left, right| left <= right, *bound),
            Test::In(list) => among(list),
            Test::NotIn(list) => !among(list),
            Test::Matches(Pattern(pattern)) => fact.and_then(Fact::text).is_some_and(|text| pattern.is_match(&text)),
            Test::Exists(wanted) => fact.is_some() == *wanted,
            Test::Not(test) => !test.passes(fact),
            Test::All(tests) => tests.iter().all(|test| test.passes(fact)),
        }
    }
}

impl Fact {
    /// Equal in what they say: metadata are strings even where they are meant as numbers.
    fn is(&self, other: &Fact) -> bool {
        match (self, other) {
            (Fact::Text(one), Fact::Text(other)) => one == other,
            (Fact::Flag(one), Fact::Flag(other)) => one == other,
            (Fact::Flag(flag), Fact::Text(text)) | (Fact::Text(text), Fact::Flag(flag)) => *text == flag.to_string(),
            (Fact::Other, _) | (_, Fact::Other) => false,
            _ => matches!((self.number(), other.number()), (Some(one), Some(other)) if one == other),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Fact::Number(number) => Some(*number),
            // `inf` and `nan` are words here.
            Fact::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Fact::Flag(_) | Fact::Other => None,
        }
    }

    fn text(&self) -> Option<std::borrow::Cow<'_, str>> {
        match self {
            Fact::Text(text) => Some(text.into()),
            Fact::Number(number) => Some(number.to_string().into()),
            Fact::Flag(flag) => Some(flag.to_string().into()),
            Fact::Other => None,
        }
    }

    /// A JSON value; `null` is nothing.
    pub fn of(value: &Value) -> Option<Fact> {
        match value {
            Value::Null => None,
            Value::Bool(flag) => Some(Fact::Flag(*flag)),
            Value::Number(number) => number.as_f64().map(Fact::Number),
            Value::String(text) => Some(Fact::Text(text.clone())),
            Value::Array(_) | Value::Object(_) => Some(Fact::Other),
        }
    }
}

/// Reads the conditions of one config.
#[derive(Default)]
pub(super) struct Reading {
    patterns: usize,
}

impl Reading {
    pub(super) fn condition(&mut self, json: &RawValue, path: &str) -> Result<Condition> {
        let value: Value = lean::from_str(json.get()).map_err(|_| wrong(path, "an object"))?;
        self.all(&value, path, 0)
    }

    fn all(&mut self, value: &Value, path: &str, depth: usize) -> Result<Condition> {
        let object = value.as_object().ok_or_else(|| wrong(path, "an object"))?;
        not_too_deep(path, depth)?;
        let mut all = Vec::with_capacity(object.len());
        for (name, value) in object {
            let place = format!("{path}.{name}");
            all.push(match name.as_str() {
                "$and" => Condition::All(self.list(value, &place, depth)?),
                "$or" => Condition::Any(self.list(value, &place, depth)?),
                "$not" => Condition::Not(Box::new(self.all(value, &place, depth + 1)?)),
                _ => {
                    known(name, &place, JOINTS)?;
                    Condition::Field { test: self.test(value, &place, depth)?, name: name.clone() }
                }
            });
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
    }

    fn list(&mut self, value: &Value, path: &str, depth: usize) -> Result<Vec<Condition>> {
        let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(|| wrong(path, "a list of conditions"))?;
        list.iter().enumerate().map(|(at, value)| self.all(value, &format!("{path}[{at}]"), depth + 1)).collect()
    }

    fn test(&mut self, value: &Value, path: &str, depth: usize) -> Result<Test> {
        let what = "a value, or an object with operators";
        let Some(object) = value.as_object() else {
            return scalar(value).map(Test::Is).ok_or_else(|| wrong(path, what));
        };
        not_too_deep(path, depth)?;
        let mut tests = Vec::with_capacity(object.len());
        for (operator, value) in object {
            tests.push(self.operation(operator, value, &format!("{path}.{operator}"), depth)?);
        }
        match tests.len() {
            0 => Err(wrong(path, what)),
            1 => Ok(tests.remove(0)),
            _ => Ok(Test::All(tests)),
        }
    }

    fn operation(&mut self, operator: &str, value: &Value, path: &str, depth: usize) -> Result<Test> {
        let fact = || scalar(value).ok_or_else(|| wrong(path, "a string, a number, true or false"));
        let number = || Fact::of(value).and_then(|fact| fact.number()).ok_or_else(|| wrong(path, "a number"));
        let list = || {
            let facts = value.as_array().and_then(|list| list.iter().map(scalar).collect::<Option<Vec<_>>>());
            facts.ok_or_else(|| wrong(path, "a list of strings, numbers, true or false"))
        };
        Ok(match operator {
            "$eq" => Test::Is(fact()?),
            "$ne" => Test::IsNot(fact()?),
            "$gt" => Test::Greater(number()?),
            "$gte" => Test::GreaterOrEqual(number()?),
            "$lt" => Test::Less(number()?),
            "$lte" => Test::LessOrEqual(number()?),
            "$in" => Test::In(list()?),
            "$nin" => Test::NotIn(list()?),
            "$exists" => Test::Exists(value.as_bool().ok_or_else(|| wrong(path, "true or false"))?),
            "$not" => Test::Not(Box::new(self.test(value, path, depth + 1)?)),
            "$regex" => self.pattern(value, path)?,
            _ => {
                let hint = spelling::hint(operator, OPERATORS.iter().copied());
                let message = format!("{path}: there is no operator `{operator}` for a field.{hint}");
                return Err(Error::invalid(message).with_param(path));
            }
        })
    }

    fn pattern(&mut self, value: &Value, path: &str) -> Result<Test> {
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            let message = format!("{path}: there are at most {MOST_PATTERNS} regular expressions in a config.");
            return Err(Error::invalid(message).with_param(path));
        }
        let text = value.as_str().ok_or_else(|| wrong(path, "a regular expression"))?;
        let pattern = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
        let pattern = pattern.map_err(|error| Error::invalid(format!("{path}: {error}.")).with_param(path))?;
        Ok(Test::Matches(Pattern(pattern)))
    }
}

fn scalar(value: &Value) -> Option<Fact> {
    Fact::of(value).filter(|fact| *fact != Fact::Other)
}

fn not_too_deep(path: &str, depth: usize) -> Result<()> {
    let message = || format!("{path}: conditions are nested at most {DEEPEST} deep.");
    if depth > DEEPEST { Err(Error::invalid(message()).with_param(path)) } else { Ok(()) }
}

/// Whether there is such a field; or else one of these operators may have been meant.
pub(super) fn known(name: &str, path: &str, operators: &[&'static str]) -> Result<()> {
    let matches = |field: &str| if field.ends_with('.') { name.len() > field.len() && name.starts_with(field) } else { name == field };
    if FIELDS.iter().any(|field| matches(field)) {
        return Ok(());
    }
    let hint = if name.starts_with('$') {
        spelling::hint(name, operators.iter().copied())
    } else {
        // Below a dot the names are the caller's own.
        let (above, below) = name.split_at(name.find('.').map_or(name.len(), |dot| dot + 1));
        let near = spelling::nearest(above, FIELDS.iter().copied());
        near.map(|near| format!(" Did you mean `{near}{}`?", if near.ends_with('.') { below } else { "" })).unwrap_or_default()
    };
    let words = FIELDS.iter().map(|field| if field.ends_with('.') { format!("{field}NAME") } else { (*field).to_owned() });
    let words = words.collect::<Vec<_>>().join(", ");
    Err(Error::invalid(format!("{path}: there is no `{name}`.{hint} What may be asked for: {words}.")).with_param(path))
}
