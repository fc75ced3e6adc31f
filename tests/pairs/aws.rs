//! Writes AWS event streams, as the provider does.

/// A stream told by lines: the kind of an event, a blank, its payload.
pub fn stream(lines: &str) -> Vec<u8> {
    lines.lines().filter_map(|line| line.split_once(' ')).flat_map(|(kind, payload)| event(kind, payload)).collect()
}

fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    let head: Vec<u8> = headers.iter().flat_map(|(name, value)| header(name, value)).collect();
    let mut bytes = length(head.len() + payload.len() + 16).to_vec();
    bytes.extend(length(head.len()));
    bytes.extend(sum(&bytes).to_be_bytes());
    bytes.extend(head);
    bytes.extend_from_slice(payload.as_bytes());
    bytes.extend(sum(&bytes).to_be_bytes());
    bytes
}

fn header(name: &str, value: &str) -> Vec<u8> {
    let short = |text: &str| u8::try_from(text.len()).unwrap();
    [&[short(name)], name.as_bytes(), &[7, 0, short(value)], value.as_bytes()].concat()
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap().to_be_bytes()
}

/// Bit by bit, unlike the code under test.
fn sum(bytes: &[u8]) -> u32 {
    let bit = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0u32, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), bit))
}
