//! Where a caller may send its requests: public hosts, and those that whoever runs this deployment trusts.
//!
//! The text is taken apart by strict rules of our own, and only what fits them is accepted: nothing is left that
//! the platform's URL parser could read otherwise. A name is not resolved here; on Cloudflare a Worker's fetch
//! reaches public addresses only.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::error::{Error, Result};

/// The base URL, without a slash at its end.
pub fn base_url(text: &str, trusted: &[&str]) -> Result<String> {
    let text = text.trim();
    if text.len() > 2_048 {
        return Err(refused("is too long"));
    }
    if text.bytes().any(|byte| !(0x21..0x7f).contains(&byte) || matches!(byte, b'\\' | b'@' | b'%' | b'#' | b'?' | b'"' | b'<' | b'>')) {
        return Err(refused("may hold no credentials, query, escapes or spaces"));
    }
    let lower = text.to_ascii_lowercase();
    let Some((scheme, _)) = lower.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return Err(refused("must begin with https:// or http://"));
    };
    let rest = text.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let authority = authority.to_ascii_lowercase();
    let (host, port) = split_port(&authority)?;
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(refused("may hold no `.` or `..` in its path"));
    }
    let trusts = trusted.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(&authority));
    if !trusts {
        public(host)?;
    }
    let port = port.map(|port| port.to_string()).unwrap_or_default();
    let colon = if port.is_empty() { "" } else { ":" };
    Ok([scheme, "://", host, colon, &port, path.trim_end_matches('/')].concat())
}

/// Whether a base that was accepted is one of the trusted hosts.
pub fn is_trusted(base: &str, trusted: &[&str]) -> bool {
    let rest = base.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    split_port(authority)
        .is_ok_and(|(host, _)| trusted.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(authority)))
}

/// Whether a whole URL fits the rules as it is and leads to one of the trusted hosts.
pub fn is_trusted_url(url: &str, trusted: &[&str]) -> bool {
    url.trim() == url && base_url(url, trusted).is_ok_and(|base| is_trusted(&base, trusted))
}

/// Whether a URL is an https one at this domain, or below it, whoever reads it.
pub fn is_within(url: &str, domain: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else { return false };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let below = host.strip_suffix(domain).is_some_and(|above| above.is_empty() || above.ends_with('.'));
    host.bytes().all(plain) && below && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

fn refused(why: &str) -> Error {
    Error::invalid(format!("The custom host {why}.")).with_param("custom-host")
}

fn not_public() -> Error {
    refused("must be a public one; whoever runs this gateway may allow others in TRUSTED_CUSTOM_HOSTS")
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>)> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => {
            let (host, rest) = authority.split_at_checked(end.saturating_add(1)).unwrap_or((authority, ""));
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(|| refused("has a broken address"))?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Ok((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse::<u16>() {
            Ok(port) if port > 0 => Ok((host, Some(port))),
            _ => Err(refused("has a port that does not exist")),
        },
        Some(_) => Err(refused("has a port that is no number")),
    }
}

/// Name endings that lead into private networks, or nowhere.
const PRIVATE_NAMES: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "test",
    "onion",
    "arpa",
    "invalid",
    "host",
];

fn public(host: &str) -> Result<()> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: Ipv6Addr =
            inner.strip_suffix(']').and_then(|inner| inner.parse().ok()).ok_or_else(|| refused("has a broken address"))?;
        return if public_v6(address) { Ok(()) } else { Err(not_public()) };
    }
    let labels: Vec<&str> = host.split('.').collect();
    let fine = |label: &&str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !labels.iter().all(fine) || host.len() > 253 {
        return Err(refused("has a name that is none"));
    }
    let last = labels.last().copied().unwrap_or_default();
    // URL parsers read a name whose last label is a number as an address, in any of its notations.
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
        let address = address_v4(&labels).ok_or_else(|| refused("has a broken address"))?;
        return if public_v4(address) { Ok(()) } else { Err(not_public()) };
    }
    if labels.len() < 2 || PRIVATE_NAMES.contains(&last) || host == "metadata.google.internal" {
        return Err(not_public());
    }
    Ok(())
}

/// One to four numbers, decimal, octal or hexadecimal, the last of which fills what is left.
fn address_v4(labels: &[&str]) -> Option<Ipv4Addr> {
    let numbers = labels.iter().map(|label| number(label)).collect::<Option<Vec<u64>>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|number| *number > 255) {
        return None;
    }
    let left = u32::try_from(4 - leading.len()).ok()?;
    if *last >= 256u64.pow(left) {
        return None;
    }
    let high = leading.iter().zip([24, 16, 8]).map(|(number, shift)| number << shift).sum::<u64>();
    u32::try_from(high + last).ok().map(Ipv4Addr::from)
}

