mod content;
mod decode;
mod encode;
mod knobs;
mod messages;

pub use decode::decode_request;
pub use encode::encode_request;
