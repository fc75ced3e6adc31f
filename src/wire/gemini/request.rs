mod contents;
mod decode;
mod encode;
mod media;
mod names;
mod parts;
mod schema;
mod settings;
mod turns;

pub use decode::decode_request;
pub use encode::encode_request;
