//! Conditions over a request: `{"metadata.plan": "paid", "params.max_tokens": {"$gt": 1000}}`. Several keys in one
//! object mean and. What is not there equals nothing, and differs from everything.

use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use serde_json::value::RawValue;

use super::section::wrong;
use crate::error::{Error, Result};
use crate::spelling;

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
const OPERATORS: &[&str] = &["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$regex", "$exists", "$not", "$and", "$or"];
const DEEPEST: usize = 16;
const LARGEST_PATTERN: usize = 64 << 10;

impl Condition {
    pub fn parse(json: &RawValue, path: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(json.get()).map_err(|_| wrong(path, "an object"))?;
        condition(&value, path, 0)
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
            Fact::Text(text) => text.trim().parse().ok(),
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

fn condition(value: &Value, path: &str, depth: usize) -> Result<Condition> {
    let Some(object) = value.as_object().filter(|_| depth <= DEEPEST) else {
        return Err(wrong(path, &format!("an object, nested at most {DEEPEST} deep")));
    };
    let mut all = Vec::with_capacity(object.len());
    for (name, value) in object {
        let place = format!("{path}.{name}");
        all.push(match name.as_str() {
            "$and" => Condition::All(conditions(value, &place, depth)?),
            "$or" => Condition::Any(conditions(value, &place, depth)?),
            "$not" => Condition::Not(Box::new(condition(value, &place, depth + 1)?)),
            _ => Condition::Field { test: test(value, &known(name, &place)?, depth)?, name: name.clone() },
        });
    }
    Ok(if all.len() == 1 { all.remove(0) } else { Condition::All(all) })
}

fn conditions(value: &Value, path: &str, depth: usize) -> Result<Vec<Condition>> {
    let list = value.as_array().filter(|list| !list.is_empty()).ok_or_else(|| wrong(path, "a list of conditions"))?;
    list.iter().enumerate().map(|(at, value)| condition(value, &format!("{path}[{at}]"), depth + 1)).collect()
}

/// A name that a condition may ask for; gives back its place.
fn known(name: &str, path: &str) -> Result<String> {
    let matches = |field: &str| if field.ends_with('.') { name.len() > field.len() && name.starts_with(field) } else { name == field };
    if FIELDS.iter().any(|field| matches(field)) {
        return Ok(path.to_owned());
    }
    let known = if name.starts_with('$') { OPERATORS } else { FIELDS };
    let hint = spelling::hint(name, known.iter().copied());
    let words: Vec<String> =
        FIELDS.iter().map(|field| if field.ends_with('.') { format!("{field}NAME") } else { (*field).to_owned() }).collect();
    let message = format!("{path}: conditions ask for {}; there is no `{name}`.{hint}", words.join(", "));
    Err(Error::invalid(message).with_param(path))
}

fn test(value: &Value, path: &str, depth: usize) -> Result<Test> {
    let Some(object) = value.as_object() else {
        let fact = Fact::of(value).filter(|fact| *fact != Fact::Other);
        return fact.map(Test::Is).ok_or_else(|| wrong(path, "a value, or an object with operators"));
    };
    if object.is_empty() || depth > DEEPEST {
        return Err(wrong(path, "a value, or an object with operators"));
    }
    let mut tests = object
        .iter()
        .map(|(operator, value)| operation(operator, value, &format!("{path}.{operator}"), depth))
        .collect::<Result<Vec<_>>>()?;
    Ok(if tests.len() == 1 { tests.remove(0) } else { Test::All(tests) })
}

fn operation(operator: &str, value: &Value, path: &str, depth: usize) -> Result<Test> {
    let scalar = || Fact::of(value).filter(|fact| *fact != Fact::Other).ok_or_else(|| wrong(path, "a string, a number, true or false"));
    let number = || Fact::of(value).and_then(|fact| fact.number()).ok_or_else(|| wrong(path, "a number"));
    let list = || {
        let list = value.as_array().ok_or_else(|| wrong(path, "a list"))?;
        let facts = list.iter().map(|value| Fact::of(value).filter(|fact| *fact != Fact::Other));
        facts.collect::<Option<Vec<_>>>().ok_or_else(|| wrong(path, "a list of strings, numbers, true or false"))
    };
    Ok(match operator {
        "$eq" => Test::Is(scalar()?),
        "$ne" => Test::IsNot(scalar()?),
        "$gt" => Test::Greater(number()?),
        "$gte" => Test::GreaterOrEqual(number()?),
        "$lt" => Test::Less(number()?),
        "$lte" => Test::LessOrEqual(number()?),
        "$in" => Test::In(list()?),
        "$nin" => Test::NotIn(list()?),
        "$exists" => Test::Exists(value.as_bool().ok_or_else(|| wrong(path, "true or false"))?),
        "$not" => Test::Not(Box::new(test(value, path, depth + 1)?)),
        "$regex" => {
            let text = value.as_str().ok_or_else(|| wrong(path, "a regular expression"))?;
            let pattern = RegexBuilder::new(text).size_limit(LARGEST_PATTERN).build();
            Test::Matches(Pattern(pattern.map_err(|error| Error::invalid(format!("{path}: {error}")).with_param(path))?))
        }
        _ => {
            let hint = spelling::hint(operator, OPERATORS.iter().copied());
            return Err(Error::invalid(format!("{path}: there is no operator `{operator}`.{hint}")).with_param(path));
        }
    })
}
