/// A form as it is written.
#[derive(Debug)]
pub struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    /// `nonce` must not come up in what is written: it parts one field from the next.
    pub fn new(nonce: &str) -> Self {
        let nonce: String = nonce.chars().filter(char::is_ascii_alphanumeric).take(48).collect();
        Self { boundary: format!("causeway-form-{nonce}"), body: Vec::new() }
    }

    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.open(name, "");
        self.body.extend_from_slice(b"\r\n");
        self.fill(value.as_bytes())
    }

    pub fn file(mut self, name: &str, file_name: &str, media_type: &str, bytes: &[u8]) -> Self {
        self.open(name, &format!("; filename=\"{}\"", quoted(file_name)));
        let media_type: String = media_type.chars().filter(|char| char.is_ascii_graphic() || *char == ' ').collect();
        self.body.extend_from_slice(format!("Content-Type: {media_type}\r\n\r\n").as_bytes());
        self.fill(bytes)
    }

    /// The form's content type and its bytes.
    pub fn close(mut self) -> (String, Vec<u8>) {
        self.body.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        (format!("multipart/form-data; boundary={}", self.boundary), self.body)
    }

    fn open(&mut self, name: &str, more: &str) {
        let head = format!("--{}\r\nContent-Disposition: form-data; name=\"{}\"{more}\r\n", self.boundary, quoted(name));
        self.body.extend_from_slice(head.as_bytes());
    }

    fn fill(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }
}

/// As the HTML standard has it: what would end the name or its line is percent-encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
