mod content;
mod decode;
mod items;

pub use decode::decode_request;