fn number(label: &str) -> Option<u64> {
    if let Some(hex) = label.strip_prefix("0x") {
        return if hex.is_empty() { Some(0) } else { u64::from_str_radix(hex, 16).ok() };
    }
    match label.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => u64::from_str_radix(octal, 8).ok(),
        _ => label.parse().ok(),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    )
}

/// Global unicast, less what wraps another address or is for documents.
fn public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let wraps = a == 0x2002 || (a == 0x2001 && b < 0x0200);
    let documents = (a == 0x2001 && b == 0x0db8) || a == 0x3fff;
    global && !wraps && !documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_hosts_are_taken_and_normalised() {
        for (text, base) in [
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("HTTPS://API.Example.com:8443/V1", "https://api.example.com:8443/V1"),
            ("http://8.8.8.8/v1", "http://8.8.8.8/v1"),
            ("https://[2606:4700::1111]:443", "https://[2606:4700::1111]:443"),
            ("https://my_host.example.co", "https://my_host.example.co"),
        ] {
            assert_eq!(base_url(text, &[]).unwrap(), base);
        }
    }

    #[test]
    fn every_notation_of_a_private_address_is_refused() {
        let hosts = [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "0x7F.1",
            "0",
            "0.0.0.0",
            "00.0.0.0",
            "10.0.0.1",
            "0xa.1",
            "012.1",
            "167772161",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "0xc0a80101",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12:3456::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[100::1]",
            "localhost",
            "a.localhost",
            "db.local",
            "x.internal",
            "metadata.google.internal",
            "router.lan",
            "nas.home",
            "x.corp",
            "x.test",
            "x.onion",
            "1.0.0.127.in-addr.arpa",
            "intranet",
            "LOCALHOST",
        ];
        for host in hosts {
            for text in [format!("http://{host}"), format!("https://{host}:8080/v1")] {
                let error = base_url(&text, &[]).unwrap_err();
                assert_eq!(error.status, 400);
                assert_eq!(error.param.as_deref(), Some("custom-host"), "{text}");
            }
        }
    }

    #[test]
    fn what_parsers_read_differently_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "file:///etc/passwd",
            "https://user@example.com",
            "https://user:pw@example.com",
            "https://example.com#@10.0.0.1",
            "https://example.com?x=1",
            "https://exa%6dple.com",
            "https://example.com\\@10.0.0.1",
            "https://example.com /v1",
            "https://ex\tample.com",
            "https://example.com.",
            "https://.example.com",
            "https://a..b.com",
            "https://exämple.com",
            "https://１２７.0.0.1",
            "https://example.com:0",
            "https://example.com:65536",
            "https://example.com:80a",
            "https://[::1",
            "https://[fe80::1%25eth0]",
            "https://[::1]x",
            "https://256.1.1.1",
            "https://1.2.3.4.5",
            "https://0x1ffffffff",
            "https://08.1.1.1",
            "https://example.com/../x",
            "https://",
            "https:///v1",
            "https://foo.0x",
            "javascript://example.com",
        ] {
            assert!(base_url(text, &[]).is_err(), "{text}");
        }
    }

    #[test]
    fn trusted_hosts_are_taken_as_named_and_no_others() {
        let trusted = ["localhost", "127.0.0.1:9000", "[::1]"];
        for (text, taken) in [
            ("http://localhost:1234/v1", true),
            ("http://LocalHost/v1", true),
            ("http://127.0.0.1:9000", true),
            ("http://127.0.0.1:9001", false),
            ("http://127.0.0.1", false),
            ("http://[::1]:80", true),
            ("http://127.1:9000", false),
            ("http://a.localhost", false),
            ("http://localhost@example.com", false),
        ] {
            assert_eq!(base_url(text, &trusted).is_ok(), taken, "{text}");
        }
        assert!(is_trusted("http://localhost:1234/v1", &trusted));
        assert!(!is_trusted("https://example.com/localhost", &trusted));
    }

    #[test]
    fn any_way_to_write_an_address_leads_to_the_same_verdict() {
        for address in [0x7f00_0001u32, 0x0a00_0001, 0xa9fe_a9fe, 0xc0a8_0001, 0xac10_0001, 0x0808_0808, 0x0101_0101] {
            let [a, b, c, d] = address.to_be_bytes();
            let public = public_v4(Ipv4Addr::from(address));
            let low = address & 0xffff;
            let lower = address & 0x00ff_ffff;
            let forms = [
                format!("{a}.{b}.{c}.{d}"),
                format!("{address}"),
                format!("0x{address:x}"),
                format!("0{address:o}"),
                format!("{a}.{lower}"),
                format!("0x{a:x}.{lower}"),
                format!("{a}.{b}.{low}"),
                format!("0{a:o}.0x{b:x}.{low}"),
                format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
                format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
                format!("000{a:o}.{b}.{c}.{d}"),
            ];
            for form in forms {
                assert_eq!(base_url(&format!("http://{form}/"), &[]).is_ok(), public, "{form}");
            }
        }
    }
}
