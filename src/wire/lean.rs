//! Reads JSON as serde would, but structs from objects alone. What serde derives could read each of them from a list of
//! its fields too: no API sends such lists, and the code for them was a twentieth of the Worker.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor};

/// All of a text as one value.
pub fn from_str<'a, T: Deserialize<'a>>(text: &'a str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = T::deserialize(Lean(&mut reader))?;
    reader.end()?;
    Ok(value)
}

/// A reader, a visitor, an access or a seed, with all that it leads to.
struct Lean<T>(T);

/// What leads no further is left to the reader itself.
macro_rules! read {
    ($($plain:ident)* ; $($within:ident($($name:ident: $kind:ty),*) as $inner:ident($($given:ident),*);)*) => {
        $(fn $plain<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, R::Error> {
            self.0.$plain(visitor)
        })*
        $(fn $within<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, R::Error> {
            self.0.$inner($($given,)* Lean(visitor))
        })*
    };
}

impl<'de, R: Deserializer<'de>> Deserializer<'de> for Lean<R> {
    type Error = R::Error;

    read! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
        deserialize_ignored_any;
        deserialize_any() as deserialize_any();
        deserialize_option() as deserialize_option();
        deserialize_seq() as deserialize_seq();
        deserialize_map() as deserialize_map();
        deserialize_unit_struct(_name: &'static str) as deserialize_unit();
        deserialize_newtype_struct(name: &'static str) as deserialize_newtype_struct(name);
        deserialize_tuple(length: usize) as deserialize_tuple(length);
        deserialize_tuple_struct(name: &'static str, length: usize) as deserialize_tuple_struct(name, length);
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str]) as deserialize_map();
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) as deserialize_enum(name, variants);
    }
}

macro_rules! visit {
    ($($method:ident($kind:ty))*) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.0.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Lean<V> {
    type Value = V::Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(formatter)
    }

    visit! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64) visit_char(char)
        visit_str(&str) visit_borrowed_str(&'de str) visit_string(String) visit_bytes(&[u8]) visit_borrowed_bytes(&'de [u8])
        visit_byte_buf(Vec<u8>)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<R: Deserializer<'de>>(self, reader: R) -> Result<V::Value, R::Error> {
        self.0.visit_some(Lean(reader))
    }

    fn visit_newtype_struct<R: Deserializer<'de>>(self, reader: R) -> Result<V::Value, R::Error> {
        self.0.visit_newtype_struct(Lean(reader))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(Lean(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(Lean(object))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, choice: A) -> Result<V::Value, A::Error> {
        self.0.visit_enum(Lean(choice))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Lean<S> {
    type Value = S::Value;

    fn deserialize<R: Deserializer<'de>>(self, reader: R) -> Result<S::Value, R::Error> {
        self.0.deserialize(Lean(reader))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Lean<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_element_seed(Lean(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Lean<A> {
    type Error = A::Error;

    /// Names lead no further.
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Lean(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Lean<A> {
    type Error = A::Error;
    type Variant = Lean<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (value, variant) = self.0.variant_seed(seed)?;
        Ok((value, Lean(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Lean<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.0.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.0.newtype_variant_seed(Lean(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, Lean(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, Lean(visitor))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::Value;
    use serde_json::value::RawValue;

    #[derive(Debug, PartialEq, Deserialize)]
    struct All {
        flag: bool,
        small: i8,
        large: u128,
        below: i128,
        float: f64,
        sign: char,
        text: String,
        nothing: (),
        maybe: Option<Within>,
        list: Vec<Within>,
        names: BTreeMap<String, Within>,
        pair: (bool, u16),
        wrapped: Wrapped,
        kind: Kind,
        kinds: Vec<Kind>,
        any: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Within {
        one: u8,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(Box<Within>);

    #[derive(Debug, PartialEq, Deserialize)]
    enum Kind {
        Plain,
        Of(Within),
        Two(u8, u8),
        Named { one: u8 },
    }

    const ALL: &str = r#"{
        "flag": true, "small": -1, "large": 340282366920938463463374607431768211455, "below": -170141183460469231731687303715884105728,
        "float": 0.5, "sign": "ß", "text": "a\n", "nothing": null, "maybe": {"one": 1}, "list": [{"one": 1}, {"one": 2, "two": [{}]}],
        "names": {"a": {"one": 1}}, "pair": [false, 9], "wrapped": {"one": 3}, "kind": "Plain",
        "kinds": ["Plain", {"Of": {"one": 4}}, {"Two": [5, 6]}, {"Named": {"one": 7}}], "any": {"a": [1, -2, 3.5, "x", null, {"b": true}]}
    }"#;

    fn same<T: DeserializeOwned + Debug + PartialEq>(text: &str) {
        let (ours, theirs) = (super::from_str::<T>(text), serde_json::from_str::<T>(text));
        assert_eq!(ours.map_err(|error| error.to_string()), theirs.map_err(|error| error.to_string()));
    }

    #[test]
    fn all_but_lists_is_read_as_serde_reads_it() {
        assert!(super::from_str::<All>(ALL).is_ok());
        same::<All>(ALL);
        for text in ["", "{", "null", "7", r#"{"one": 1}, 2"#, r#"{"one": 300}"#, r#"{"one": "1"}"#, "{}", r#"{"one": 1, "one": 2}"#] {
            same::<Within>(text);
            same::<Option<Within>>(text);
            same::<Value>(text);
        }
    }

    #[test]
    fn a_struct_is_read_from_an_object_alone() {
        assert!(serde_json::from_str::<Within>("[1]").is_ok());
        assert!(super::from_str::<Within>("[1]").is_err());
        assert!(super::from_str::<Vec<Wrapped>>("[[1]]").is_err());
    }

    #[test]
    fn what_is_borrowed_stays_so() {
        let Ok(raw) = super::from_str::<&RawValue>(r#" {"a" : 1} "#) else { panic!("no JSON") };
        assert_eq!(raw.get(), r#"{"a" : 1}"#);
        let text: Result<Vec<&str>, _> = super::from_str(r#"["a"]"#);
        assert_eq!(text.ok(), Some(vec!["a"]));
        let owned: Result<Cow<'_, str>, _> = super::from_str(r#""a\n""#);
        assert_eq!(owned.ok().as_deref(), Some("a\n"));
    }
}
