mod decode;
mod encode;
mod settings;
mod turns;

pub use decode::decode_request;
pub use encode::encode_request;
