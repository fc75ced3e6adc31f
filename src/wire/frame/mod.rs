//! Bytes of a stream to its frames.

pub mod aws;
pub mod list;
pub mod sse;

use sse::Frame;

/// How a provider's stream is cut into frames.
#[derive(Debug)]
pub enum Frames {
    Events(sse::Parser),
    Aws(aws::Parser),
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        match self {
            Frames::Events(parser) => parser.push(bytes, sink),
            Frames::Aws(parser) => parser.push(bytes, sink),
        }
    }

    /// The stream has ended: hands over what is whole but lacks its end.
    pub fn finish(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        match self {
            Frames::Events(parser) => parser.finish(sink),
            Frames::Aws(_) => {}
        }
    }

    /// Why nothing more can be read from this stream, if so.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Frames::Events(parser) => parser.overrun().then_some("The provider sent an event that is too long."),
            Frames::Aws(parser) => parser.fault(),
        }
    }
}
