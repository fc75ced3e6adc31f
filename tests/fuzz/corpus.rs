//! Seeds: what providers and callers really send, and what went wrong before.

use std::path::Path;

/// The files of a folder of `fixtures/fuzz` whose names begin so.
pub fn seeds(folder: &str, beginning: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fuzz").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with(beginning));
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Amazon's frames of lines that are a kind, a space and a payload; an exception's begins with `!`.
pub fn framed(lines: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
        let (kind, payload) = line.split_at(end);
        let (message_type, name, kind) = match kind.strip_prefix(b"!") {
            Some(kind) => ("exception", ":exception-type", kind),
            None => ("event", ":event-type", kind),
        };
        let mut headers = Vec::new();
        for (name, value) in [(":message-type", message_type.as_bytes()), (name, &kind[..kind.len().min(60_000)])] {
            headers.push(u8::try_from(name.len()).unwrap());
            headers.extend_from_slice(name.as_bytes());
            headers.push(7);
            headers.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            headers.extend_from_slice(value);
        }
        bytes.extend(frame(&headers, payload.strip_prefix(b" ").unwrap_or(payload)));
    }
    bytes
}

fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut bytes = [length(headers.len() + payload.len() + 16), length(headers.len())].concat();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&[0; 4]);
    summed(bytes)
}

/// The frames with their sums put right, as far as their lengths lead.
pub fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mut start = 0;
    while let Some(prelude) = bytes.get(start..start + 8) {
        let total = u32::from_be_bytes(prelude[..4].try_into().unwrap()) as usize;
        let sum = crc32(prelude).to_be_bytes();
        let end = start.saturating_add(total);
        if let Some(place) = bytes.get_mut(start + 8..start + 12) {
            place.copy_from_slice(&sum);
        }
        if total < 16 || end > bytes.len() {
            break;
        }
        let sum = crc32(&bytes[start..end - 4]).to_be_bytes();
        bytes[end - 4..end].copy_from_slice(&sum);
        start = end;
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }))
}
