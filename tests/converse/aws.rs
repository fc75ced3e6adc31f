//! Writes AWS event streams, as the provider does.

pub enum Header<'a> {
    Text(&'a str, &'a str),
    Raw(&'a str, u8, &'a [u8]),
}

pub fn message(headers: &[Header<'_>], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for header in headers {
        let (name, kind, value) = match header {
            Header::Text(name, text) => (name, 7, [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()),
            Header::Raw(name, kind, value) => (name, *kind, value.to_vec()),
        };
        head.push(name.len() as u8);
        head.extend_from_slice(name.as_bytes());
        head.push(kind);
        head.extend(value);
    }
    let mut bytes = ((head.len() + payload.len() + 16) as u32).to_be_bytes().to_vec();
    bytes.extend((head.len() as u32).to_be_bytes());
    bytes.extend(crc(&bytes).to_be_bytes());
    bytes.extend(head);
    bytes.extend_from_slice(payload);
    bytes.extend(crc(&bytes).to_be_bytes());
    bytes
}

pub fn event(kind: &str, payload: &str) -> Vec<u8> {
    let headers =
        [Header::Text(":event-type", kind), Header::Text(":content-type", "application/json"), Header::Text(":message-type", "event")];
    message(&headers, payload.as_bytes())
}

pub fn exception(kind: &str, payload: &str) -> Vec<u8> {
    let headers = [
        Header::Text(":exception-type", kind),
        Header::Text(":content-type", "application/json"),
        Header::Text(":message-type", "exception"),
    ];
    message(&headers, payload.as_bytes())
}

/// Bit by bit, unlike the code under test.
pub fn crc(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }))
}
