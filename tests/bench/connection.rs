//! One kept-alive HTTP/1.1 connection, read through one buffer: as little work per message as the protocol allows,
//! because what this costs is taken from the Worker that is measured on the same cores.

use std::io::{self, Error, ErrorKind, Read, Write};
use std::net::TcpStream;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// What the head of a request or an answer says about what follows.
pub struct Head {
    /// The request line or the status line.
    pub line: String,
    pub length: usize,
    pub chunked: bool,
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 << 10], start: 0, end: 0 })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// None where the other side closed between two messages.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        if self.start == self.end && self.fill()? == 0 {
            return Ok(None);
        }
        let line = self.line()?;
        let mut head = Head { line, length: 0, chunked: false };
        loop {
            let header = self.line()?;
            if header.is_empty() {
                return Ok(Some(head));
            }
            let Some((name, value)) = header.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                head.length = value.trim().parse().map_err(|_| broken("a content-length that is no number"))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                head.chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
    }

    /// Waits until there is a byte to read.
    pub fn wait(&mut self) -> io::Result<()> {
        if self.start == self.end { self.more() } else { Ok(()) }
    }

    pub fn body(&mut self, length: usize) -> io::Result<&[u8]> {
        while self.end - self.start < length {
            self.more()?;
        }
        let from = self.start;
        self.start += length;
        Ok(&self.buffer[from..from + length])
    }

    /// Reads a body in chunks and gives its length.
    pub fn chunks(&mut self) -> io::Result<usize> {
        let mut total = 0;
        loop {
            let size = usize::from_str_radix(self.line()?.trim(), 16).map_err(|_| broken("a chunk without its size"))?;
            self.body(size)?;
            if !self.line()?.is_empty() {
                return Err(broken("a chunk longer than its size"));
            }
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut seen = 0;
        loop {
            let unread = &self.buffer[self.start..self.end];
            if let Some(at) = unread[seen..].iter().position(|&byte| byte == b'\n') {
                let line = &unread[..seen + at];
                let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned();
                self.start += seen + at + 1;
                return Ok(line);
            }
            seen = unread.len();
            self.more()?;
        }
    }

    fn more(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let count = self.stream.read(&mut self.buffer[self.end..])?;
        self.end += count;
        Ok(count)
    }
}

pub fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
