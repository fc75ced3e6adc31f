//! AWS Signature Version 4: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! Surprises
//! - The path is signed as it goes over the wire, with its escapes escaped once more.
//! - The signature is over the very bytes of the body.
//! - The service's name is not that of its host: `bedrock`, not `bedrock-runtime`.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::order;
use crate::spelling::hex;

const SCHEME: &str = "AWS4-HMAC-SHA256";

/// Whose signature it is.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub access_key: &'a str,
    pub secret_key: &'a str,
    pub session_token: Option<&'a str>,
    pub region: &'a str,
    pub service: &'a str,
}

/// What is signed. The headers' names are in lower case; `host` is among them.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub method: &'a str,
    /// The path as it goes over the wire.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// The headers to be added: the date, the token of a session, the signature.
pub fn sign(signer: &Signer<'_>, message: &Message<'_>, unix_seconds: u64) -> Vec<(&'static str, String)> {
    let moment = moment(unix_seconds);
    let day = moment.split('T').next().unwrap_or_default();
    let scope = format!("{day}/{}/{}/aws4_request", signer.region, signer.service);
    let mut headers: Vec<(&str, &str)> = message.headers.to_vec();
    headers.push(("x-amz-date", &moment));
    headers.extend(signer.session_token.map(|token| ("x-amz-security-token", token)));
    order::sort(&mut headers, |one, other| one < other);
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let asked = canonical(message, &headers, &names);
    let text = format!("{SCHEME}\n{moment}\n{scope}\n{}", hex(&Sha256::digest(asked)));
    let key = [day, signer.region, signer.service, "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", signer.secret_key).into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    let signature = hex(&hmac(&key, text.as_bytes()));
    let authorization = format!("{SCHEME} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", signer.access_key);
    let mut added = vec![("x-amz-date", moment.clone()), ("authorization", authorization)];
    added.extend(signer.session_token.map(|token| ("x-amz-security-token", token.to_owned())));
    added
}

fn canonical(message: &Message<'_>, headers: &[(&str, &str)], names: &str) -> String {
    let mut lines = String::new();
    for (name, value) in headers {
        lines.push_str(name);
        lines.push(':');
        lines.push_str(&value.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.push('\n');
    }
    let path = if message.path.is_empty() { "/".to_owned() } else { escaped(message.path, b"/") };
    let query = sorted_query(message.query);
    format!("{}\n{path}\n{query}\n{lines}\n{names}\n{}", message.method, hex(&Sha256::digest(message.body)))
}

/// Fields in the order of their names and values, each with an equals sign.
fn sorted_query(query: &str) -> String {
    let fields = query.split('&').filter(|field| !field.is_empty()).map(|field| field.split_once('=').unwrap_or((field, "")));
    let mut fields: Vec<(String, String)> = fields.map(|(name, value)| (escaped(name, b"%"), escaped(value, b"%"))).collect();
    fields.sort_unstable();
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Escapes all but unreserved letters and those given.
fn escaped(text: &str, kept: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// `20150830T123600Z`
fn moment(unix_seconds: u64) -> String {
    let second = unix_seconds % 86_400;
    let (year, month, day) = crate::time::civil(unix_seconds / 86_400);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's published test suite: its signer, its moment.
    const SIGNER: Signer<'_> = Signer {
        access_key: "AKIDEXAMPLE",
        secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token: None,
        region: "us-east-1",
        service: "service",
    };
    const AT: u64 = 1_440_938_160;
    const HOST: (&str, &str) = ("host", "example.amazonaws.com");

    fn signature(signer: &Signer<'_>, message: &Message<'_>) -> String {
        let added = sign(signer, message, AT);
        let (_, authorization) = added.iter().find(|(name, _)| *name == "authorization").unwrap();
        authorization.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_published_suite() {
        let get = Message { method: "GET", path: "/", query: "", headers: &[HOST], body: b"" };
        let form = ("content-type", "application/x-www-form-urlencoded");
        for (name, message, expected) in [
            ("get-vanilla", get, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            (
                "get-vanilla-query-order-key-case",
                Message { query: "Param2=value2&Param1=value1", ..get },
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            ("post-vanilla", Message { method: "POST", ..get }, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "post-x-www-form-urlencoded",
                Message { method: "POST", headers: &[HOST, form], body: b"Param1=value1", ..get },
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "get-vanilla-empty-query-key",
                Message { query: "Param1=value1", ..get },
                "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
            ),
            ("get-utf8", Message { path: "/ሴ", ..get }, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
            (
                "get-unreserved",
                Message { path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", ..get },
                "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
            ),
            (
                "get-vanilla-utf8-query",
                Message { query: "ሴ=bar", ..get },
                "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
            ),
            (
                "get-vanilla-query-unreserved",
                Message {
                    query: "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                    ..get
                },
                "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
            ),
            (
                "get-header-value-trim",
                Message { headers: &[HOST, ("my-header1", " value1"), ("my-header2", " \"a   b   c\"")], ..get },
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "post-vanilla-query",
                Message { method: "POST", query: "Param1=value1", ..get },
                "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
            ),
            (
                "post-header-key-sort",
                Message { method: "POST", headers: &[HOST, ("my-header1", "value1")], ..get },
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
        ] {
            assert_eq!(signature(&SIGNER, &message), expected, "{name}");
        }
    }

    #[test]
    fn the_key_derived_is_that_of_the_documentation() {
        let key = ["20150830", "us-east-1", "iam", "aws4_request"]
            .iter()
            .fold(b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec(), |key, part| hmac(&key, part.as_bytes()));
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn the_signature_of_the_documented_example_is_made() {
        let signer = Signer { service: "iam", ..SIGNER };
        let kind = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        let headers = &[("host", "iam.amazonaws.com"), kind];
        let message = Message { method: "GET", path: "/", query: "Action=ListUsers&Version=2010-05-08", headers, body: b"" };
        assert_eq!(signature(&signer, &message), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    #[test]
    fn a_path_is_signed_with_its_escapes_escaped_once_more() {
        assert_eq!(escaped("/model/us.anthropic.claude-v1%3A0/converse", b"/"), "/model/us.anthropic.claude-v1%253A0/converse");
    }

    /// `post-sts-header-before` of the suite.
    #[test]
    fn the_token_of_a_session_is_signed_and_sent() {
        let token = concat!(
            "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/",
            "qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7",
            "ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
        );
        let signer = Signer { session_token: Some(token), ..SIGNER };
        let message = Message { method: "POST", path: "/", query: "", headers: &[HOST], body: b"" };
        let added = sign(&signer, &message, AT);
        assert!(added.contains(&("x-amz-security-token", token.to_owned())));
        assert_eq!(signature(&signer, &message), "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
    }
}
